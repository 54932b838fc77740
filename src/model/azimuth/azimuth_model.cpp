// SPDX-License-Identifier: Apache-2.0
#include "model/azimuth/azimuth_model.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <cstdlib>

#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "core/files/sha256.h"
#include "core/side_by_side.h"
#include "data/walkaround/azimuth_window.h"
#include "data/walkaround/vehicle_mask.h"

namespace spinfill {
namespace {

constexpr const char* kFormat = "spinfill-azimuth";
constexpr int kVersion = 1;
constexpr const char* kWeights = "weights.safetensors";
constexpr const char* kManifest = "manifest.json";

}  // namespace

fs::path azimuth_model_folder(const std::string& given) {
  if (!given.empty()) return given;
  if (const char* named = std::getenv("SPINFILL_AZIMUTH_MODEL"); named != nullptr && *named != '\0') return named;
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const char* place : {"../../models/azimuth", "../share/spinfill/models/azimuth"}) {
    if (fs::exists(program / place / kManifest)) return (program / place).lexically_normal();
  }
  fail_usage("there is no azimuth model with the program: name one by --azimuth-model or SPINFILL_AZIMUTH_MODEL");
}

AzimuthModel load_azimuth_model(const fs::path& folder) {
  const fs::path path = folder / kManifest;
  const std::string where = path.string();
  if (!fs::exists(path))
    fail_usage("{}: is not an azimuth model (no {}); name the folder that data train-azimuth wrote", folder.string(),
               kManifest);
  const Json manifest = read_json(path, 1 << 20);
  if (!manifest.is_object() || manifest.value("format", Json()) != Json(kFormat))
    fail("{}: is not an azimuth model's manifest", where);
  if (manifest.value("version", Json()) != Json(kVersion))
    fail("{}: version {} is not known here, only {}", where, manifest.value("version", Json()).dump().substr(0, 20),
         kVersion);
  const Json temperature = manifest.value("temperature", Json());
  if (!temperature.is_number() || !(temperature.get<double>() > 0) || !std::isfinite(temperature.get<double>()))
    fail("{}: field 'temperature' is no positive number", where);
  AzimuthModel model;
  Safetensors weights = read_safetensors(folder / kWeights);
  model.sha256 = sha256_file(folder / kWeights);
  if (manifest.value("sha256", Json()) != Json(model.sha256))
    fail("{}: does not match its hash in the manifest; copy the model again", (folder / kWeights).string());
  model.network = azimuth_network_of(weights.tensors, (folder / kWeights).string());
  model.temperature = temperature.get<double>();
  model.training = manifest.value("training", Json::object());
  if (!model.training.is_object() || !model.training.value("rounds", Json::array()).is_array())
    fail("{}: field 'training' is damaged", where);
  return model;
}

void write_azimuth_model(const AzimuthModel& model, const fs::path& folder) {
  TensorMap half;
  for (const auto& [name, tensor] : model.network->state()) half[name] = tensor.detach().to(at::kHalf);
  const std::string hash = write_safetensors(folder / kWeights, half);
  write_json_atomic(folder / kManifest, {{"format", kFormat},
                                         {"version", kVersion},
                                         {"temperature", model.temperature},
                                         {"sha256", hash},
                                         {"training", model.training}});
}

at::Tensor window_tensor(const std::vector<cv::Mat>& windows) {
  at::Tensor out = at::empty({static_cast<std::int64_t>(windows.size()), 3, kAzimuthHeight, kAzimuthWidth}, at::kFloat);
  auto values = out.accessor<float, 4>();
  for (std::int64_t n = 0; n < out.size(0); ++n) {
    const cv::Mat& window = windows[static_cast<std::size_t>(n)];
    for (int y = 0; y < kAzimuthHeight; ++y) {
      for (int x = 0; x < kAzimuthWidth; ++x) {
        const auto& pixel = window.at<cv::Vec3b>(y, x);
        for (int c = 0; c < 3; ++c) values[n][c][y][x] = pixel[c] / 255.F;
      }
    }
  }
  return out;
}

at::Tensor azimuth_shares(const AzimuthModel& model, const cv::Mat& rgb, const cv::Mat& alpha) {
  const cv::Rect box = cv::boundingRect(cv::Mat(alpha >= kSeenAlpha));
  if (box.empty()) fail("no pixel of the mask is the vehicle's");
  std::vector<cv::Mat> windows;
  for (const cv::Mat& picture : {on_azimuth_ground(rgb, alpha), rgb}) {
    for (const bool mirror : {false, true}) {
      WindowChange change;
      change.mirror = mirror;
      windows.push_back(azimuth_window(picture, box, change));
    }
  }
  const KeepTorchThreads keep;
  use_one_torch_thread();
  const at::NoGradGuard no_grad;
  AzimuthNetwork network = model.network;
  const at::Tensor logits = network->forward(window_tensor(windows));
  const at::Tensor seen = (logits[0] + mirrored_bins(logits[1]) + logits[2] + mirrored_bins(logits[3])) / 4;
  return at::softmax(seen / model.temperature, 0);
}

AzimuthEstimate estimate_azimuth(const AzimuthModel& model, const cv::Mat& rgb, const cv::Mat& alpha) {
  return estimate_of(azimuth_shares(model, rgb, alpha));
}

}  // namespace spinfill

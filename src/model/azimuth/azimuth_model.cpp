// SPDX-License-Identifier: Apache-2.0
#include "model/azimuth/azimuth_model.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <cstdlib>

#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "core/side_by_side.h"
#include "core/tensors/model_folder.h"
#include "data/pictures/picture_tensor.h"
#include "data/walkaround/azimuth_window.h"
#include "data/walkaround/vehicle_mask.h"

namespace spinfill {
namespace {

constexpr ModelFolderKind kAzimuthKind{"spinfill-azimuth", "an azimuth model", "data train-azimuth"};

}  // namespace

fs::path azimuth_model_folder(const std::string& given) {
  if (!given.empty()) return given;
  if (const char* named = std::getenv("SPINFILL_AZIMUTH_MODEL"); named != nullptr && *named != '\0') return named;
  if (const auto own = model_with_program("azimuth")) return *own;
  fail_usage("there is no azimuth model with the program: name one by --azimuth-model or SPINFILL_AZIMUTH_MODEL");
}

AzimuthModel load_azimuth_model(const fs::path& folder) {
  const ModelFolder stored = read_model_folder(folder, kAzimuthKind);
  const Json temperature = stored.manifest.value("temperature", Json());
  if (!temperature.is_number() || !(temperature.get<double>() > 0) || !std::isfinite(temperature.get<double>()))
    fail("{}: field 'temperature' is no positive number", stored.manifest_file);
  AzimuthModel model;
  model.network = azimuth_network_of(stored.weights, stored.weights_file);
  model.temperature = temperature.get<double>();
  model.training = stored.training;
  model.sha256 = stored.sha256;
  return model;
}

void write_azimuth_model(const AzimuthModel& model, const fs::path& folder) {
  write_model_folder(folder, kAzimuthKind, model.network->state(), model.training,
                     {{"temperature", model.temperature}});
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
  const at::Tensor logits = network->forward(picture_tensor(windows));
  const at::Tensor seen = (logits[0] + mirrored_bins(logits[1]) + logits[2] + mirrored_bins(logits[3])) / 4;
  return at::softmax(seen / model.temperature, 0);
}

AzimuthEstimate estimate_azimuth(const AzimuthModel& model, const cv::Mat& rgb, const cv::Mat& alpha) {
  return estimate_of(azimuth_shares(model, rgb, alpha));
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "data/identity/identity_model.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>

#include <opencv2/core/utils/logger.hpp>
#include <opencv2/dnn.hpp>
#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "core/files/place_note.h"
#include "core/files/sha256.h"
#include "data/pictures/opencv_threads.h"

namespace spinfill {
namespace {

constexpr std::size_t kMostValues = 8192;  // of an embedding
constexpr std::uint64_t kMostModelBytes = std::uint64_t{2} << 30;

int say_nothing(int, const char*, const char*, const char*, int, void*) {
  return 0;
}

// Of all networks: OpenCV's settings below are those of the whole process.
std::mutex& one_at_a_time() {
  static std::mutex mutex;
  return mutex;
}

// OpenCV prints what it then throws. Made where one_at_a_time() is held.
class QuietOpenCv {
 public:
  QuietOpenCv() : level_(cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT)) {
    cv::redirectError(say_nothing);
  }
  ~QuietOpenCv() {
    cv::redirectError(nullptr);
    cv::utils::logging::setLogLevel(level_);
  }
  QuietOpenCv(const QuietOpenCv&) = delete;
  QuietOpenCv& operator=(const QuietOpenCv&) = delete;

 private:
  cv::utils::logging::LogLevel level_;
};

std::string one_line(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  constexpr std::size_t most = 200;
  if (text.size() > most) text.replace(most - 3, std::string::npos, "...");
  return text;
}

// [H,W] px, 32-bit colours in the picture's order, fitted into a size.
cv::Mat fitted(const cv::Mat& colours, const cv::Size& size) {
  const double scale =
      std::min(static_cast<double>(size.width) / colours.cols, static_cast<double>(size.height) / colours.rows);
  const cv::Size inner(std::clamp(static_cast<int>(std::lround(colours.cols * scale)), 1, size.width),
                       std::clamp(static_cast<int>(std::lround(colours.rows * scale)), 1, size.height));
  cv::Mat out(size, CV_32FC3), resized;
  out.setTo(colours.at<cv::Vec3f>(0, 0));
  cv::resize(colours, resized, inner, 0, 0, scale < 1 ? cv::INTER_AREA : cv::INTER_LINEAR);
  resized.copyTo(
      out(cv::Rect((size.width - inner.width) / 2, (size.height - inner.height) / 2, inner.width, inner.height)));
  return out;
}

}  // namespace

struct IdentityModel::State {
  IdentityConfig config;
  std::string section;
  std::string sha256;
  cv::dnn::Net net;
  std::int64_t dimensions = 0;  // 0: not yet run

  // Exit 3 where the network cannot be run or gives no embedding.
  Embedding run(const cv::Mat& colours) {
    const cv::Mat rgb = fitted(colours, {static_cast<int>(config.width), static_cast<int>(config.height)});
    const bool planes_first = config.layout == TensorLayout::nchw;
    const int shape[] = {1, planes_first ? 3 : rgb.rows, planes_first ? rgb.rows : rgb.cols,
                         planes_first ? rgb.cols : 3};
    cv::Mat input(4, shape, CV_32F);
    auto* to = input.ptr<float>();
    for (int y = 0; y < rgb.rows; ++y) {
      for (int x = 0; x < rgb.cols; ++x) {
        for (int c = 0; c < 3; ++c) {
          const auto channel = static_cast<std::size_t>(config.colours == ColourOrder::rgb ? c : 2 - c);
          const double value =
              (rgb.at<cv::Vec3f>(y, x)[static_cast<int>(channel)] - config.mean[channel]) / config.std[channel];
          to[planes_first ? (c * rgb.rows + y) * rgb.cols + x : (y * rgb.cols + x) * 3 + c] = static_cast<float>(value);
        }
      }
    }
    const std::lock_guard lock(one_at_a_time());
    const QuietOpenCv quiet;
    cv::Mat output;
    try {
      net.setInput(input);
      output = net.forward().clone();
    } catch (const cv::Exception& error) {
      fail("{}: OpenCV cannot run it on pictures of {}×{} px, {}: {}; see {}.width, height and layout", config.model,
           config.width, config.height, name_of(config.layout), one_line(error.err), section);
    }
    if (output.type() != CV_32F || output.total() < 2)
      fail("{}: its output is no embedding: it needs at least two values of 32 bits", config.model);
    if (output.total() > kMostValues)
      fail("{}: its output has {} values, which is no embedding (at most {}): pool it first", config.model,
           output.total(), kMostValues);
    const auto* values = output.ptr<float>();
    Embedding out(values, values + output.total());
    if (!std::ranges::all_of(out, [](double value) { return std::isfinite(value); }))
      fail("{}: its output is not finite", config.model);
    if (std::ranges::all_of(out, [](double value) { return value == 0; }))
      fail("{}: its output is zero everywhere: it tells nothing apart", config.model);
    if (dimensions != 0 && dimensions != std::ssize(out))
      fail("{}: gave {} values, and {} for another picture: it is no embedding", config.model, out.size(), dimensions);
    return out;
  }
};

namespace {

// Those that are in use, by content, settings and path, which messages name.
using LoadedModels = std::map<std::string, std::weak_ptr<const IdentityModel>>;

std::string key_of(const IdentityConfig& config, const std::string& section, const std::string& sha256) {
  return sha256 + section + to_json(config).dump();
}

cv::dnn::Net read_network(const std::string& bytes, const std::string& path) {
  const std::lock_guard lock(one_at_a_time());
  const QuietOpenCv quiet;
  cv::dnn::Net net;
  try {
    net = cv::dnn::readNetFromONNX(bytes.data(), bytes.size());
  } catch (const cv::Exception& error) {
    fail("{}: OpenCV cannot read it as ONNX: {}", path, one_line(error.err));
  } catch (const std::exception& error) {
    fail("{}: OpenCV cannot read it as ONNX: {}", path, one_line(error.what()));
  }
  if (net.empty()) fail("{}: an ONNX file without a network", path);
  net.setPreferableBackend(cv::dnn::DNN_BACKEND_OPENCV);
  net.setPreferableTarget(cv::dnn::DNN_TARGET_CPU);
  if (const std::size_t outputs = net.getUnconnectedOutLayers().size(); outputs != 1)
    fail("{}: has {} outputs; an embedding network has one", path, outputs);
  return net;
}

}  // namespace

void IdentityConfig::bind(Fields& f) {
  f.text("model", model, "ONNX file of an embedding network (one input, one output); empty: none");
  f.number("width", width, "Width of its input, px", 8, 4096);
  f.number("height", height, "Height of its input, px", 8, 4096);
  f.list("mean", mean, "What is subtracted from red, green and blue in [0,1]", -1000, 1000);
  f.list("std", std, "What they are divided by then", 1e-6, 1000);
  f.choice("layout", layout, "Order of its input: nchw (channels first) or nhwc");
  f.choice("colours", colours, "Order of its channels");
  f.require(mean.size() == 3 && std.size() == 3, "mean and std need three numbers each (red, green, blue)");
}

double cosine_similarity(const Embedding& a, const Embedding& b) {
  if (a.size() != b.size() || a.empty()) fail("embeddings of {} and {} values do not compare", a.size(), b.size());
  double product = 0, square_a = 0, square_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    product += a[i] * b[i];
    square_a += a[i] * a[i];
    square_b += b[i] * b[i];
  }
  return product / std::sqrt(square_a * square_b);  // 0/0: NaN
}

std::shared_ptr<const IdentityModel> IdentityModel::load(const IdentityConfig& config, const std::string& section) {
  use_one_opencv_thread();
  if (!fs::exists(config.model))
    fail("{}.model: {}: there is no such file{}", section, config.model, place_note(config.model));
  const std::string bytes = read_file(config.model, kMostModelBytes);
  const std::string sha256 = sha256_hex(bytes), key = key_of(config, section, sha256);
  static std::mutex mutex;
  static LoadedModels loaded;
  const std::lock_guard lock(mutex);  // what several threads ask for at once is loaded once
  std::erase_if(loaded, [](const auto& one) { return one.second.expired(); });
  if (const auto found = loaded.find(key); found != loaded.end()) {
    if (auto model = found->second.lock()) return model;
  }
  auto state = std::make_shared<State>();
  state->config = config;
  state->section = section;
  state->sha256 = sha256;
  state->net = read_network(bytes, config.model);
  state->dimensions = std::ssize(state->run(cv::Mat(32, 32, CV_32FC3, cv::Scalar::all(0.5))));
  auto model = std::make_shared<IdentityModel>();
  model->state_ = state;
  loaded[key] = model;
  return model;
}

Embedding IdentityModel::embedding(const at::Tensor& picture) const {
  if (picture.dim() != 3 || picture.size(0) != 3 || picture.numel() == 0)
    fail("identity: needs a picture [3,H,W], got [{}]", fmt::join(picture.sizes(), ","));
  const at::Tensor pixels = picture.detach().to(at::kCPU, at::kFloat).permute({1, 2, 0}).contiguous();
  return state_->run(cv::Mat(static_cast<int>(pixels.size(0)), static_cast<int>(pixels.size(1)), CV_32FC3,
                             const_cast<void*>(pixels.const_data_ptr())));
}

std::int64_t IdentityModel::dimensions() const {
  return state_->dimensions;
}
const std::string& IdentityModel::sha256() const {
  return state_->sha256;
}
const IdentityConfig& IdentityModel::config() const {
  return state_->config;
}

std::string IdentityModel::bytes() const {
  std::string bytes = read_file(config().model, kMostModelBytes);
  if (sha256_hex(bytes) != sha256()) fail("{}: has changed while it was in use", config().model);
  return bytes;
}

std::string IdentityModel::fingerprint() const {
  return sha256() + description()["input"].dump();
}

Json IdentityModel::description() const {
  const IdentityConfig& c = state_->config;
  return {{"file", fs::path(c.model).filename().string()},
          {"sha256", state_->sha256},
          {"input",
           {{"width", c.width},
            {"height", c.height},
            {"mean", c.mean},
            {"std", c.std},
            {"layout", name_of(c.layout)},
            {"colours", name_of(c.colours)}}}};
}

}  // namespace spinfill

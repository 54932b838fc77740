// SPDX-License-Identifier: Apache-2.0
#include "metrics/predictions.h"

#include <ATen/ATen.h>

#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "core/files/sha256.h"
#include "core/text.h"
#include "data/pictures/picture.h"
#include "data/sets/slots.h"
#include "data/sets/view_set.h"
#include "metrics/image_metrics.h"

namespace spinfill {
namespace {

fs::path folder_of(const std::string& id) {
  if (!is_valid_id(id)) fail("'{}' cannot be a vehicle's id", escaped(id));
  return fs::path("predictions") / id;
}

cv::Mat read_kept(const fs::path& path, ScoredAt at) {
  cv::Mat picture = read_picture(path);
  if (at == ScoredAt::model) cv::cvtColor(picture, picture, cv::COLOR_RGBA2RGB);
  return picture;
}

}  // namespace

cv::Mat rgb_picture(const at::Tensor& picture) {
  const at::Tensor bytes =
      rounded_to_8_bits(picture.to(at::kFloat)).mul(255).round().to(at::kByte).permute({1, 2, 0}).cpu().contiguous();
  const int height = static_cast<int>(bytes.size(0)), width = static_cast<int>(bytes.size(1));
  return cv::Mat(height, width, CV_8UC3, bytes.data_ptr()).clone();
}

std::string picture_sha256(const cv::Mat& picture) {
  const cv::Mat whole = picture.isContinuous() ? picture : picture.clone();
  Sha256 hash;
  const std::string size = fmt::format("{}x{} ", whole.cols, whole.rows);
  hash.add(size.data(), size.size());
  hash.add(whole.data, whole.total() * whole.elemSize());
  return hash.hex();
}

std::string predictions_sha256(const std::vector<ImageRow>& rows) {
  std::string lines;
  for (const ImageRow& row : rows) {
    if (row.prediction_sha256.empty()) return {};
    lines += row.prediction_sha256 + "\n";
  }
  return sha256_hex(lines);
}

fs::path prediction_path(const std::string& id, std::int64_t sample, std::int64_t azimuth_deg) {
  return folder_of(id) / fmt::format("{}-{:03}.png", sample, azimuth_deg);
}

fs::path truth_path(const std::string& id, std::int64_t azimuth_deg) {
  return folder_of(id) / fmt::format("truth-{:03}.png", azimuth_deg);
}

void keep_prediction(const fs::path& report, const ImageRow& row, const cv::Mat& prediction, const cv::Mat& truth) {
  const std::int64_t azimuth = azimuth_of(row.slot);
  const fs::path path = report / prediction_path(row.id, row.sample, azimuth),
                 of_truth = report / truth_path(row.id, azimuth);
  make_folder(path.parent_path());
  write_png(path, prediction);
  if (!fs::exists(of_truth)) write_png(of_truth, truth);  // the same for all of a vehicle's samples
}

void keep_predictions(const fs::path& report, const BatchScored& scored) {
  for (const ImageRow& row : scored.rows)
    keep_prediction(report, row, rgb_picture(scored.of(row, scored.pictures)),
                    rgb_picture(scored.of(row, scored.batch.colour)));
}

cv::Mat read_prediction(const fs::path& report, const std::string& id, std::int64_t sample, std::int64_t azimuth_deg,
                        ScoredAt at, const std::string& sha256) {
  const fs::path path = report / prediction_path(id, sample, azimuth_deg);
  cv::Mat picture = read_kept(path, at);
  if (picture_sha256(picture) != sha256) fail("{}: is not the picture that was scored", path.string());
  return picture;
}

cv::Mat read_truth(const fs::path& report, const std::string& id, std::int64_t azimuth_deg, ScoredAt at) {
  return read_kept(report / truth_path(id, azimuth_deg), at);
}

}  // namespace spinfill

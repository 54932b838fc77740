// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include <opencv2/core/mat.hpp>

#include "core/files/files.h"
#include "metrics/evaluation.h"

namespace spinfill {

// The pictures that were scored: what they are known by, and where a report's folder keeps them.

// [3,H,W] in [0,1] → 8-bit RGB, rounded as scores are.
cv::Mat rgb_picture(const at::Tensor& picture);

// SHA-256 of "WxH " and then the 8-bit pixels row by row, channels interleaved: of what is seen, however it is stored.
std::string picture_sha256(const cv::Mat& picture);

// Of the rows' hashes in their order, one a line; empty where a row has none.
std::string predictions_sha256(const std::vector<ImageRow>& rows);

// Below a report's folder: predictions/car-03/12-090.png of a vehicle, a sample and an azimuth in degrees, and
// predictions/car-03/truth-090.png. Errors (exit 3): an id that is no vehicle's, so that none leads elsewhere.
fs::path prediction_path(const std::string& id, std::int64_t sample, std::int64_t azimuth_deg);
fs::path truth_path(const std::string& id, std::int64_t azimuth_deg);

// Writes a prediction and its truth below `report` as PNG: at the model's size RGB on the background, at photo the
// whole delivered picture and the whole cut-out photograph as RGBA.
void keep_prediction(const fs::path& report, const ImageRow& row, const cv::Mat& prediction, const cv::Mat& truth);
void keep_predictions(const fs::path& report, const BatchScored& scored);

// Those that a report keeps: RGB at the model's size, RGBA at photo. Errors (exit 3): a file that is missing or
// damaged, a prediction that has not the hash that its row states.
cv::Mat read_prediction(const fs::path& report, const std::string& id, std::int64_t sample, std::int64_t azimuth_deg,
                        ScoredAt at, const std::string& sha256);
cv::Mat read_truth(const fs::path& report, const std::string& id, std::int64_t azimuth_deg, ScoredAt at);

}  // namespace spinfill

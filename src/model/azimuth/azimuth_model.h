// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include <opencv2/core/mat.hpp>

#include "core/files/json.h"
#include "model/azimuth/azimuth_bins.h"
#include "model/azimuth/azimuth_network.h"

namespace spinfill {

// A trained azimuth network, ready to be asked (docs/photos.md). Its folder: weights.safetensors and manifest.json.
struct AzimuthModel {
  AzimuthNetwork network{nullptr};
  double temperature = 1;  // by which logits are divided, so that confidences are shares of right answers
  Json training;           // what it was trained on and from, with licences; part of the manifest
  std::string sha256;      // of the weights
};

// The model that a command uses: `given` where it is not empty, else $SPINFILL_AZIMUTH_MODEL, else the one that lies
// with the program: models/azimuth of the folder it was built in, or of ../share/spinfill where it is installed. Exit 2
// with what to do where there is none.
std::filesystem::path azimuth_model_folder(const std::string& given);

// Exit 2: no such model. Exit 3: damaged, of another version, or weights that do not fit the manifest's hash.
AzimuthModel load_azimuth_model(const std::filesystem::path& folder);
// Writes both files into the folder, weights as fp16.
void write_azimuth_model(const AzimuthModel& model, const std::filesystem::path& folder);

// From where a photograph shows its vehicle: shares [72], float32, sum 1 (azimuth_bins.h). rgb: 8-bit; alpha: 8-bit of
// its size, the vehicle's mask. The mean of the logits for the vehicle alone and for the photograph as it is, each also
// mirrored. No bit depends on the number of threads. Exit 3: an empty mask.
at::Tensor azimuth_shares(const AzimuthModel& model, const cv::Mat& rgb, const cv::Mat& alpha);
// Of these, what one photograph by itself says.
AzimuthEstimate estimate_azimuth(const AzimuthModel& model, const cv::Mat& rgb, const cv::Mat& alpha);

}  // namespace spinfill

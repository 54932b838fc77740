// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "core/tensors/safetensors.h"
#include "data/identity/identity_model.h"
#include "model/autoencoder/autoencoder.h"
#include "run/run_config.h"

namespace spinfill {

// A trained model that a student may learn from, in float32.
struct TeacherModel {
  ModelConfig model;
  TensorMap weights;
  std::string autoencoder;  // AutoencoderFile::content_hash(); empty: that of pixels
  std::string identity;     // IdentityModel::fingerprint() of data.identity's; empty: there is none
};
// Reads the folder of a run or a bundle: the caller's, as `train` reads no bundles.
using ReadTeacher = std::function<TeacherModel(const std::filesystem::path&)>;

// The weights that distill.teacher names, or where it is gone those that a run to be resumed keeps; nothing where the
// run does not distil.
// Errors: exit 2 names a key in which the teacher's model is another one than the run's, or guidance that it was not
// trained for; exit 3: there is no such folder, and no copy.
std::optional<TensorMap> open_teacher(const RunConfig& config, const std::filesystem::path& run, bool resume,
                                      const Autoencoder& autoencoder, const IdentityModel* identity,
                                      const ReadTeacher& read);
// Keeps them in the run's folder, where they are not yet: for the first rank.
void keep_teacher(const std::filesystem::path& run, const TensorMap& weights);

// SHA-256 of names and values.
std::string content_hash(const TensorMap& weights);

}  // namespace spinfill

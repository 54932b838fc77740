// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "infer/loaded_model.h"
#include "model/sampling/generate.h"

namespace spinfill {

struct SampleOptions {
  SamplerConfig sampler;
  std::uint64_t seed = 0;
  std::int64_t count = 4;
  std::string category;  // empty: unknown
  // Identity vectors [D] float32, D the model's identity_dim; undefined: unknown. With both, the vehicles lie evenly on
  // the way from one to the other and share their noise; else each has its own noise.
  at::Tensor identity, identity_to;
  bool replace = false;                            // an earlier output may be replaced
  std::vector<std::filesystem::path> inputs = {};  // what was read: `out` may not overlap it
  SamplerProgress progress;                        // may throw to stop
};

// Makes vehicles up, without any photograph: all eight views of each on the model's canonical turntable, generated
// together. Writes the folder `out`, whole or not at all: for each vehicle a view set (docs/data.md) named vehicle-000,
// vehicle-001, … with its contact_sheet.png and spin.html, its pictures marked as machine-made. Returns their ids.
// Errors (exit 2): the model was never trained without references (data.references 0, data.missing 8), an identity of
// another width, an interpolation of fewer than two.
std::vector<std::string> sample_vehicles(const LoadedModel& model, const std::filesystem::path& out,
                                         const SampleOptions& options);

// float32 [D] of a safetensors file with the one tensor `identity` (data/sets/identity.h), or by the model's network of
// all views of the set in a folder. Exit 2: a folder, but no network.
at::Tensor read_identity_of(const LoadedModel& model, const std::filesystem::path& file);

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <string>
#include <vector>

#include "core/tensors/safetensors.h"
#include "infer/loaded_model.h"

namespace spinfill {

// The parity fixture of a bundle: two small vehicles that are nobody's pictures (a painted ellipsoid, ray-traced from
// the turntable's cameras), one with a missing view, one with three. A bundle stores them and the pictures that the
// model must make of them, so that any machine can check that it runs the model that was exported.
struct ParityCase {
  std::string name;  // "one-step", "few-steps"
  SamplerConfig sampler;
  std::uint64_t seed = 0;
};
std::vector<ParityCase> parity_cases();

// Tensors of parity/inputs.safetensors: picture [B,V,4,H,W] uint8 RGBA; background [B,3]; is_reference, is_target,
// azimuth_deg, vehicle_from_camera, intrinsics, cue, category, samples as in data/batches/batch.h; identity where the
// model has one: of the pictures by its network, or a ramp where it has none; with model.normals normals and
// normals_given, which the first vehicle's references alone have. Priors are not stored: computing them is part of what
// is checked.
TensorMap make_parity_inputs(const LoadedModel& model);

// Checked shapes and dtypes (exit 3 names the tensor), priors computed. Exit 1 where the model's network gives other
// identity vectors on this machine than are stored.
Batch parity_batch(const TensorMap& inputs, const LoadedModel& model, const std::string& where);

// 3, or 6 with model.normals.
std::int64_t parity_channels(const ModelConfig& model);

// Target pictures of one case in the order of is_target, and with model.normals after them (n + 1)/2 of their normals:
// [T,3 or 6,H,W] float32 in [0,1] on the CPU.
at::Tensor run_parity_case(const Denoiser& denoiser, const Batch& batch, const ParityCase& parity);

// How far two results are apart. agreement_db is PSNR between them (infinite when equal).
struct Agreement {
  double max_abs = 0, agreement_db = 0;
};
Agreement compare_pictures(const at::Tensor& a, const at::Tensor& b);

// How far the case's targets as `complete` delivers them (infer/matte.h), composited on their background, are from its
// pictures in 8 bits. `batch` and `pictures` as above.
Agreement delivered_agreement(const Denoiser& denoiser, const Batch& batch, const PriorConfig& priors,
                              const ParityCase& parity, const at::Tensor& pictures);
// What rounding to 8 bits may leave between them: one of 255 levels.
inline constexpr double kDeliveredTolerance = 1.001 / 255;

// The targets' true pictures, and their normals after them, where the batch has them: [T,3 or 6,H,W], for scores.
at::Tensor parity_truth(const Batch& batch);

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "data/batches/batch.h"

namespace spinfill {

// Letters as in data/batches/batch.h. Only the entries of targets are read.
struct Prediction {
  at::Tensor pictures;  // [B,V,3,H,W] in [0,1]
  at::Tensor normals;   // [B,V,3,H,W] in the vehicle's frame, of any length; undefined: none
  Prediction(at::Tensor of_pictures, at::Tensor of_normals = {})  // NOLINT: pictures alone are a prediction
      : pictures(std::move(of_pictures)), normals(std::move(of_normals)) {}
};
// What completes a batch.
using Predictor = std::function<Prediction(const Batch&)>;

// What every model is compared with: nothing learned, computed from the references alone.
inline const std::vector<std::string> kBaselines = {"nearest", "mirror", "prior", "mirror-or-prior"};

// nearest: the reference nearest in azimuth is copied; of two equally near ones that of the lower slot; without any
//   reference the plain background.
// mirror: the picture of the slot at −θ flipped left-right where that is a reference, else nearest.
// prior: the hull warp (data/priors/prior_image.h).
// mirror-or-prior: the flipped mirror view where given, else the hull warp. The one to beat.
// The last two need batch.priors. Another name is an error (exit 2).
at::Tensor baseline_pictures(const std::string& name, const Batch& batch);
// The hull's for the last two, undefined for the others.
at::Tensor baseline_normals(const std::string& name, const Batch& batch);
Predictor baseline_predictor(const std::string& name);

// "mirror view given", "front/back" (the view is its own mirror view) or "side without mirror".
inline const std::vector<std::string> kCases = {"mirror view given", "front/back", "side without mirror"};
const std::string& case_of(std::int64_t slot, const std::vector<bool>& is_reference);

}  // namespace spinfill

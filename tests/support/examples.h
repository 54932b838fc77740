// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "core/files/json.h"
#include "core/tensors/safetensors.h"
#include "data/batches/batch.h"
#include "metrics/evaluation.h"
#include "support/support.h"

namespace spinfill {

// The arrays of tests/fixtures/metrics/make_fixtures.py: x[i+1] = 1664525·x[i] + 1013904223 mod 2^32, x[0] = 12345 +
// which, as (x >> 8)/2^24.
at::Tensor sequence(std::uint32_t which, const std::vector<std::int64_t>& shape);   // float64
at::Tensor picture(std::uint32_t which, std::int64_t height, std::int64_t width);   // [1,3,H,W] float64, 8 bits
at::Tensor coverage(std::uint32_t which, std::int64_t height, std::int64_t width);  // [1,1,H,W] float64, 8 bits

const Json& reference();  // tests/fixtures/metrics/reference.json

const Json& lpips_reference(const std::string& net);      // its entry of "lpips"
TensorMap example_lpips_weights(const std::string& net);  // those of make_fixtures.py

// A batch that needs no files: random pictures, an elliptic vehicle of full coverage, priors that are another
// random picture. `subsets` lists each set's missing slots; ids are "car-<sample>".
Batch example_batch(const std::vector<std::int64_t>& samples, const std::vector<std::vector<std::int64_t>>& missing,
                    std::int64_t height = 20, std::int64_t width = 24);

// The references plus a little noise, so that a model stands between truth and baselines: truth for targets + noise.
Predictor example_model(double noise);

NextBatch batches_of(std::vector<Batch> batches);

// Everything that a test may compare exactly.
std::string text_of(const EvaluationReport& report);

}  // namespace spinfill

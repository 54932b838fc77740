// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "model/denoiser/denoiser.h"
#include "model/tiny.h"

namespace spinfill::test {

// A tiny denoiser with all parameters redrawn, a batch, and noisy latents of its targets.
struct Case {
  explicit Case(const std::vector<std::string>& slots, const ModelConfig& config = tiny_config())
      : denoiser(config, 1), batch(make_batch(slots)) {
    randomise(denoiser);
    conditioning = denoiser.condition(batch);
    x = random_normal({conditioning.layout.targets, 12, 8, 12}, 11);
    sigma = at::exp(random_normal({conditioning.layout.targets}, 12));
  }
  at::Tensor denoise() const {
    return denoiser.denoise(x, sigma, conditioning, denoiser.encode_references(conditioning));
  }
  Denoiser denoiser;
  Batch batch;
  Conditioning conditioning;
  at::Tensor x, sigma;
};

}  // namespace spinfill::test

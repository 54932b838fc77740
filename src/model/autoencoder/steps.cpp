// SPDX-License-Identifier: Apache-2.0
#include "model/autoencoder/steps.h"

#include <ATen/ATen.h>

namespace spinfill {

at::Tensor run_whole(const Steps& steps, const at::Tensor& x) {
  const Normalise normalise = [](const GroupNorm& norm, const at::Tensor& map) { return norm->forward(map); };
  FeatureMap at{x, {}};
  for (const Step& step : steps) at = step.run(at, normalise);
  return at.x;
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "data/batches/batch.h"
#include "data/batches/model_pictures.h"
#include "data/batches/samples.h"

namespace spinfill {

// One batch on the CPU, priors undefined. Cameras are the sample's own, or those that `config` asks for. References
// must exist on disk; a target that does not is background with alpha 0. Without a cache every picture is decoded, and
// the network of config.identity read.
Batch make_batch(const DataSet& data, std::span<const SampleSpec> samples, const DataConfig& config,
                 PictureCache* cache = nullptr);

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "data/batches/batch.h"
#include "model/autoencoder/autoencoder.h"
#include "model/config.h"
#include "model/denoiser/conditioner.h"
#include "model/denoiser/conditioning.h"

namespace spinfill {

// What Denoiser::arrange and Denoiser::condition do.
Arrangement arrange_batch(const Batch& batch, const ConditionDrop& drop, const ModelConfig& config,
                          const Autoencoder& autoencoder);
Conditioning condition_batch(const Batch& batch, const Arrangement& arrangement, const ModelConfig& config,
                             const Autoencoder& autoencoder, ConditionerImpl& learned);

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "model/autoencoder/discriminator.h"
#include "model/autoencoder/trained_autoencoder.h"
#include "train/autoencoder/config.h"
#include "train/checkpoints/checkpoint.h"
#include "train/step/optimizer.h"

namespace spinfill {

// What a checkpoint of an autoencoder's training holds: all weights (those of the discriminator as discriminator.*),
// the averages of those that are trained, and the optimisers' state.
class AutoencoderState {
 public:
  AutoencoderState(TrainedAutoencoder autoencoder, const AutoencoderRunConfig& config);
  // Errors (exit 3) name what the checkpoint lacks.
  void start_from(const Checkpoint& checkpoint);

  const TrainedAutoencoder& autoencoder() const { return autoencoder_; }
  const PatchDiscriminator* discriminator() const { return discriminator_ ? &*discriminator_ : nullptr; }
  AdamW& optimizer() { return optimizer_; }
  AdamW* discriminator_optimizer() { return of_discriminator_ ? &*of_discriminator_ : nullptr; }

  void average(double decay);  // the averages follow the weights
  // What others read: the averages, and the weights of what is not trained, as they are.
  AutoencoderFile averaged() const;
  // What is saved; its tensors are the state's own, not copies.
  CheckpointShare share(std::int64_t step, const TrainingProgress& progress) const;

 private:
  TensorMap weights() const;
  TensorMap averages() const;
  TrainedAutoencoder autoencoder_;
  std::optional<PatchDiscriminator> discriminator_;
  std::vector<at::Tensor> weights_, averages_;  // of what is trained
  AdamW optimizer_;
  std::optional<AdamW> of_discriminator_;
};

}  // namespace spinfill

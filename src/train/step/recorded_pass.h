// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "data/batches/batch.h"
#include "model/denoiser/denoiser.h"
#include "model/denoiser/loss.h"

namespace spinfill {

// Work on a device that can be repeated, reading and writing the same memory.
class Recording {
 public:
  virtual ~Recording() = default;
  // Call it once. What `work` starts on the device is recorded, not executed.
  virtual void record(const std::function<void()>& work) = 0;
  virtual void replay() = 0;
};
using MakeRecording = std::function<std::unique_ptr<Recording>()>;

// Forward and backward of micro-batches. A shape (how many sets have how many references and targets, and the size of
// their pictures) that comes again is recorded and from then on replayed: the processor then starts one piece of work
// instead of thousands. Replayed or not, the result is the same.
class RecordedPasses {
 public:
  // At most `most` shapes, the first ones, are recorded: each keeps a batch and its draws.
  static constexpr std::size_t kMost = 32;
  RecordedPasses(const Denoiser& denoiser, MakeRecording make, std::size_t most = kMost);

  // Before the first micro-batch of a step: the parameters' gradients become zeros, in memory that stays where it is.
  void begin_step();
  // Adds the gradients of a micro-batch to those of the parameters.
  TrainingLoss add(const Batch& batch, const TrainingDraw& draw, const LossOptions& options);

 private:
  struct Shape {
    Batch batch;  // what the recording reads
    TrainingDraw draw;
    TrainingLoss loss;  // what it writes
    std::unique_ptr<Recording> recording;
  };
  TrainingLoss pass(const Batch& batch, const TrainingDraw& draw, const LossOptions& options);

  Denoiser denoiser_;
  std::vector<at::Tensor> parameters_, gradients_;
  MakeRecording make_;
  std::size_t most_;
  std::map<std::string, std::unique_ptr<Shape>> shapes_;  // null: seen once
};

}  // namespace spinfill

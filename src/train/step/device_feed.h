// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <c10/core/Device.h>
#include <c10/core/Stream.h>

#include <cstdint>
#include <optional>

#include "data/batches/loader.h"
#include "run/run_config.h"
#include "train/ranks/ranks.h"

namespace spinfill {

// A rank's share of a run's micro-batches.
TrainingStream training_stream(const RunConfig& config, const Ranks& ranks);

// A rank's training batches in order, on its device, with priors. On a processor they are the loader's. For a GPU the
// loader leaves them in pinned memory; another thread copies the next one to the GPU and computes its priors on a
// stream of its own, while the previous one is trained on.
class DeviceFeed {
 public:
  // Batches first … last − 1 of the stream; `data` must outlive the feed.
  DeviceFeed(const DataSet& data, const DataConfig& config, TrainingStream stream, std::int64_t first,
             std::int64_t last, c10::Device device);

  Batch next();  // an error (exit 3) after the last
  double waited_seconds() const { return upload_ ? upload_->waited_seconds() : host_.waited_seconds(); }

 private:
  c10::Device device_;
  Loader host_;
  std::optional<Loader> upload_;  // one thread, so that it takes the host's batches in their order
};

}  // namespace spinfill

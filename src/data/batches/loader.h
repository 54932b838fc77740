// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "data/batches/make_batch.h"
#include "data/config.h"

namespace spinfill {

// The batch of a step: a pure function of the step, called from several threads at once.
using MakeBatch = std::function<Batch(std::int64_t step)>;

struct TrainingStream {
  std::uint64_t seed = 0;
  std::int64_t batch_size = 1;  // sets per batch of one rank
  std::int64_t rank = 0, world = 1;
  bool priors = true;          // computed in the loader's threads; else by whoever takes the batch, on a GPU
  bool pinned = false;         // Batch::pinned
  std::int64_t own_sets = -1;  // sets after these are replayed (training_sample); −1: none
};
// Batch `step` of a rank holds the samples (step·world + rank)·batch_size … + batch_size − 1, with one picture cache
// for all of its threads. `data` must outlive what is returned.
MakeBatch training_batches(const DataSet& data, const DataConfig& config, const TrainingStream& stream);

// The samples in their order, batch_size at a time, the last batch shorter; `data` must outlive what is returned.
MakeBatch listed_batches(const DataSet& data, const DataConfig& config, std::vector<SampleSpec> samples,
                         std::int64_t batch_size, bool priors = true);

// Prepares batches in background threads, which use one torch thread each, at most `prefetch` ahead, and hands them out
// in order.
class Loader {
 public:
  // Steps first … last − 1.
  Loader(MakeBatch make, std::int64_t first, std::int64_t last, const LoaderConfig& config);
  ~Loader();  // at any moment; waits for the batches being made, not for those not yet begun
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  // The next step's batch; empty after the last. What making it threw is thrown here, at its step; the call after that
  // gives the next step.
  std::optional<Batch> next();
  std::int64_t step() const { return next_; }        // what next() will give
  double waited_seconds() const { return waited_; }  // that next() spent waiting, so far

 private:
  struct Place {
    bool ready = false;
    Batch batch;
    std::exception_ptr error;
  };
  void work();
  void stop();
  MakeBatch make_;
  std::int64_t next_, last_, begun_;
  double waited_ = 0;
  std::vector<Place> ring_;  // step s at s % size
  bool stop_ = false;
  std::int64_t started_ = 0;
  std::mutex mutex_;
  std::condition_variable room_, ready_;
  std::vector<std::thread> threads_;
};

}  // namespace spinfill

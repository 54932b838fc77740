// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "data/batches/make_batch.h"
#include "data/spins/set_cameras.h"
#include "metrics/config.h"
#include "metrics/evaluation.h"
#include "model/sampling/sampler.h"

namespace spinfill {

// Every world-th batch from the rank-th: the share of one of several processes.
struct EvaluationShare {
  std::int64_t rank = 0, world = 1;
};

// The fixed list of (vehicle, subset) pairs that scores are made on, and its batches: the same for validation in
// training and for `spinfill evaluate`, so that their numbers compare.
class EvaluationSet {
 public:
  // `limit` vehicles, evenly spread over the split; 0: all.
  EvaluationSet(const DataConfig& data, const EvaluationConfig& evaluation, const std::string& split,
                std::int64_t limit = 0);

  std::int64_t batches() const;
  std::int64_t batches(const EvaluationShare& share) const;
  Batch batch(std::int64_t index) const;  // on the CPU, with priors
  // The batches of a share in order, made `at_once` side by side (core/side_by_side.h). The set must outlive it.
  NextBatch stream(std::int64_t at_once, const EvaluationShare& share = {}) const;
  Protocol protocol(const SamplerConfig& sampler, std::uint64_t sampling_seed) const;
  const DataSet& data() const { return data_; }
  const DataConfig& config() const { return config_; }
  const std::vector<SampleSpec>& samples() const { return samples_; }

 private:
  DataConfig config_;
  EvaluationConfig evaluation_;
  DataSet data_;
  TargetCameras cameras_;
  std::shared_ptr<PictureCache> pictures_;  // by the store alone, none in memory: an evaluation uses each sample once
  std::vector<SampleSpec> samples_;
};

}  // namespace spinfill

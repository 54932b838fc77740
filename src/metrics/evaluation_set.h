// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "data/batches/make_batch.h"
#include "data/spins/set_cameras.h"
#include "metrics/config.h"
#include "metrics/evaluation.h"
#include "model/sampling/sampler.h"

namespace spinfill {

// Every world-th of these from the rank-th: the share of one of several processes.
std::vector<std::int64_t> share_of(const std::vector<std::int64_t>& all, std::int64_t rank, std::int64_t world);

// The fixed list of (vehicle, subset) pairs that scores are made on, and its batches: the same for validation in
// training and for `spinfill evaluate`, so that their numbers compare.
class EvaluationSet {
 public:
  // `limit` vehicles, evenly spread over the split; 0: all.
  EvaluationSet(const DataConfig& data, const EvaluationConfig& evaluation, const std::string& split,
                std::int64_t limit = 0);

  bool scores_normals() const;  // the sets' normals are read, which they then must have (else exit 3)
  std::int64_t batches() const;
  std::vector<std::int64_t> all_batches() const;  // 0, 1, …
  std::span<const SampleSpec> samples_of(std::int64_t batch) const;
  Batch batch(std::int64_t index) const;  // on the CPU, with priors
  // These batches in order, made `at_once` side by side (core/side_by_side.h). The set, and `times` to which their
  // making is added, must outlive it.
  NextBatch stream(std::int64_t at_once, std::vector<std::int64_t> batches, EvaluationTimes* times = nullptr) const;
  NextBatch stream(std::int64_t at_once) const { return stream(at_once, all_batches()); }
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

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/config.h"
#include "metrics/config.h"
#include "metrics/protocol.h"

namespace spinfill {

// How a model is to be scored, as a file (configs/protocol/*.yaml), so that two nights or two teams cannot differ by an
// option. What it does not state is the model's own: its size, its priors, how it samples where steps is 0.
struct ProtocolFile {
  ScoredAt at = ScoredAt::model;
  std::string split = "test";
  std::vector<std::int64_t> missing = {1, 2, 3}, references = {};  // as DataConfig has them
  std::vector<std::int64_t> given = {};                            // as EvaluationConfig has it
  std::int64_t subsets = 1, subset_seed = 1, limit = 0;
  std::vector<double> background = {1, 1, 1};
  CameraSource cameras = CameraSource::stated;
  std::int64_t steps = 0, sampling_seed = 0, samples = 1;
  std::string lpips = "any";  // the net that the weights must be of; none: without LPIPS

  void bind(Fields& f);
  void apply(DataConfig& data, EvaluationConfig& evaluation) const;
};

// Keys of a run's configuration that it states, which --set cannot change then.
const std::vector<std::string>& keys_of_protocol();

// Exit 2: a key or value that is not known.
ProtocolFile read_protocol_file(const std::filesystem::path& path);
Json to_json(ProtocolFile file);

}  // namespace spinfill

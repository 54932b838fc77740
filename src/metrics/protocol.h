// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/files/json.h"
#include "metrics/metric_list.h"

namespace spinfill {

// Instead of a split's name, where the data has no splits: then every set is scored, whichever split was asked for.
inline constexpr const char* kNoSplits = "all sets (no splits)";

// Most samples of a view that can be asked for.
inline constexpr std::int64_t kMostSamples = 1000;

// How scores were measured: everything that moves a number. The caller fills in the first group, evaluate() the second.
struct Protocol {
  ScoredAt at = ScoredAt::model;
  std::string data;                 // the data set's folder, as given
  std::string split;                // or kNoSplits
  std::uint64_t subset_seed = 0;    // of the reference subsets
  std::string subsets;              // in words, e.g. "1 to 3 of 8 views missing, 2 subsets a vehicle"
  std::string cameras;              // which ones targets have, in words, e.g. "targets' true cameras"
  std::string conditions;           // cameras and priors, in words
  std::string sampler;              // what draws the views, e.g. "one step" or "dpm++2m"
  std::int64_t steps = 0;           // sampling steps; 0 where nothing is sampled
  std::uint64_t sampling_seed = 0;  // of a view's first sample; the others have those that follow
  std::string lpips_absent;         // choose_lpips' reason where LPIPS is absent
  bool normals = false;             // scored, against the sets' own
  Json stated;                      // the protocol file that was followed (metrics/protocol_file.h); null: none

  std::int64_t samples = 1;             // of each target view; the model's scores are their means
  std::string ssim_absent;              // why: the pictures are too small; empty where SSIM is there
  bool round_to_8_bits = true;          // model, baselines and truth alike
  std::int64_t width = 0, height = 0;   // px; 0 at photo, where each picture has its own
  double background[3] = {0, 0, 0};     // sRGB in [0,1], the same for all pictures
  std::string lpips_net, lpips_sha256;  // empty: absent
  Json identity;                        // IdentityModel::description(); null: absent
  std::string dists_sha256;             // empty: absent
  std::string st_lpips_net, st_lpips_sha256, st_lpips_absent;  // empty: not asked for; why it is absent all the same
  std::string identity_absent, dists_absent;                   // why
  std::int64_t vehicles = 0, subset_count = 0, images = 0;
  std::string subsets_sha256;  // of the list of (vehicle, sample, references, targets)
  std::string truth_sha256;    // of the true pictures and their coverage as they were scored
};

// In full, with the definitions in words.
Json protocol_to_json(const Protocol& protocol);
Protocol protocol_from_json(const Json& value, const std::string& where);

// An entry in which two protocols (as JSON objects) differ. Where the data lies, what the model is given besides the
// pictures (priors, cues) and how it samples are the model's own affair; all else moves numbers that the model has no
// part in, and scores then do not compare.
struct Difference {
  std::string key;   // as in the report, below protocol
  std::string text;  // "VALUE and VALUE"
  bool moves_numbers;
};
std::vector<Difference> differences(const Json& a, const Json& b);
// Those that move numbers, in one line; empty if the scores compare.
std::string unlike(const Json& a, const Json& b);

}  // namespace spinfill

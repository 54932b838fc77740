// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "core/config/config.h"
#include "metrics/dists.h"
#include "metrics/identity.h"
#include "metrics/lpips.h"

namespace spinfill {

// How scores are taken: by validation in training and by `spinfill evaluate`.
struct EvaluationConfig {
  LpipsConfig lpips;
  IdentityConfig identity;
  DistsConfig dists;
  StLpipsConfig st_lpips;
  std::int64_t subset_seed = 1;
  std::int64_t subsets = 1;              // per vehicle and count of missing views
  std::vector<std::int64_t> given = {};  // azimuths; when not empty, the views given in every sample
  bool normals = true;                   // of models with model.normals, against the sets' own
  bool reference_normals = false;        // these models are given the references' own
  std::int64_t batch_sets = 4;
  void bind(Fields& f);
};

// The key `given`, which protocol files have, too.
bool is_given_list(const std::vector<std::int64_t>& azimuths);  // up to seven different primary ones
void bind_given(Fields& f, std::vector<std::int64_t>& given);

}  // namespace spinfill

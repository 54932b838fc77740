// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "metrics/config.h"
#include "metrics/dists.h"
#include "metrics/identity.h"
#include "metrics/lpips.h"
#include "metrics/metric_list.h"
#include "metrics/protocol.h"

namespace spinfill {

// The networks besides LPIPS' that scores are made with, where they are given; else why not.
struct ScoringNets {
  std::shared_ptr<const IdentityModel> identity = {};
  std::shared_ptr<const Dists> dists = {};
  std::shared_ptr<const Lpips> st_lpips = {};
  std::string identity_absent = "not asked for", dists_absent = "not asked for";
  bool any() const { return identity || dists || st_lpips; }
};

// Those that the configuration names. A file that is named but cannot be used is an error (exit 3).
ScoringNets choose_nets(const EvaluationConfig& config, at::Device device);

// Names them, or why there are none.
void note_nets(Protocol& protocol, const ScoringNets& nets);

// Of M pictures [M,3,H,W] of one truth [3,H,W], the given views' embeddings beside them (none where they are not
// known).
EmbeddedView score_by_nets(const ScoringNets& nets, const at::Tensor& pictures, const at::Tensor& truth,
                           const std::vector<Embedding>& references, std::vector<Scores>& scores);

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "metrics/scoring_nets.h"

#include <ATen/ATen.h>

#include <limits>

#include "metrics/distinct.h"
#include "metrics/picture_size.h"

namespace spinfill {

ScoringNets choose_nets(const EvaluationConfig& config, at::Device device) {
  const IdentityChoice identity = choose_identity(config.identity);
  const DistsChoice dists = choose_dists(config.dists, device);
  return {identity.model, dists.dists, choose_st_lpips(config.st_lpips, device), identity.absent, dists.absent};
}

void note_nets(Protocol& protocol, const ScoringNets& nets) {
  protocol.identity = nets.identity ? nets.identity->description() : Json();
  protocol.identity_absent = nets.identity ? "" : nets.identity_absent;
  protocol.dists_sha256 = nets.dists ? nets.dists->sha256() : "";
  protocol.dists_absent = nets.dists ? "" : nets.dists_absent;
  protocol.st_lpips_net = nets.st_lpips ? nets.st_lpips->net() : "";
  protocol.st_lpips_sha256 = nets.st_lpips ? nets.st_lpips->sha256() : "";
}

EmbeddedView score_by_nets(const ScoringNets& nets, const at::Tensor& pictures, const at::Tensor& truth,
                           const std::vector<Embedding>& references, std::vector<Scores>& scores) {
  EmbeddedView embedded;
  if (!nets.any()) return embedded;
  at::Tensor firsts;
  const Distinct kinds = distinct_pictures(pictures, firsts);
  std::vector<Scores> own(kinds.firsts.size());
  for (Scores& one : own) one.fill(std::numeric_limits<double>::quiet_NaN());
  if (nets.identity) embedded = score_identity(*nets.identity, firsts, truth, references, own);
  const auto note = [&](std::size_t metric, const at::Tensor& distances) {
    for (std::size_t k = 0; k < own.size(); ++k) own[k][metric] = distances.const_data_ptr<double>()[k];
  };
  if (nets.dists) note(kDists, nets.dists->distance(firsts, truth.unsqueeze(0)));
  if (nets.st_lpips && too_small_for(*nets.st_lpips, truth.size(2), truth.size(1)).empty())
    note(kStLpips, nets.st_lpips->distance(firsts, truth.unsqueeze(0)));
  for (std::size_t m = 0; m < scores.size(); ++m)
    for (const std::size_t k : {kIdentity, kIdentityOfReferences, kDists, kStLpips})
      scores[m][k] = own[kinds.kinds[m]][k];
  if (nets.identity) embedded.pictures = of_all(kinds, embedded.pictures);
  return embedded;
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "metrics/config.h"

#include <algorithm>
#include <set>

#include "data/sets/slots.h"

namespace spinfill {

bool is_given_list(const std::vector<std::int64_t>& azimuths) {
  return std::ranges::all_of(azimuths, [](std::int64_t a) { return a >= 0 && a < 360 && a % 45 == 0; }) &&
         std::set(azimuths.begin(), azimuths.end()).size() == azimuths.size() && azimuths.size() < kSlots;
}

void bind_given(Fields& f, std::vector<std::int64_t>& given) {
  f.list("given", given,
         "Azimuths of the views given in every sample, all others asked for; when not empty, in place of counts", 0,
         315);
  f.require(is_given_list(given), "given takes up to seven different primary azimuths: 0, 45, ... 315");
}

void EvaluationConfig::bind(Fields& f) {
  f.group("lpips", lpips, "The perceptual metric's weights");
  f.group("identity", identity, "The network that tells whether two pictures show one vehicle");
  f.group("dists", dists, "DISTS' weights");
  f.group("st_lpips", st_lpips, "The weights of ST-LPIPS, which forgives small shifts");
  f.number("subset_seed", subset_seed, "Seed of the fixed list of reference subsets", 0, std::int64_t{1} << 52);
  f.number("subsets", subsets, "Subsets per vehicle and count of missing views", 1, 56);
  bind_given(f, given);
  f.flag("normals", normals,
         "Score the normals of models with model.normals against the sets' normal pictures; off where there are none");
  f.flag("reference_normals", reference_normals,
         "Give these models the references' own normals; off: they are generated from the pictures, as by complete");
  f.number("batch_sets", batch_sets, "Sets generated at once", 1, 4096);
  f.require_at("reference_normals", normals || !reference_normals,
               "reads them with evaluation.normals: switch that on");
}

}  // namespace spinfill

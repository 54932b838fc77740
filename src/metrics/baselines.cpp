// SPDX-License-Identifier: Apache-2.0
#include "metrics/baselines.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "core/config/config.h"
#include "core/error.h"
#include "data/priors/prior_image.h"
#include "data/sets/slots.h"

namespace spinfill {
namespace {

at::Tensor copied_pictures(const Batch& batch, bool mirror) {
  const at::Tensor is_reference = batch.is_reference.cpu().contiguous();
  const at::Tensor azimuth = batch.azimuth_deg.cpu().to(at::kDouble).contiguous();
  const auto given = is_reference.accessor<bool, 2>();
  const auto azimuths = azimuth.accessor<double, 2>();
  std::vector<at::Tensor> sets;
  for (std::int64_t b = 0; b < batch.size(); ++b) {
    const at::Tensor plain = batch.background[b].view({3, 1, 1}).expand_as(batch.colour[b][0]);
    std::vector<at::Tensor> views;
    for (std::int64_t v = 0; v < Batch::kViews; ++v) {
      const std::int64_t m = mirrored_slot(v);
      if (mirror && m != v && given[b][m]) {
        views.push_back(batch.colour[b][m].flip({2}));
        continue;
      }
      std::int64_t nearest = -1;
      for (std::int64_t r = 0; r < Batch::kViews; ++r) {
        if (!given[b][r]) continue;
        const double angle = apart_deg(azimuths[b][r], azimuths[b][v]);
        if (nearest < 0 || angle < apart_deg(azimuths[b][nearest], azimuths[b][v])) nearest = r;
      }
      views.push_back(nearest < 0 ? plain : batch.colour[b][nearest]);
    }
    sets.push_back(at::stack(views));
  }
  return at::stack(sets);
}

}  // namespace

at::Tensor baseline_pictures(const std::string& name, const Batch& batch) {
  at::NoGradGuard no_grad;
  if (name == "nearest") return copied_pictures(batch, false);
  if (name == "mirror") return copied_pictures(batch, true);
  const bool prior = name == "prior";
  if (!prior && name != "mirror-or-prior") {
    const auto meant = did_you_mean(name, kBaselines);
    fail_usage("baseline:{}: there is no such baseline{}; there are {}", name,
               meant ? fmt::format(", did you mean {}?", *meant) : "", fmt::join(kBaselines, ", "));
  }
  if (!batch.priors.warped.defined()) fail("the baseline {} needs the batch's priors, which were not computed", name);
  return prior ? prior_image(batch.priors, batch.background) : mirror_or_prior_image(batch.priors, batch.background);
}

at::Tensor baseline_normals(const std::string& name, const Batch& batch) {
  return name == "prior" || name == "mirror-or-prior" ? batch.priors.normal : at::Tensor();
}

Predictor baseline_predictor(const std::string& name) {
  if (std::find(kBaselines.begin(), kBaselines.end(), name) == kBaselines.end()) baseline_pictures(name, Batch{});
  return
      [name](const Batch& batch) { return Prediction(baseline_pictures(name, batch), baseline_normals(name, batch)); };
}

const std::string& case_of(std::int64_t slot, const std::vector<bool>& is_reference) {
  const std::int64_t mirror = mirrored_slot(slot);
  if (mirror == slot) return kCases[1];
  return is_reference.at(mirror) ? kCases[0] : kCases[2];
}

}  // namespace spinfill

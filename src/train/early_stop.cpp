// SPDX-License-Identifier: Apache-2.0
#include "train/early_stop.h"

namespace spinfill {

void EarlyStop::update(double psnr, std::int64_t step) {
  if (step == 0) return;
  if (!any_ || psnr > psnr_ + config_.min_delta) {
    any_ = true;
    psnr_ = psnr;
    stale_ = 0;
  } else {
    ++stale_;
  }
}

Json EarlyStop::to_json() const {
  return {{"psnr", any_ ? Json(psnr_) : Json()}, {"stale", stale_}};
}

void EarlyStop::load(const Json& progress) {
  const auto stored = progress.find("early_stop");
  if (stored == progress.end()) return;
  any_ = !stored->at("psnr").is_null();
  if (any_) psnr_ = stored->at("psnr").get<double>();
  stale_ = stored->at("stale").get<std::int64_t>();
}

}  // namespace spinfill

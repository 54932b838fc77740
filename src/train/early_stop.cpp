// SPDX-License-Identifier: Apache-2.0
#include "train/early_stop.h"

namespace spinfill {

void EarlyStop::update(double psnr, std::int64_t step) {
  if (step == 0) return;
  if (!validations_.psnr || psnr > *validations_.psnr + config_.min_delta) {
    validations_ = {psnr, 0};
  } else {
    ++validations_.count;
  }
}

}  // namespace spinfill

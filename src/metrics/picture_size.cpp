// SPDX-License-Identifier: Apache-2.0
#include "metrics/picture_size.h"

#include <fmt/format.h>

#include <algorithm>

#include "metrics/image_metrics.h"

namespace spinfill {

std::string too_small_for_ssim(std::int64_t width, std::int64_t height) {
  if (std::min(width, height) >= kSsimWindow) return {};
  const bool none = std::min(width, height) < kUniformSsimWindow;
  return fmt::format(
      "pictures of {}×{} px are smaller than SSIM's window of {}×{} px{}", width, height, kSsimWindow, kSsimWindow,
      none ? fmt::format(" and the uniform one of {}×{} px", kUniformSsimWindow, kUniformSsimWindow) : "");
}

std::string too_small_for(const Lpips& lpips, std::int64_t width, std::int64_t height) {
  if (std::min(width, height) >= lpips.smallest_size()) return {};
  return fmt::format("pictures of {}×{} px are smaller than the {} px that {} needs", width, height,
                     lpips.smallest_size(), lpips.title());
}

}  // namespace spinfill

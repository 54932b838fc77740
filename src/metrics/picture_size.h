// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "metrics/lpips.h"

namespace spinfill {

// Why pictures of a size, px, have no such score; empty where they have. The other scores come all the same.
std::string too_small_for_ssim(std::int64_t width, std::int64_t height);
std::string too_small_for(const Lpips& lpips, std::int64_t width, std::int64_t height);

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/random.h"

namespace spinfill::test {

// One to four small damages of the kind that files meet: flipped bits, overwritten bytes and integers, a cut, a removed
// or repeated stretch, a splice of two places.
std::string mutate(std::string_view bytes, Random& random);

// Iterations of mutate_and_try: SPINFILL_FUZZ_ITERATIONS, else 300.
std::int64_t fuzz_iterations();

// Calls `function` with mutations of a valid input, the same ones in every run. It may succeed or throw Error; any
// other exception fails the test and names the iteration. Returns how many inputs were refused.
std::int64_t mutate_and_try(std::string_view valid, const std::function<void(std::string_view)>& function,
                            std::uint64_t seed = 1);

}  // namespace spinfill::test

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "synth/options.h"

namespace spinfill::synth {

// What was left out by --skip-bad, one line each, in the output.
inline constexpr const char* kLeftOutFile = "left-out.txt";

// The whole command: every set, splits.json, all or nothing. The result depends on the options but not on `threads`.
// Returns one line on the models that were left out, if any.
std::string make_sets(const SynthOptions& options);

}  // namespace spinfill::synth

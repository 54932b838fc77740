// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "synth/options.h"

namespace spinfill::synth {

// The whole command: every set, splits.json, all or nothing. The result depends on the options but not on `threads`.
void make_sets(const SynthOptions& options);

}  // namespace spinfill::synth

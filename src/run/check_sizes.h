// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "run/run_config.h"

namespace spinfill {

// Checks what the groups need of each other for a run that is to be made: picture sizes that the network takes,
// categories, a noise schedule. Call it after bind(). Errors (exit 2) at their places.
void check_sizes(Fields& f, const RunConfig& config);

}  // namespace spinfill

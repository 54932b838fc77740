// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace spinfill {

// Starts `count` copies of this program with the given arguments, as torchrun does: RANK, WORLD_SIZE and so on in the
// environment, the store served here. OMP_NUM_THREADS shares the processors among them unless it is set.
// A stop signal (core/signals.h) stops all, by SIGTERM; a person's second SIGINT ends them at once. When this process
// dies, they get SIGTERM. When one fails, the others have
// `grace` seconds to end by themselves and are killed then. Returns the exit code of the first that failed (3 where a
// signal ended it, named on stderr), 75 where all stopped for a signal, or 0.
int spawn_ranks(int count, const std::vector<std::string>& arguments, double grace);

}  // namespace spinfill

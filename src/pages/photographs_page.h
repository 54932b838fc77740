// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/files/files.h"
#include "data/walkaround/report.h"

namespace spinfill {

// One HTML file that needs nothing else: every photograph as it came with its mask laid over it, the azimuths on a
// compass with the gaps between them, what was not used and why, and a link to spin.html beside it.
std::string photographs_page(const WalkaroundReport& report);
void write_photographs_page(const WalkaroundReport& report, const fs::path& file);

}  // namespace spinfill

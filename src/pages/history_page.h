// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/files/json.h"

namespace spinfill {

// By it a file is known as one of these.
inline constexpr const char* kHistoryPageMark = "content=\"spinfill compare --history\"";

// A curve of each score over the nights (metrics/nights.h), and a table of the last ones with their verdicts; nothing
// from outside. At least one night.
std::string history_page(const std::vector<Json>& nights);

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/files/json.h"
#include "metrics/comparison.h"

namespace spinfill {

// For people: a table of the verdicts overall, one of all groups.
std::string comparison_table(const Comparison& comparison);
// The same as GitHub-flavoured Markdown, with what has regressed and the notes.
std::string comparison_markdown(const Comparison& comparison);
// By it a file is known as one of these.
inline constexpr const char* kJunitMark = "<testsuite name=\"spinfill compare\"";
// One test case for each limited metric of each group that counts; a regression is a failure.
std::string comparison_junit(const Comparison& comparison);
Json comparison_to_json(const Comparison& comparison);

// "worse", or "inconclusive: 12 more vehicles would tell".
std::string verdict_text(const Effect& effect);

}  // namespace spinfill

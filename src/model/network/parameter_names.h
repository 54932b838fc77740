// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace spinfill {

// Whether a pattern (of the shell's kind, fnmatch(3)) names a parameter: its whole name, or a part of the network that
// it belongs to: "unet.down_blocks.0", "unet.*.attn1", "conditioner.category_embedding".
bool names_parameter(const std::string& pattern, const std::string& parameter);
bool any_names_parameter(const std::vector<std::string>& patterns, const std::string& parameter);

// What is wrong with the first pattern that names none of the parameters, with the names nearest to it; nothing where
// each names some.
std::optional<std::string> unmatched_pattern(const std::vector<std::string>& patterns,
                                             const std::vector<std::string>& parameters, const std::string& what);

}  // namespace spinfill

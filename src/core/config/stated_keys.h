// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace spinfill {

// Whether a YAML document states this key, such as "train.part", whatever its value. Errors (exit 2) of the syntax name
// file and line.
bool states_key(const std::string& yaml, const std::string& where, const std::string& key);

}  // namespace spinfill

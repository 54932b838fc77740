// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace spinfill {

// Every value of a YAML document with its dotted key ("train.optimizer.learning_rate"), in the document's order; a list
// is one text in brackets. Any keys will do: this is for comparing files, not for reading options. Errors (exit 2)
// name file and line.
std::vector<std::pair<std::string, std::string>> config_values(const std::string& yaml, const std::string& where);

}  // namespace spinfill

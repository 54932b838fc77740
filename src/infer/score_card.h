// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/files/json.h"

namespace spinfill {

// What a bundle's manifest says of its scores, for people: one line for the validation and one for the evaluation that
// export was given, each with the conditions it was measured under, and one where these are not those of use. Empty
// where the manifest has none. Never throws for what a manifest holds; the lines are not escaped.
std::vector<std::string> score_card(const Json& manifest);

}  // namespace spinfill

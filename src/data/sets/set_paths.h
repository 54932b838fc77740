// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "core/files/links.h"
#include "data/sets/view_set.h"

namespace spinfill {

// The one rule for the files that a set names: relative to its folder, never out of it; by a symbolic link only where
// links are followed.
struct PathProblem {
  std::string what, advice;            // {} in `what` stands for the name, or for the link
  std::optional<std::string> by_link;  // that leads out of the folder: "000.png is a symbolic link to /disk/000.png"
};
std::optional<PathProblem> path_problem(const fs::path& folder, const std::string& name, Links links);

// Of a set in a folder; exit 3 says what is wrong.
fs::path set_path(const ViewSet& set, const std::string& name);

}  // namespace spinfill

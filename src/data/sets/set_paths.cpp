// SPDX-License-Identifier: Apache-2.0
#include "data/sets/set_paths.h"

#include <algorithm>

#include "core/error.h"
#include "core/text.h"

namespace spinfill {

std::optional<PathProblem> path_problem(const fs::path& folder, const std::string& name, Links links) {
  const fs::path relative = fs::path(name).lexically_normal();
  if (name.empty() || std::ranges::any_of(name, is_control) || relative.is_absolute() || *relative.begin() == "..") {
    std::string shown = name.substr(0, 60);
    std::ranges::replace_if(shown, is_control, '?');
    return PathProblem{fmt::format("'{}' is not a path inside the set's folder", shown),
                       "move the file into the folder and name it relative to it"};
  }
  if (links == Links::follow) return std::nullopt;
  if (const auto link = link_out_of(folder, name)) {
    return PathProblem{*link + ", out of the set's folder",
                       "if the links are your own, give --follow-links (data.follow_links in a configuration)"};
  }
  return std::nullopt;
}

fs::path set_path(const ViewSet& set, const std::string& name) {
  if (const auto problem = path_problem(set.folder, name, set.links))
    fail("{}: {}: {}", set.folder.string(), problem->what, problem->advice);
  return set.folder / name;
}

}  // namespace spinfill

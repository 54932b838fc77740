// SPDX-License-Identifier: Apache-2.0
#include "data/sets/set_paths.h"

#include <algorithm>

#include "core/error.h"
#include "core/text.h"
#include "data/sets/transforms_fields.h"

namespace spinfill {

std::optional<PathProblem> path_problem(const fs::path& folder, const std::string& name, Links links) {
  const fs::path relative = fs::path(name).lexically_normal();
  if (name.empty() || std::ranges::any_of(name, is_control) || relative.is_absolute() || *relative.begin() == "..") {
    return PathProblem{
        "'{}' is not a path inside the set's folder", "move the file into the folder and name it relative to it", {}};
  }
  if (links == Links::follow) return std::nullopt;
  if (const auto link = link_out_of(folder, name)) {
    return PathProblem{"{}, out of the set's folder",
                       "if the links are your own, give --follow-links (data.follow_links in a configuration)", link};
  }
  return std::nullopt;
}

fs::path set_path(const ViewSet& set, const std::string& name) {
  if (const auto problem = path_problem(set.folder, name, set.links))
    fail("{}: {}: {}", set.folder.string(),
         fmt::format(fmt::runtime(problem->what), problem->by_link.value_or(shown(name))), problem->advice);
  return set.folder / name;
}

}  // namespace spinfill

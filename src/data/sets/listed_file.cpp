// SPDX-License-Identifier: Apache-2.0
#include "data/sets/listed_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

#include "core/error.h"
#include "core/files/files.h"
#include "data/sets/set_paths.h"

namespace spinfill {
namespace {

constexpr std::array kEndings = {".png", ".jpg", ".jpeg", ".webp", ".PNG", ".JPG", ".JPEG", ".WEBP"};

bool is_there(const ViewSet& set, const std::string& path) {
  if (set.files) return set.files->holds(path);
  std::error_code error;
  return fs::exists(set.folder / path, error);
}

bool has_ending(const std::string& path) {
  return std::ranges::any_of(kEndings, [&](const char* ending) { return path.ends_with(ending); });
}

bool has_windows_drive(const std::string& path) {
  return path.size() > 2 && path[1] == ':' && path[2] == '/';
}

// "/elsewhere/car/images/000.png" → "images/000.png" where that is a file of the set.
std::string part_in_folder(const ViewSet& set, const std::string& path) {
  for (auto slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    const std::string rest = path.substr(slash + 1);
    if (rest.empty() || rest.front() == '/' || rest.front() == '.') continue;
    if (is_there(set, rest)) return rest;
  }
  return "";
}

}  // namespace

std::string listed_file(TransformsFields& fields, const char* name, const ViewSet& set, ListedAs as) {
  const auto given = fields.text(name);
  if (!given) return "";
  std::string path = *given;
  if (path.find('\\') != std::string::npos && (path.find('\0') != std::string::npos || !is_there(set, path)))
    std::ranges::replace(path, '\\', '/');
  if (set.files) {
    if (set.files->holds(path)) return path;
    fields.wrong(name, "'{}' is no file of the set", "name a field of its sample, such as 000.png", shown(*given));
    return "";
  }
  const auto problem = path_problem(set.folder, has_windows_drive(path) ? path.substr(2) : path, set.links);
  if (problem) {
    const std::string part = part_in_folder(set, path);
    const bool leaves = problem->by_link || part.empty();
    fields.wrong(name, problem->what, leaves ? problem->advice : "name it relative to that folder, in which it lies",
                 problem->by_link ? *problem->by_link : shown(*given));
    return "";
  }
  if (as == ListedAs::other || has_ending(path) || is_there(set, path)) return path;
  std::vector<std::string> found;
  for (const char* ending : kEndings) {
    if (is_there(set, path + ending)) found.push_back(path + ending);
  }
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    fields.wrong(name, "'{}' is no file, nor with .png, .jpg, .jpeg or .webp added",
                 "name a picture in the set's folder", shown(*given));
  } else {
    fields.wrong(
        name, "{}", "write the ending of the one that is meant",
        fmt::format("'{}' could be any of {}", shown(*given), shown(fmt::format("{}", fmt::join(found, ", ")))));
  }
  return "";
}

std::string listed_file(TransformsFields& fields, const char* name, const char* other_name, const ViewSet& set) {
  const std::string path = listed_file(fields, name, set, ListedAs::picture),
                    other = listed_file(fields, other_name, set, ListedAs::picture);
  if (path.empty() || other.empty()) return path.empty() ? other : path;
  if (fs::path(path).lexically_normal() == fs::path(other).lexically_normal()) return path;
  fields.wrong(name, "{}", fmt::format("keep {} or {}", name, other_name),
               fmt::format("'{}' is another file than {} '{}'", shown(path), other_name, shown(other)));
  return "";
}

}  // namespace spinfill

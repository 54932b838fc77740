// SPDX-License-Identifier: Apache-2.0
#include "core/files/output_folder.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <system_error>

#include "core/error.h"
#include "core/files/atomic_folder.h"
#include "core/files/descriptor.h"
#include "core/files/sha256.h"
#include "core/files/temporary_names.h"
#include "core/text.h"

namespace spinfill {
namespace {

constexpr std::string_view kMarkTitle = "spinfill output of: ";

constexpr const char* kFolder = "folder -";
constexpr std::uint64_t kHashed = 1 << 20;  // bytes; of larger files the size says enough

// What each path below the folder is, "SIZE HASH" of a file; keys are paths as escaped() shows them.
using Content = std::map<std::string, std::string>;

std::string state_of(const fs::directory_entry& entry) {
  const fs::file_status status = entry.symlink_status();
  if (fs::is_directory(status)) return kFolder;
  if (!fs::is_regular_file(status)) return "other -";
  const std::uint64_t size = entry.file_size();
  return fmt::format("{} {}", size, size <= kHashed ? sha256_file(entry.path()).substr(0, 16) : "-");
}

Content content_of(const fs::path& folder, const fs::path& except = {}) {
  Content content;
  for (auto it = fs::recursive_directory_iterator(folder); it != fs::recursive_directory_iterator(); ++it) {
    const fs::path below = it->path().lexically_relative(folder);
    const bool no_output = it->path() == except || below == kUnfinishedInside;
    if (no_output) it.disable_recursion_pending();
    if (!no_output && below != kOutputMark) content[escaped(below.string())] = state_of(*it);
  }
  return content;
}

struct Mark {
  std::string command;
  Content content;
};

// A folder without a mark gives an empty command.
Mark read_mark(const fs::path& folder) {
  Mark mark;
  std::error_code error;
  if (!fs::is_regular_file(fs::symlink_status(folder / kOutputMark, error))) return mark;
  const std::string text = read_file(folder / kOutputMark);
  if (!text.starts_with(kMarkTitle)) return mark;
  std::string_view rest = text;
  const auto line = [&] {
    const std::string_view first = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), first.size() + 1));
    return first;
  };
  mark.command = line().substr(kMarkTitle.size());
  while (!rest.empty()) {
    const std::string_view entry = line();
    const std::size_t space = entry.find(' ', entry.find(' ') + 1);  // SIZE HASH PATH
    if (space == std::string_view::npos) continue;
    mark.content[std::string(entry.substr(space + 1))] = entry.substr(0, space);
  }
  return mark;
}

// A link in or below `input` by which something in `folder` is read.
std::optional<fs::path> link_into(const fs::path& folder, const fs::path& input) {
  std::error_code error;
  std::set<fs::path> seen;
  std::vector<fs::path> left = {input};
  while (!left.empty()) {
    const fs::path at = left.back();
    left.pop_back();
    if (!seen.insert(fs::weakly_canonical(at, error)).second) continue;
    for (const auto& entry : fs::directory_iterator(at, error)) {
      if (entry.is_symlink(error) && lies_within(entry.path(), folder)) return entry.path();
      if (entry.is_directory(error)) left.push_back(entry.path());
    }
  }
  return std::nullopt;
}

void refuse_overlap(const OutputFolder& output) {
  for (const fs::path& input : output.inputs) {
    if (input.empty() || !(lies_within(output.path, input) || lies_within(input, output.path))) continue;
    fail_usage("--out {}: overlaps {}, which is read: name another folder", output.path.string(), input.string());
  }
}

}  // namespace

void require_replaceable(const OutputFolder& output, const fs::path& folder, const fs::path& except) {
  const auto counts = [&](const fs::directory_entry& entry) {
    return entry.path() != except && entry.path().filename() != kUnfinishedInside;
  };
  if (std::none_of(fs::directory_iterator(folder), fs::directory_iterator(), counts)) return;
  const std::string out = output.path.string(), program = "spinfill " + output.command;
  const Mark mark = read_mark(folder);
  if (mark.command.empty())
    fail_usage("--out {}: exists and was not made by {}, or lacks its mark: name another folder, or remove it yourself",
               out, program);
  if (mark.command != output.command)
    fail_usage("--out {}: was made by spinfill {}, not by {}: name another folder, or remove it yourself", out,
               mark.command, program);
  if (!output.replace)
    fail_usage("--out {}: exists already, made by {}: name another folder, or give --replace", out, program);
  const auto refuse = [&](const std::string& what) {
    fail_usage("--out {}: {}: move it away, or name another folder", out, what);
  };
  const auto added = [&](const std::string& path) {
    refuse(fmt::format("holds {}, which {} did not write", path, program));
  };
  std::string added_folder;
  for (const auto& [path, state] : content_of(folder, except)) {
    const auto known = mark.content.find(path);
    if (known == mark.content.end() && state == kFolder) {
      if (added_folder.empty()) added_folder = path;  // a file in it says more
    } else if (known == mark.content.end()) {
      added(path);
    } else if (known->second != state) {
      refuse(fmt::format("{} was changed since {} wrote it", path, program));
    }
  }
  if (!added_folder.empty()) added(added_folder);
  for (const fs::path& input : output.inputs) {
    if (const auto link = link_into(folder, input))
      fail_usage("--out {}: is read through the link {}: name another folder", out, link->string());
  }
}

fs::path check_folder_to_make(const fs::path& path) {
  if (path.empty()) fail_usage("--out: names no folder");
  const std::string out = path.string();
  const fs::path plain = path.has_filename() ? path : path.parent_path();  // without a slash at its end
  std::error_code error;
  const bool link = fs::is_symlink(fs::symlink_status(plain, error));
  const fs::file_status status = fs::status(plain, error);
  if (link && !fs::exists(status))
    fail_usage("--out {}: is a link to {}, where nothing is: remove it or name another folder", out,
               fs::read_symlink(plain, error).string());
  if (fs::exists(status) && !fs::is_directory(status))
    fail_usage("--out {}: is a file, not a folder: name another one", out);
  if (!fs::exists(status) && status.type() != fs::file_type::not_found)
    fail("--out {}: folder cannot be made: {}", out, error.message());
  const fs::path whole = fs::weakly_canonical(fs::absolute(plain), error);
  if (error) fail("--out {}: folder cannot be made: {}", out, error.message());
  fs::path there = fs::exists(status) ? whole : whole.parent_path();
  while (!fs::exists(there, error) && !fs::is_symlink(fs::symlink_status(there, error))) there = there.parent_path();
  if (!fs::is_directory(there, error)) fail("--out {}: folder cannot be made: {} is not a folder", out, there.string());
  if (::access(there.c_str(), W_OK | X_OK) != 0)
    fail("--out {}: folder cannot be made: {}: {}", out, there.string(), system_reason());
  return whole;
}

fs::path check_output_folder(const OutputFolder& output) {
  const fs::path folder = check_folder_to_make(output.path);
  refuse_overlap(output);
  if (!fs::exists(folder)) return folder;
  remove_stale_temporaries(folder);
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (is_temporary_name(entry.path().filename().string()))
      fail_usage(
          "--out {}: is being written by another process, or one was killed a moment ago ({}): name another "
          "folder, or wait a minute",
          output.path.string(), entry.path().filename().string());
  }
  require_replaceable(output, folder);
  return folder;
}

void write_output_mark(const fs::path& folder, std::string_view command) {
  std::string text = fmt::format("{}{}\n", kMarkTitle, command);
  for (const auto& [path, state] : content_of(folder)) text += fmt::format("{} {}\n", state, path);
  write_file_atomic(folder / kOutputMark, text);
}

}  // namespace spinfill

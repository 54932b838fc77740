// SPDX-License-Identifier: Apache-2.0
#include "core/files/links.h"

#include <algorithm>

#include "core/error.h"

namespace spinfill {
namespace {

constexpr std::size_t kShownTarget = 100;

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

std::string target_of(const fs::path& link) {
  std::error_code error;
  std::string target = fs::read_symlink(link, error).string();
  if (target.size() > kShownTarget)
    target = target.substr(0, kShownTarget / 2) + "…" + target.substr(target.size() - kShownTarget / 2);
  return target;
}

// The tool that such a link is from says how to fetch its content.
std::string fetching(const fs::path& link) {
  std::error_code error;
  const std::string target = fs::read_symlink(link, error).string();
  if (contains(target, "annex/objects/")) return "fetch it: git annex get " + link.string();
  if (contains(target, "/blobs/")) return "its cache is incomplete: download it again (hf download)";
  if (contains(target, "dvc/") || contains(target, "files/md5/")) return "fetch it: dvc pull";
  return "mount or copy what it leads to";
}

fs::path with_dvc(fs::path path) {
  if (!path.has_filename()) path = path.parent_path();
  return path += ".dvc";
}

}  // namespace

std::optional<std::string> link_out_of(const fs::path& base, const fs::path& relative) {
  std::error_code error;
  const fs::path root = fs::weakly_canonical(base, error);
  fs::path at = base, name;
  for (const fs::path& part : relative) {
    at /= part;
    name /= part;
    const fs::path within = fs::weakly_canonical(at, error).lexically_relative(root);
    if (error || !fs::is_symlink(fs::symlink_status(at, error))) continue;
    if (within.empty() || *within.begin() == "..")
      return fmt::format("{} is a symbolic link to {}", name.string(), target_of(at));
  }
  return std::nullopt;
}

bool has_stand_in(const fs::path& path) {
  std::error_code error;
  if (fs::exists(path, error)) return false;
  return fs::is_symlink(fs::symlink_status(path, error)) || fs::exists(with_dvc(path), error);
}

std::string why_absent(const fs::path& path) {
  fs::path at;
  for (const fs::path& part : path) {
    at /= part;
    std::error_code error;
    if (fs::exists(at, error)) continue;
    if (fs::is_symlink(fs::symlink_status(at, error)))
      return fmt::format("; {} is a symbolic link to {}, which is not there: {}", at.string(), target_of(at),
                         fetching(at));
    const fs::path dvc = with_dvc(at);
    if (fs::exists(dvc, error)) return fmt::format("; DVC has not fetched it: dvc pull {}", dvc.string());
    break;
  }
  return "";
}

void refuse_pointer(const fs::path& path, std::string_view bytes) {
  if (bytes.size() > kMaxPointer) return;
  if (bytes.starts_with("version https://git-lfs.github.com/spec/")) {
    fail("{}: is a Git LFS pointer, not the file itself: git lfs pull", path.string());
  }
  // An unlocked file, or a link where the file system has none.
  const bool one_line = std::ranges::count(bytes.substr(0, bytes.find_last_not_of("\r\n") + 1), '\n') == 0;
  const bool annex =
      bytes.starts_with("/annex/objects/") ||
      (one_line && (bytes.starts_with("../") || bytes.starts_with(".git/")) && contains(bytes, ".git/annex/objects/"));
  if (annex) fail("{}: is a git-annex pointer, not the file itself: git annex get {}", path.string(), path.string());
}

void require_content(const fs::path& path) {
  std::error_code error;
  const std::uint64_t bytes = fs::file_size(path, error);
  if (error) fail("{}: cannot be opened: {}{}", path.string(), error.message(), why_absent(path));
  if (bytes <= kMaxPointer) read_file(path);
}

}  // namespace spinfill

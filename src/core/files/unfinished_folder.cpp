// SPDX-License-Identifier: Apache-2.0
#include "core/files/unfinished_folder.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <system_error>

#include "core/error.h"
#include "core/files/atomic_folder.h"
#include "core/files/temporary_names.h"
#include "core/log.h"

namespace spinfill {
namespace {

constexpr const char* kMark = "unfinished";  // the file that says whose it is
constexpr std::string_view kTitle = "spinfill unfinished work of: ";

fs::path place_of(const OutputFolder& output) {
  const fs::path target = check_output_folder(output);
  if (fs::exists(target) && must_stay(target)) return target / kUnfinishedInside;
  // A name may have 255 bytes.
  return parent_of(target) / fmt::format(".{}.unfinished", target.filename().string().substr(0, 200));
}

std::string mark_text(const std::string& command, const std::string& key) {
  return fmt::format("{}{}\n{}\n", kTitle, command, key);
}

// Empty where there is none.
std::string mark_in(const fs::path& folder) {
  std::error_code error;
  return fs::is_regular_file(fs::symlink_status(folder / kMark, error)) ? read_file(folder / kMark, 4096) : "";
}

// A descriptor that holds the folder's lock, where its file system has locks.
int locked(const fs::path& folder, const fs::path& out) {
  Descriptor lock(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (lock.get() < 0) fail("{}: cannot be opened: {}", folder.string(), system_reason());
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return lock.release();
  fail_usage("--out {}: another process works on it ({}): wait until it ends, or name another folder", out.string(),
             folder.string());
}

}  // namespace

UnfinishedFolder::UnfinishedFolder(const OutputFolder& output, const std::string& key) : path_(place_of(output)) {
  const std::string text = mark_text(output.command, key);
  std::error_code error;
  if (fs::exists(fs::symlink_status(path_, error))) {
    const std::string found = mark_in(path_);
    if (!found.starts_with(kTitle))
      fail_usage("--out {}: {} is not what spinfill keeps there: move it away", output.path.string(), path_.string());
    lock_.emplace(locked(path_, output.path));
    goes_on_ = found == text;
    if (goes_on_) return;
    log_info("{}: holds unfinished work of another model, data, options or program: it is removed", path_.string());
    lock_.reset();
    remove_folder_atomic(path_);
  }
  make(text);
  lock_.emplace(locked(path_, output.path));
}

void UnfinishedFolder::make(const std::string& text) {
  // With its mark from the first moment on.
  const fs::path temporary = temporary_beside(path_);
  const RemovedAtStop removed(temporary);
  empty_.emplace(path_);
  make_folder(temporary);
  write_file_atomic(temporary / kMark, text);
  std::error_code error;
  fs::rename(temporary, path_, error);
  if (error) fail("{}: cannot be made: {}", path_.string(), error.message());
}

UnfinishedFolder::~UnfinishedFolder() {
  std::error_code ignored;
  if (empty_) fs::remove_all(path_, ignored);
}

void UnfinishedFolder::stays() {
  empty_.reset();
}

void UnfinishedFolder::remove() {
  empty_.reset();
  std::error_code error;
  // In the output's own folder it went with what was there before.
  if (fs::exists(fs::symlink_status(path_, error))) remove_folder_atomic(path_);
}

bool is_unfinished_of(const fs::path& folder, const std::string& command, const std::string& key) {
  return mark_in(folder) == mark_text(command, key);
}

}  // namespace spinfill

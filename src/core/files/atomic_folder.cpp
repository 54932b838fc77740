// SPDX-License-Identifier: Apache-2.0
#include "core/files/atomic_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/files/descriptor.h"
#include "core/files/temporary_names.h"
#include "core/log.h"

namespace spinfill {
namespace {

// A descriptor that holds the folder's lock; −1 where another has it or the file system cannot lock.
int lock_folder(const fs::path& folder) {
  Descriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (descriptor.get() < 0 || ::flock(descriptor.get(), LOCK_EX | LOCK_NB) != 0) return -1;
  return descriptor.release();
}

}  // namespace

bool must_stay(const fs::path& folder) {
  std::error_code error;
  struct statx info {};
  const bool mounted = ::statx(AT_FDCWD, folder.c_str(), 0, STATX_BASIC_STATS, &info) == 0 &&
                       (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  return mounted || ::access(parent_of(folder).c_str(), W_OK | X_OK) != 0 ||
         fs::equivalent(folder, fs::current_path(error), error);
}

AtomicFolder::AtomicFolder(OutputFolder output) : output_(std::move(output)), target_(check_output_folder(*output_)) {
  replace_ = fs::exists(target_);
  in_target_ = replace_ && must_stay(target_);
  open();
}

AtomicFolder::AtomicFolder(fs::path target, bool replace) : target_(std::move(target)), replace_(replace) {
  target_ = target_.lexically_normal();
  if (!target_.has_filename()) target_ = target_.parent_path();
  if (fs::exists(target_) && !replace_) {
    fail_usage("{}: exists already; remove it or choose another folder", target_.string());
  }
  open();
}

void AtomicFolder::open() {
  const fs::path place = in_target_ ? target_ : parent_of(target_);
  make_folder(place);
  if (output_) require_free_space(place, 1 << 20, "any output");
  if (!in_target_) remove_stale_temporaries(parent_of(target_));
  temporary_ = temporary_beside(in_target_ ? target_ / target_.filename() : target_);
  removed_.emplace(temporary_);
  make_folder(temporary_);
  lock_ = lock_folder(temporary_);
}

AtomicFolder::~AtomicFolder() {
  const Descriptor lock(lock_);
  if (committed_) return;
  std::error_code ignored;
  fs::remove_all(temporary_, ignored);
}

void AtomicFolder::commit() {
  const FinishedBeforeStop finished(target_);
  if (output_) write_output_mark(temporary_, output_->command);
  // A data set has thousands of files: past a few hundred, one sync of the file system is faster than one per file.
  constexpr int kFewFiles = 300;
  int files = 0;
  for (auto it = fs::recursive_directory_iterator(temporary_); it != fs::recursive_directory_iterator(); ++it) ++files;
  if (files <= kFewFiles) {
    for (const auto& entry : fs::recursive_directory_iterator(temporary_)) sync_to_disk(entry.path());
    sync_to_disk(temporary_);
  } else {
    Descriptor folder(::open(temporary_.c_str(), O_RDONLY | O_CLOEXEC));
    if (folder.get() < 0 || ::syncfs(folder.get()) != 0)
      fail("{}: cannot be written to disk: {}", temporary_.string(), system_reason());
  }
  put_in_place();
}

void AtomicFolder::put_in_place() {
  if (output_) {
    try {
      if (fs::exists(target_)) {
        require_replaceable(*output_, target_, temporary_);
        fs::permissions(temporary_, fs::status(target_).permissions());
      }
      if (in_target_) return fill_target();
      return swap();
    } catch (const std::exception& error) {
      keep_beside(error.what());
    }
  }
  swap();
}

void AtomicFolder::swap() {
  std::error_code error;
  fs::path old;
  if (replace_ && fs::exists(target_)) {
    // At every moment one of the two is there.
    if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE) == 0) {
      committed_ = true;
      sync_to_disk(parent_of(target_));
      fs::remove_all(temporary_, error);
      if (error) log_warning("{}: cannot be removed: {}", temporary_.string(), error.message());
      return;
    }
    // This file system cannot exchange two names.
    old = unused_beside(target_, "old");  // never stale: it may be the only one if the process is killed here
    fs::rename(target_, old, error);
    if (error) fail("{}: cannot be replaced: {}", target_.string(), error.message());
  }
  fs::rename(temporary_, target_, error);
  if (error) {
    std::error_code ignored;
    if (!old.empty()) fs::rename(old, target_, ignored);
    fail("{}: cannot be renamed into place: {}", target_.string(), error.message());
  }
  committed_ = true;
  sync_to_disk(parent_of(target_));
  if (!old.empty()) remove_folder_atomic(old);
}

// The folder stays: what was in it goes, what was written comes, the mark last.
void AtomicFolder::fill_target() {
  const fs::path old = temporary_beside(target_ / target_.filename());
  make_folder(old);
  std::vector<fs::path> before, after;
  for (const auto& entry : fs::directory_iterator(target_)) before.push_back(entry.path().filename());
  for (const auto& entry : fs::directory_iterator(temporary_)) after.push_back(entry.path().filename());
  std::ranges::partition(after, [](const fs::path& name) { return name != kOutputMark; });
  for (const fs::path& name : before)
    if (name != old.filename() && name != temporary_.filename()) fs::rename(target_ / name, old / name);
  for (const fs::path& name : after) fs::rename(temporary_ / name, target_ / name);
  committed_ = true;
  sync_to_disk(target_);
  for (const fs::path& path : {temporary_, old}) {
    std::error_code error;
    fs::remove_all(path, error);
    if (error) log_warning("{}: cannot be removed: {}", path.string(), error.message());
  }
}

void AtomicFolder::keep_beside(const std::string& why) {
  if (committed_) fail("{}", why);
  const std::string name = in_target_ ? (target_ / "new").string() : target_.string() + ".new";
  fs::path kept = name;
  std::error_code error;
  for (int n = 2; fs::exists(fs::symlink_status(kept, error)); ++n) kept = fmt::format("{}-{}", name, n);
  fs::rename(temporary_, kept, error);
  if (error) fail("{}", why);
  committed_ = true;
  fail("{}; the finished result is in {}", why, kept.string());
}

void remove_stale_temporaries(const fs::path& parent) {
  // A folder is locked right after it is made: a young one may not be locked yet.
  const auto newest = fs::file_time_type::clock::now() - std::chrono::minutes(1);
  std::vector<std::string> removed;
  std::error_code error;
  for (auto it = fs::directory_iterator(parent, error); !error && it != fs::directory_iterator(); it.increment(error)) {
    const std::string name = it->path().filename().string();
    std::error_code failed;
    if (!is_temporary_name(name) || it->last_write_time(failed) > newest || failed) continue;
    const Descriptor lock(lock_folder(it->path()));
    if (lock.get() < 0) continue;
    fs::remove_all(it->path(), failed);
    if (!failed) removed.push_back(name);
  }
  if (!removed.empty()) log_info("{}: removed {}, left by a killed process", parent.string(), fmt::join(removed, ", "));
}

void remove_folder_atomic(const fs::path& path) {
  const Descriptor lock(lock_folder(path));
  const fs::path temporary = temporary_beside(path);
  std::error_code error;
  fs::rename(path, temporary, error);
  if (!error) fs::remove_all(temporary, error);
  if (error) log_warning("{}: cannot be removed: {}", path.string(), error.message());
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "core/files/files.h"
#include "core/files/output_folder.h"
#include "core/signals.h"

namespace spinfill {

// A folder that appears whole or not at all: write into path(), then commit() renames it to the target.
// Without commit() the destructor, or a stop signal, removes it. The temporary folder is locked (flock) while it is
// written. The constructor removes stale ones beside the target.
class AtomicFolder {
 public:
  // What a command writes: checked as check_output_folder() says, again by commit(), and marked. A finished output
  // whose place was taken meanwhile is kept beside it, as NAME.new, and commit() fails (exit 3).
  explicit AtomicFolder(OutputFolder output);
  // A folder of the program's own. An existing target is an error (exit 2) unless it may be replaced.
  explicit AtomicFolder(fs::path target, bool replace = false);
  ~AtomicFolder();
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;
  const fs::path& path() const { return temporary_; }
  void commit();

 private:
  void open();
  void put_in_place();
  void swap();
  void fill_target();
  [[noreturn]] void keep_beside(const std::string& why);

  std::optional<OutputFolder> output_;
  fs::path target_;
  fs::path temporary_;  // beside the target, or in it where the target cannot be exchanged for another folder
  bool replace_ = false;
  bool in_target_ = false;
  bool committed_ = false;
  std::optional<RemovedAtStop> removed_;
  int lock_ = -1;  // descriptor of temporary_
};

// Whether another folder cannot take this one's name: something is mounted there, its parent may not be changed, or
// somebody stands in it and would see nothing of what takes its place.
bool must_stay(const fs::path& folder);

// Removes the temporary folders in `parent` that killed processes left behind: named as AtomicFolder names its own,
// unchanged for a minute and locked by nobody. Says so if there were any; leaves what it cannot lock or remove.
void remove_stale_temporaries(const fs::path& parent);

// Removes a folder so that nobody sees it half removed: it is first renamed to a temporary name, under which the rest
// counts as stale if the process is killed. A failure is a warning.
void remove_folder_atomic(const fs::path& path);

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "core/files/files.h"
#include "core/signals.h"

namespace spinfill {

// A folder that appears whole or not at all: write into path(), then commit() renames it to the target.
// Without commit() the destructor, or a stop signal, removes it. An existing target is an error (exit 2) unless it may
// be replaced. The temporary folder is locked (flock) while it is written. The constructor removes stale ones beside
// the target.
class AtomicFolder {
 public:
  explicit AtomicFolder(fs::path target, bool replace = false);
  ~AtomicFolder();
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;
  const fs::path& path() const { return temporary_; }
  void commit();

 private:
  fs::path target_;
  fs::path temporary_;
  bool replace_;
  bool committed_ = false;
  std::optional<RemovedAtStop> removed_;
  int lock_ = -1;  // descriptor of temporary_
};

// Removes the temporary folders in `parent` that killed processes left behind: named as AtomicFolder names its own,
// unchanged for a minute and locked by nobody. Says so if there were any; leaves what it cannot lock or remove.
void remove_stale_temporaries(const fs::path& parent);

// Removes a folder so that nobody sees it half removed: it is first renamed to a temporary name, under which the rest
// counts as stale if the process is killed. A failure is a warning.
void remove_folder_atomic(const fs::path& path);

}  // namespace spinfill

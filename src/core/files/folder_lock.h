// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/files/descriptor.h"
#include "core/files/files.h"

namespace spinfill {

// Held by one process at a time, for what is read from a folder, changed and written back. Nothing is left in the
// folder: it is locked itself (flock), and a process that ends in whatever way holds it no more.
class FolderLock {
 public:
  // Waits until nobody else holds it, which one line says. Where the file system has no locks a warning does, and it is
  // held all the same. Exit 3: there is no such folder.
  explicit FolderLock(const fs::path& folder);

 private:
  Descriptor folder_;
};

}  // namespace spinfill

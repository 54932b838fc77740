// SPDX-License-Identifier: Apache-2.0
#include "core/files/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

#include "core/error.h"
#include "core/log.h"

namespace spinfill {

FolderLock::FolderLock(const fs::path& folder) : folder_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (folder_.get() < 0) fail("{}: cannot be opened: {}", folder.string(), system_reason());
  if (::flock(folder_.get(), LOCK_EX | LOCK_NB) == 0) return;
  if (errno == EWOULDBLOCK) {
    log_info("{}: waiting for another process that works in it", folder.string());
    int result = 0;
    while ((result = ::flock(folder_.get(), LOCK_EX)) != 0 && errno == EINTR) {
    }
    if (result == 0) return;
  }
  log_warning("{}: cannot be locked ({}): let no two processes work in it at once", folder.string(), system_reason());
}

}  // namespace spinfill

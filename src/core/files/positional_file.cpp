// SPDX-License-Identifier: Apache-2.0
#include "core/files/positional_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "core/error.h"
#include "core/files/links.h"
#include "core/files/place_note.h"

namespace spinfill {

PositionalFile::PositionalFile(std::filesystem::path path)
    : path_(std::move(path)), descriptor_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (descriptor_.get() < 0) {
    const std::string why = open_reason(path_);
    fail("{}: cannot be opened: {}{}", path_.string(), why, why_absent(path_));
  }
  struct stat info {};
  if (::fstat(descriptor_.get(), &info) != 0 || !S_ISREG(info.st_mode))
    fail("{}: is not a regular file", path_.string());
  size_ = static_cast<std::uint64_t>(info.st_size);
  if (size_ <= kMaxPointer) refuse_pointer(path_, read(0, static_cast<std::size_t>(size_)));
}

void PositionalFile::read(std::uint64_t offset, char* to, std::size_t length) const {
  std::size_t done = 0;
  while (done < length) {
    const ssize_t got = ::pread(descriptor_.get(), to + done, length - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("{}: cannot be read: {}", path_.string(), system_reason());
    if (got == 0) {
      fail("{}: ends at byte {} before {} are read: it was cut while in use", path_.string(), offset + done,
           offset + length);
    }
    done += static_cast<std::size_t>(got);
  }
}

std::string PositionalFile::read(std::uint64_t offset, std::size_t length) const {
  std::string bytes(length, '\0');
  read(offset, bytes.data(), length);
  return bytes;
}

std::shared_ptr<const PositionalFile> OpenFiles::get(const std::filesystem::path& path) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = by_path_.find(path); found != by_path_.end()) {
      uses_.splice(uses_.begin(), uses_, found->second);
      return uses_.front();
    }
  }
  auto file = std::make_shared<const PositionalFile>(path);  // can be slow on mounted storage: not under the lock
  const std::lock_guard lock(mutex_);
  if (const auto found = by_path_.find(path); found != by_path_.end()) return *found->second;
  uses_.push_front(file);
  by_path_[path] = uses_.begin();
  if (uses_.size() > limit_) {
    by_path_.erase(uses_.back()->path());
    uses_.pop_back();
  }
  return file;
}

}  // namespace spinfill

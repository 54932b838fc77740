// SPDX-License-Identifier: Apache-2.0
#include "core/files/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <system_error>

#include "core/error.h"
#include "core/files/descriptor.h"
#include "core/files/temporary_names.h"

namespace spinfill {
namespace {

// Where a chain of links ends, whether or not anything is there.
fs::path end_of_links(const std::string& option, const fs::path& path) {
  fs::path at = path;
  std::error_code error;
  for (int links = 0; fs::is_symlink(fs::symlink_status(at, error)); ++links) {
    if (links == 40) fail_usage("{} {}: is a link that leads nowhere", option, path.string());
    at = parent_of(at) / fs::read_symlink(at, error);
  }
  return at;
}

bool is_own_output(const struct stat& file) {
  struct stat standard {};
  for (const int descriptor : {STDOUT_FILENO, STDERR_FILENO}) {
    if (::fstat(descriptor, &standard) != 0) continue;
    if (standard.st_dev == file.st_dev && standard.st_ino == file.st_ino) return true;
  }
  return false;
}

bool begins_with_mark(const fs::path& path, std::string_view mark) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  std::string bytes(4096, '\0');
  const ssize_t got = file.get() < 0 ? 0 : ::read(file.get(), bytes.data(), bytes.size());
  bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return bytes.find(mark) != std::string::npos;
}

}  // namespace

fs::path check_output_file(const std::string& option, const fs::path& path, std::string_view mark) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0) {
    if (!S_ISREG(info.st_mode))
      fail_usage("{} {}: exists and is not a plain file: name another one", option, path.string());
    if (is_own_output(info))
      fail_usage("{} {}: is where this program prints to: name another file", option, path.string());
    if (info.st_size > 0 && !begins_with_mark(path, mark))
      fail_usage("{} {}: exists and is none that this option wrote: name another file, or remove it yourself", option,
                 path.string());
  }
  const fs::path file = end_of_links(option, path);
  if (!file.has_filename()) fail_usage("{} {}: names no file", option, path.string());
  const fs::path folder = parent_of(file);
  struct stat parent {};
  if (::stat(folder.c_str(), &parent) != 0)
    fail("{} {}: cannot be written: {}: {}", option, path.string(), folder.string(), system_reason());
  if (!S_ISDIR(parent.st_mode))
    fail("{} {}: cannot be written: {} is not a folder", option, path.string(), folder.string());
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    fail("{} {}: cannot be written: {}: {}", option, path.string(), folder.string(), system_reason());
  return file;
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "core/files/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <system_error>

#include "core/error.h"
#include "core/files/descriptor.h"
#include "core/files/links.h"
#include "core/files/place_note.h"
#include "core/files/temporary_names.h"
#include "core/signals.h"

namespace spinfill {

std::string read_file(const fs::path& path, std::uint64_t max_bytes) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));  // does not wait for a pipe's writer
  if (file.get() < 0) {
    const std::string why = open_reason(path);
    fail("{}: cannot be opened: {}{}", path.string(), why, why_absent(path));
  }
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) fail("{}: {}", path.string(), system_reason());
  if (!S_ISREG(info.st_mode)) fail("{}: is not a regular file", path.string());
  if (static_cast<std::uint64_t>(info.st_size) > max_bytes) {
    fail("{}: {} bytes, more than the {} allowed here", path.string(), info.st_size, max_bytes);
  }
  std::string bytes(static_cast<std::size_t>(info.st_size), '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = ::read(file.get(), bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("{}: cannot be read: {}", path.string(), system_reason());
    if (got == 0) fail("{}: ended after {} of {} bytes", path.string(), done, bytes.size());
    done += static_cast<std::size_t>(got);
  }
  refuse_pointer(path, bytes);
  return bytes;
}

void sync_to_disk(const fs::path& path) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) fail("{}: cannot be opened: {}", path.string(), system_reason());
  // Some file systems cannot sync a folder and say EINVAL; there the rename itself is durable.
  if (::fsync(file.get()) != 0 && errno != EINVAL)
    fail("{}: cannot be written to disk: {}", path.string(), system_reason());
}

void write_file_atomic(const fs::path& path, std::string_view bytes) {
  write_file_atomic(path, std::span(&bytes, 1));
}

void write_file_atomic(const fs::path& path, std::span<const std::string_view> pieces, Sync sync) {
  const FinishedBeforeStop finished(sync == Sync::yes ? path : fs::path());
  struct stat old {};
  if (::lstat(path.c_str(), &old) == 0 && !S_ISREG(old.st_mode) && !S_ISLNK(old.st_mode)) {
    fail("{}: cannot be written: it exists and is not a plain file", path.string());
  }
  const fs::path temporary = temporary_beside(path);
  const auto give_up = [&](const char* what) {
    const std::string why = system_reason();
    ::unlink(temporary.c_str());
    fail("{}: {}: {}", path.string(), what, why);
  };
  Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (file.get() < 0) fail("{}: cannot be written: {}", path.string(), system_reason());
  const auto put_all = [&](std::string_view bytes) {
    std::size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t put = ::write(file.get(), bytes.data() + done, bytes.size() - done);
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) give_up("cannot be written");
      done += static_cast<std::size_t>(put);
    }
  };
  constexpr std::size_t kBuffer = 1 << 20;  // small pieces are gathered
  std::string gathered;
  for (const std::string_view bytes : pieces) {
    if (gathered.size() + bytes.size() > kBuffer) {
      put_all(gathered);
      gathered.clear();
    }
    if (bytes.size() > kBuffer) {
      put_all(bytes);
    } else {
      gathered += bytes;
    }
  }
  put_all(gathered);
  if (sync == Sync::yes && ::fsync(file.get()) != 0) give_up("cannot be written to disk");
  if (::close(file.release()) != 0) give_up("cannot be written to disk");
  if (::rename(temporary.c_str(), path.c_str()) != 0) give_up("cannot be renamed into place");
  if (sync == Sync::yes) sync_to_disk(parent_of(path));
}

fs::path path_inside(const fs::path& base, const std::string& relative, const std::string& where) {
  const fs::path given(relative);
  if (relative.empty() || relative.find('\0') != std::string::npos || given.is_absolute()) {
    fail("{}: path '{}' must be relative to its folder", where, relative);
  }
  std::error_code error;
  const fs::path root = fs::weakly_canonical(base, error);
  const fs::path full = fs::weakly_canonical(base / given, error);
  const fs::path within = full.lexically_relative(root);
  if (error || within.empty() || *within.begin() == "..") fail("{}: path '{}' leaves its folder", where, relative);
  return base / given;
}

bool lies_within(const fs::path& path, const fs::path& folder) {
  const auto whole = [](const fs::path& some) { return fs::weakly_canonical(fs::absolute(some)); };
  const fs::path top = whole(folder);
  // One folder may have two names where it is mounted twice.
  std::error_code missing;
  for (fs::path part = whole(path);; part = part.parent_path()) {
    if (part == top || fs::equivalent(part, top, missing)) return true;
    if (part == part.parent_path()) return false;
  }
}

void make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error || !fs::is_directory(path)) {
    fail("{}: folder cannot be made: {}", path.string(), error ? error.message() : "a file is in the way");
  }
}

void require_free_space(const fs::path& path, std::uint64_t bytes, const std::string& what) {
  std::error_code error;
  const auto space = fs::space(path, error);
  if (error) fail("{}: {}", path.string(), error.message());
  if (space.capacity > 0 && space.available < bytes) {  // some network file systems state nothing
    fail("{}: {} needs {} MiB, but only {} MiB are free", path.string(), what, bytes >> 20, space.available >> 20);
  }
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "core/files/files.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <set>
#include <utility>

#include "core/error.h"
#include "core/log.h"

namespace spinfill {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

std::string reason() {
  return std::strerror(errno);
}

fs::path parent_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

// ".NAME.KIND-PID-N". A killed process of the same id, as in a restarted container, may have left one.
fs::path unused_beside(const fs::path& target, std::string_view kind) {
  static std::atomic<unsigned> counter{0};
  fs::path path;
  std::error_code ignored;
  do {
    path = parent_of(target) / fmt::format(".{}.{}-{}-{}", target.filename().string(), kind, ::getpid(), counter++);
  } while (fs::exists(fs::symlink_status(path, ignored)));
  return path;
}

fs::path temporary_beside(const fs::path& target) {
  return unused_beside(target, "tmp");
}

bool is_temporary_name(std::string_view name) {
  const auto is_number = [](std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  };
  constexpr std::string_view kMark = ".tmp-";
  const std::size_t mark = name.rfind(kMark);
  if (mark == std::string_view::npos || mark == 0 || name.front() != '.') return false;
  const std::string_view ending = name.substr(mark + kMark.size());
  const std::size_t dash = ending.find('-');
  return dash != std::string_view::npos && is_number(ending.substr(0, dash)) && is_number(ending.substr(dash + 1));
}

// A descriptor that holds the folder's lock; −1 where another has it or the file system cannot lock.
int lock_folder(const fs::path& folder) {
  Descriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (descriptor.get() < 0 || ::flock(descriptor.get(), LOCK_EX | LOCK_NB) != 0) return -1;
  return descriptor.release();
}

}  // namespace

std::string read_file(const fs::path& path, std::uint64_t max_bytes) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) fail("{}: cannot be opened: {}", path.string(), reason());
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) fail("{}: {}", path.string(), reason());
  if (!S_ISREG(info.st_mode)) fail("{}: is not a regular file", path.string());
  if (static_cast<std::uint64_t>(info.st_size) > max_bytes) {
    fail("{}: {} bytes, more than the {} allowed here", path.string(), info.st_size, max_bytes);
  }
  std::string bytes(static_cast<std::size_t>(info.st_size), '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = ::read(file.get(), bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("{}: cannot be read: {}", path.string(), reason());
    if (got == 0) fail("{}: ended after {} of {} bytes", path.string(), done, bytes.size());
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

void sync_to_disk(const fs::path& path) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) fail("{}: cannot be opened: {}", path.string(), reason());
  // Some file systems cannot sync a folder and say EINVAL; there the rename itself is durable.
  if (::fsync(file.get()) != 0 && errno != EINVAL) fail("{}: cannot be written to disk: {}", path.string(), reason());
}

void write_file_atomic(const fs::path& path, std::string_view bytes) {
  write_file_atomic(path, std::span(&bytes, 1));
}

void write_file_atomic(const fs::path& path, std::span<const std::string_view> pieces, Sync sync) {
  const fs::path temporary = temporary_beside(path);
  const auto give_up = [&](const char* what) {
    const std::string why = reason();
    ::unlink(temporary.c_str());
    fail("{}: {}: {}", path.string(), what, why);
  };
  Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (file.get() < 0) fail("{}: cannot be written: {}", path.string(), reason());
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

Json parse_json(std::string_view text, const std::string& where) {
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  const auto callback = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second) {
      fail("{}: key '{}' stands twice", where, parsed.get<std::string>());
    }
    if (depth > 100) fail("{}: nested too deeply", where);
    return true;
  };
  try {
    return Json::parse(text, callback);
  } catch (const Json::parse_error& error) {
    const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(error.byte, text.size()));
    const auto line = 1 + std::count(text.begin(), end, '\n');
    fail("{}:{}: not valid JSON (at byte {})", where, line, error.byte);
  } catch (const Json::exception& error) {  // a number beyond a double's range
    fail("{}: not valid JSON: {}", where, error.what());
  }
}

Json read_json(const fs::path& path, std::uint64_t max_bytes) {
  return parse_json(read_file(path, max_bytes), path.string());
}

void write_json_atomic(const fs::path& path, const Json& value) {
  write_file_atomic(path, value.dump(1) + "\n");
}

AtomicFolder::AtomicFolder(fs::path target, bool replace) : target_(std::move(target)), replace_(replace) {
  target_ = target_.lexically_normal();
  if (!target_.has_filename()) target_ = target_.parent_path();
  if (fs::exists(target_) && !replace_) {
    fail_usage("{}: exists already; remove it or choose another folder", target_.string());
  }
  make_folder(parent_of(target_));
  remove_stale_temporaries(parent_of(target_));
  temporary_ = temporary_beside(target_);
  make_folder(temporary_);
  lock_ = lock_folder(temporary_);
}

AtomicFolder::~AtomicFolder() {
  const Descriptor lock(lock_);
  if (committed_) return;
  std::error_code ignored;
  fs::remove_all(temporary_, ignored);
}

void remove_stale_temporaries(const fs::path& parent) {
  // Its owner locks a folder right after making it: what is young may not be locked yet.
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

void AtomicFolder::commit() {
  // A data set has thousands of files: past a few hundred, one call for the file system is quicker than one per file.
  constexpr int kFewFiles = 300;
  int files = 0;
  for (auto it = fs::recursive_directory_iterator(temporary_); it != fs::recursive_directory_iterator(); ++it) ++files;
  if (files <= kFewFiles) {
    for (const auto& entry : fs::recursive_directory_iterator(temporary_)) sync_to_disk(entry.path());
    sync_to_disk(temporary_);
  } else {
    Descriptor folder(::open(temporary_.c_str(), O_RDONLY | O_CLOEXEC));
    if (folder.get() < 0 || ::syncfs(folder.get()) != 0)
      fail("{}: cannot be written to disk: {}", temporary_.string(), reason());
  }
  std::error_code error;
  fs::path old;
  if (replace_ && fs::exists(target_)) {
    // At no moment is neither there.
    if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE) == 0) {
      committed_ = true;
      sync_to_disk(parent_of(target_));
      fs::remove_all(temporary_, error);
      if (error) log_warning("{}: cannot be removed: {}", temporary_.string(), error.message());
      return;
    }
    // A file system that cannot exchange two names.
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
  const fs::path relative = whole(path).lexically_relative(whole(folder));
  return relative.empty() || *relative.begin() != "..";
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
  if (space.available < bytes) {
    fail("{}: {} needs {} MiB, but only {} MiB are free", path.string(), what, bytes >> 20, space.available >> 20);
  }
}

Sha256::Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
  EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr);
}

void Sha256::add(const void* data, std::size_t size) {
  EVP_DigestUpdate(context_.get(), data, size);
}

std::string Sha256::hex() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_DigestFinal_ex(context_.get(), digest, &size);
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

std::string sha256_hex(std::string_view bytes) {
  Sha256 hash;
  hash.add(bytes.data(), bytes.size());
  return hash.hex();
}

std::string sha256_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) fail("{}: cannot be opened: {}", path.string(), reason());
  Sha256 hash;
  std::vector<char> buffer(1 << 20);
  while (file) {
    file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    hash.add(buffer.data(), static_cast<std::size_t>(file.gcount()));
  }
  if (file.bad()) fail("{}: cannot be read: {}", path.string(), reason());
  return hash.hex();
}

}  // namespace spinfill

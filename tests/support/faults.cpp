// SPDX-License-Identifier: Apache-2.0
#include "support/faults.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

struct Plan {
  char kind[8] = "";
  char needle[256] = "";
  long first = 0, last = 0;
} plan;
std::atomic<bool> armed{false};
std::atomic<long> calls{0};

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

bool concerns(int folder, const char* path) {
  if (!armed) return false;
  char base[PATH_MAX] = "";
  if (folder >= 0 && (path == nullptr || *path != '/')) {
    char link[64];
    std::snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    const ssize_t size = ::readlink(link, base, sizeof base - 1);
    base[size > 0 ? size : 0] = '\0';
  }
  return std::strstr(base, plan.needle) != nullptr || (path != nullptr && std::strstr(path, plan.needle) != nullptr);
}

bool is(const char* kind) {
  return std::strcmp(plan.kind, kind) == 0;
}

// Whether this call shall fail; a call that ends the process does not return.
bool goes_wrong(int folder, const char* path) {
  if (!concerns(folder, path)) return false;
  const long call = ++calls;
  if (call < plan.first || call > plan.last) return false;
  if (is("kill")) ::kill(::getpid(), SIGKILL);
  if (is("slow")) ::usleep(500'000);
  if (!is("full")) return false;
  errno = ENOSPC;
  return true;
}

struct FromEnvironment {
  FromEnvironment() {
    const char* text = std::getenv("SPINFILL_FAULTS");
    char kind[8] = "", needle[256] = "";
    long first = 0, last = 0;
    if (text != nullptr && std::sscanf(text, "%7[a-z]:%ld:%ld:%255s", kind, &first, &last, needle) == 4)
      spinfill_faults_arm(kind, first, last, needle);
  }
} from_environment;

}  // namespace

extern "C" {

void spinfill_faults_arm(const char* kind, long first, long last, const char* needle) {
  armed = false;
  std::snprintf(plan.kind, sizeof plan.kind, "%s", kind);
  std::snprintf(plan.needle, sizeof plan.needle, "%s", needle);
  plan.first = first;
  plan.last = last;
  calls = 0;
  armed = *needle != '\0';
}

long spinfill_faults_count() {
  return calls;
}

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  if ((flags & O_ACCMODE) != O_RDONLY && goes_wrong(-1, path)) return -1;
  static auto* const real = next<int(const char*, int, ...)>("open");
  return real(path, flags, mode);
}

ssize_t write(int file, const void* bytes, size_t size) {
  static auto* const real = next<ssize_t(int, const void*, size_t)>("write");
  if (armed && is("torn") && concerns(file, nullptr) && calls + 1 >= plan.first && calls + 1 <= plan.last) {
    (void)real(file, bytes, size / 2);
    ::kill(::getpid(), SIGKILL);
  }
  if (goes_wrong(file, nullptr)) return -1;
  return real(file, bytes, size);
}

int fsync(int file) {
  static auto* const real = next<int(int)>("fsync");
  return goes_wrong(file, nullptr) ? -1 : real(file);
}

int rename(const char* from, const char* to) {
  static auto* const real = next<int(const char*, const char*)>("rename");
  return goes_wrong(-1, to) ? -1 : real(from, to);
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) noexcept {
  static auto* const real = next<int(int, const char*, int, const char*, unsigned)>("renameat2");
  return goes_wrong(to_folder, to) ? -1 : real(from_folder, from, to_folder, to, flags);
}

int mkdir(const char* path, mode_t mode) {
  static auto* const real = next<int(const char*, mode_t)>("mkdir");
  return goes_wrong(-1, path) ? -1 : real(path, mode);
}

int unlink(const char* path) {
  static auto* const real = next<int(const char*)>("unlink");
  return goes_wrong(-1, path) ? -1 : real(path);
}

int unlinkat(int folder, const char* path, int flags) {
  static auto* const real = next<int(int, const char*, int)>("unlinkat");
  return goes_wrong(folder, path) ? -1 : real(folder, path, flags);
}

int rmdir(const char* path) {
  static auto* const real = next<int(const char*)>("rmdir");
  return goes_wrong(-1, path) ? -1 : real(path);
}
}

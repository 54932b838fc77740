// SPDX-License-Identifier: Apache-2.0
#include "run/run_lock.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <optional>

#include "core/error.h"
#include "core/files/files.h"
#include "core/files/json.h"
#include "core/log.h"
#include "core/signals.h"
#include "core/stopwatch.h"

namespace spinfill {
namespace {

constexpr std::size_t kRecordBytes = 1024;  // always the same, so that it is renewed in place
constexpr auto kLook = std::chrono::milliseconds(200);
constexpr double kPatience = 3;  // seconds

std::string first_line_of(const fs::path& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

// When a process began, in ticks since the machine started: with its id it is unique. Empty where it is not there.
std::string begin_of(pid_t pid) {
  const std::string line = first_line_of(fmt::format("/proc/{}/stat", pid));
  std::size_t at = line.rfind(')');  // after the program's name, which may hold anything
  for (int field = 2; at != std::string::npos && field < 22; ++field) at = line.find(' ', at + 1);
  return at == std::string::npos ? "" : line.substr(at + 1, line.find(' ', at + 1) - at - 1);
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

// The running system, and within it the space in which process ids are counted (a container's own).
std::string machine() {
  const std::string boot = first_line_of("/proc/sys/kernel/random/boot_id");
  return boot.empty() ? host_name() : boot;
}
std::string pid_space() {
  std::error_code error;
  return fs::read_symlink("/proc/self/ns/pid", error).string();
}

struct Holder {
  std::string host, machine, space, begin, since, token;
  pid_t pid = 0;
};

std::optional<Holder> holder_of(const std::string& text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return std::nullopt;
  Holder holder;
  try {
    json.at("host").get_to(holder.host);
    json.at("machine").get_to(holder.machine);
    json.at("pid_space").get_to(holder.space);
    json.at("begin").get_to(holder.begin);
    json.at("since").get_to(holder.since);
    json.at("token").get_to(holder.token);
    json.at("pid").get_to(holder.pid);
  } catch (const Json::exception&) {
    return std::nullopt;
  }
  return holder;
}

std::string name_of(const std::string& text) {
  const auto holder = holder_of(text);
  return holder ? fmt::format("process {} on {}", holder->pid, holder->host) : "another process";
}

// Opened anew, so that a network file system asks its server.
std::string text_of(const fs::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text(kRecordBytes, '\0');
  const ssize_t got = file.get() < 0 ? 0 : ::pread(file.get(), text.data(), text.size(), 0);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, got)));
  return text;
}

[[noreturn]] void refuse(const fs::path& run, const std::string& text) {
  const auto holder = holder_of(text);
  fail_usage("{}: {} trains in it{}; wait until it ends, or choose another folder", run.string(), name_of(text),
             holder ? " since " + holder->since : "");
}

// Seconds since the file was written, by the clock of its file system.
double age_of(const fs::path& path) {
  const fs::path probe = path.string() + fmt::format(".{}", ::getpid());
  struct stat now {
  }, then{};
  {
    const Descriptor made(::open(probe.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    if (made.get() < 0 || ::write(made.get(), ".", 1) != 1 || ::fsync(made.get()) != 0 ||
        ::fstat(made.get(), &now) != 0)
      now.st_mtime = 0;
  }
  ::unlink(probe.c_str());
  if (now.st_mtime == 0 || ::stat(path.c_str(), &then) != 0) return 0;
  return static_cast<double>(now.st_mtime - then.st_mtime);
}

// Its holder may be a process that was just asked to stop and still saves.
bool lock_patiently(int fd) {
  bool locked = false;
  for (const Stopwatch watch; !(locked = ::flock(fd, LOCK_EX | LOCK_NB) == 0) && errno == EWOULDBLOCK;) {
    if (watch.seconds() > kPatience) {
      errno = EWOULDBLOCK;
      break;
    }
    end_if_stopped();
    std::this_thread::sleep_for(kLook);
  }
  return locked;
}

bool same_file(int fd, const fs::path& path) {
  struct stat open {
  }, named{};
  return ::fstat(fd, &open) == 0 && ::stat(path.c_str(), &named) == 0 && open.st_ino == named.st_ino &&
         open.st_dev == named.st_dev;
}

}  // namespace

RunLock::RunLock(const fs::path& run)
    : run_(run),
      path_(run / "run.lock"),
      since_(fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(std::time(nullptr)))) {
  token_ =
      fmt::format("{}-{}-{}", host_name(), ::getpid(), std::chrono::system_clock::now().time_since_epoch().count());
  take();
  renewing_ = std::thread([this] {
    std::unique_lock lock(mutex_);
    while (!ending_.wait_for(lock, std::chrono::duration<double>(kRenewEvery), [&] { return ends_; })) {
      if (lost_) return;
      renew();
    }
  });
}

RunLock::~RunLock() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  ending_.notify_all();
  renewing_.join();
  if (!lost_ && same_file(file_->get(), path_)) ::unlink(path_.c_str());
}

void RunLock::take() {
  while (true) {
    file_.emplace(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (file_->get() < 0) fail("{}: cannot be written: {}", path_.string(), system_reason());
    const bool locks = lock_patiently(file_->get());
    if (!locks && errno == EWOULDBLOCK) refuse(run_, text_of(path_));
    if (!same_file(file_->get(), path_)) continue;  // its holder ended and removed it meanwhile
    const std::string found = text_of(path_);
    if (!found.empty()) take_over_or_fail(found, locks);
    if (!renew()) fail("{}: cannot be written: {}", path_.string(), system_reason());
    if (locks && found.empty()) return;
    // Without a lock, or with one that other machines do not see, two may have come here at once: the last one has it.
    if (!locks) std::this_thread::sleep_for(kLook);
    const std::string now = text_of(path_);
    if (const auto holder = holder_of(now); holder && holder->token != token_) refuse(run_, now);
    return;
  }
}

void RunLock::take_over_or_fail(const std::string& found, bool locks) {
  const auto holder = holder_of(found);
  const bool here = holder && holder->machine == machine();
  if (here && !locks && holder->space == pid_space()) {
    if (begin_of(holder->pid) == holder->begin) refuse(run_, found);
  } else if (!(here && locks)) {  // a lock that could be had on this machine was left by a dead process of it
    watch(found);
  }
  log_info("{}: goes on where {} ended without removing its lock", run_.string(), name_of(found));
}

void RunLock::watch(const std::string& found) {
  const double limit = kDeadAfter - age_of(path_);
  if (limit > 0)
    log_info("{}: {} may still train in it: seeing for {:.0f} s whether it renews {}", run_.string(), name_of(found),
             limit, path_.string());
  for (const Stopwatch watch; watch.seconds() < limit; std::this_thread::sleep_for(kLook)) {
    end_if_stopped();
    const std::string now = text_of(path_);
    if (now.empty()) return;
    if (now != found) refuse(run_, now);
  }
}

std::string RunLock::record() const {
  const pid_t pid = ::getpid();
  std::string text = Json{{"host", host_name()},      {"pid", pid},
                          {"since", since_},          {"machine", machine()},
                          {"pid_space", pid_space()}, {"begin", begin_of(pid)},
                          {"token", token_},          {"renewed", beat_}}
                         .dump();
  text.resize(kRecordBytes - 1, ' ');
  return text + "\n";
}

bool RunLock::renew() {
  if (beat_ > 0) {
    const auto holder = holder_of(text_of(path_));
    if (holder && holder->token != token_) {
      lost_ = true;
      return false;
    }
  }
  ++beat_;
  const std::string text = record();
  const bool written = ::pwrite(file_->get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
  return written && ::fdatasync(file_->get()) == 0;
}

void RunLock::require_held() const {
  if (lost_)
    fail("{}: {} has taken the run over, as this process did not renew its lock for {:g} s", run_.string(),
         name_of(text_of(path_)), kDeadAfter);
}

}  // namespace spinfill

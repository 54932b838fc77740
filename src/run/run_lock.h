// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "core/files/descriptor.h"

namespace spinfill {

// One process at a time trains in a run's folder. RUN/run.lock is locked (flock) and names the process: host, pid,
// since when. Where machines do not see each other's locks, it is renewed every few seconds, and one that is not
// renewed for kDeadAfter seconds belongs to a process that is dead.
class RunLock {
 public:
  static constexpr double kRenewEvery = 5, kDeadAfter = 60;  // seconds

  // Error (exit 2) naming the other process. A dead one's lock is taken over with a line: at once where it ran on this
  // machine, else after up to kDeadAfter seconds of watching it (Stopped at a stop signal meanwhile).
  explicit RunLock(const std::filesystem::path& run);
  ~RunLock();  // removes the file
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

  // Error (exit 3) where another process has taken the run over since, as this one hung for so long.
  void require_held() const;

 private:
  void take();
  void take_over_or_fail(const std::string& found, bool locks);
  void watch(const std::string& found);
  bool renew();
  std::string record() const;

  std::filesystem::path run_, path_;
  std::string token_, since_;  // of this process
  std::optional<Descriptor> file_;
  std::int64_t beat_ = 0;
  std::atomic<bool> lost_{false};
  std::mutex mutex_;
  std::condition_variable ending_;
  bool ends_ = false;
  std::thread renewing_;
};

}  // namespace spinfill

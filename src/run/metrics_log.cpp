// SPDX-License-Identifier: Apache-2.0
#include "run/metrics_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"

namespace spinfill {

MetricsLog::MetricsLog(fs::path path, std::int64_t last_step) : path_(std::move(path)) {
  if (!fs::exists(path_)) return;
  const std::string text = read_file(path_);
  std::string kept;
  std::size_t start = 0;
  for (std::size_t end = text.find('\n'); end != std::string::npos; start = end + 1, end = text.find('\n', start)) {
    const std::string line = text.substr(start, end - start);
    const Json row = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (row.is_object() && row.value("step", std::int64_t{0}) <= last_step) kept += line + "\n";
  }
  if (kept != text) write_file_atomic(path_, kept);
}

void MetricsLog::add(const Json& row) {
  const std::string line = row.dump() + "\n";
  const int fd = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) fail("{}: cannot be written: {}", path_.string(), std::strerror(errno));
  const ssize_t put = ::write(fd, line.data(), line.size());
  const int error = errno;
  ::close(fd);
  if (put != static_cast<ssize_t>(line.size())) fail("{}: cannot be written: {}", path_.string(), std::strerror(error));
}

}  // namespace spinfill

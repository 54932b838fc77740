// SPDX-License-Identifier: Apache-2.0
#include "cli/standard_output.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <iostream>

#include "core/error.h"
#include "core/files/descriptor.h"

namespace spinfill {

void open_standard_output() {
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    // Opened for reading: writing fails as it does on a closed descriptor. The lowest free number is given.
    if (::fcntl(standard, F_GETFD) < 0) ::open("/dev/null", standard == STDERR_FILENO ? O_WRONLY : O_RDONLY);
  }
}

bool standard_output_failed() {
  return std::ferror(stdout) != 0 || !std::cout.good();
}

int close_standard_output(int code) {
  errno = 0;
  std::cout.flush();
  bool lost = std::fflush(stdout) != 0 || standard_output_failed();
  const int reason = errno;
  // Some file systems tell only now that they had no room. A pipe or file of somebody else's stays open for them.
  lost = ::close(STDOUT_FILENO) != 0 || lost;
  if (!lost || code == static_cast<int>(ExitCode::resume)) return code;
  errno = reason != 0 ? reason : errno;
  fail("the results could not be printed to stdout{}", errno != 0 ? ": " + system_reason() : "");
}

}  // namespace spinfill

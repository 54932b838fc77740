// SPDX-License-Identifier: Apache-2.0
#include "support/support.h"
#include "core/files/files.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>

namespace spinfill::test {

namespace fs = std::filesystem;

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (fs::temp_directory_path() / "spinfill-test-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) fail("no temporary folder");
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

fs::path fixture(const std::string& name) {
  return fs::path(SPINFILL_SOURCE_DIR) / "tests" / "fixtures" / name;
}

fs::path real_data() {
  const char* given = std::getenv("SPINFILL_TEST_DATA");
  const fs::path folder = given != nullptr ? fs::path(given) : fs::path(SPINFILL_SOURCE_DIR) / ".." / "shared" / "data";
  return fs::is_directory(folder / "spins") ? fs::canonical(folder) : fs::path();
}

std::string faults_library() {
  return SPINFILL_FAULTS_LIBRARY;
}

std::string program() {
  return SPINFILL_PROGRAM;
}

CommandResult run_command(const std::string& command) {
  CommandResult result{-1, {}};
  FILE* pipe = ::popen(("(" + command + ") 2>&1").c_str(), "r");
  if (pipe == nullptr) fail("cannot run {}", command);
  std::array<char, 4096> buffer{};
  while (std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe)) result.output.append(buffer.data(), got);
  const int status = ::pclose(pipe);
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

}  // namespace spinfill::test

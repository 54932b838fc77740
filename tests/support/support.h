// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "core/error.h"

namespace spinfill::test {

// A folder that is removed when the test ends.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

// Stored references: tests/fixtures/…
std::filesystem::path fixture(const std::string& name);

// The real data that some tests use (SPINFILL_TEST_DATA, default ../shared/data beside the source); empty when absent.
std::filesystem::path real_data();
#define SPINFILL_NEEDS_REAL_DATA()           \
  if (::spinfill::test::real_data().empty()) \
  GTEST_SKIP() << "SKIPPED: no real data; set SPINFILL_TEST_DATA to the folder that holds it"

// The built program `spinfill` (for tests declared with PROGRAM).
std::string program();

// The library of support/faults.h, for LD_PRELOAD.
std::string faults_library();

// Runs a command in the shell; stdout and stderr together, unless the command sends one elsewhere.
struct CommandResult {
  int exit_code;
  std::string output;
};
CommandResult run_command(const std::string& command);

// The function throws an Error with this exit code and a one-line message that holds every one of the texts.
template <class Function>
void expect_error(ExitCode code, const std::vector<std::string>& texts, Function&& function) {
  try {
    function();
    FAIL() << "no error was thrown";
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(code)) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << "more than one line: " << message;
    for (const auto& text : texts) EXPECT_NE(message.find(text), std::string::npos) << text << " not in: " << message;
  }
}

}  // namespace spinfill::test

// SPDX-License-Identifier: Apache-2.0
#include "core/progress.h"

#include <gtest/gtest.h>
#include <algorithm>

#include "core/error.h"

namespace spinfill {
namespace {

TEST(Duration, IsReadable) {
  EXPECT_EQ(format_duration(0), "0 s");
  EXPECT_EQ(format_duration(3.4), "3 s");
  EXPECT_EQ(format_duration(59.6), "1 min 00 s");
  EXPECT_EQ(format_duration(245), "4 min 05 s");
  EXPECT_EQ(format_duration(7800), "2 h 10 min");
}

TEST(Progress, WritesOnePlainLineIntoAPipe) {
  ::testing::internal::CaptureStderr();
  {
    Progress progress("training", 200, "steps", 100);
    for (int i = 101; i <= 200; ++i) progress.update(i, "loss 0.031");
    progress.finish();
    progress.finish();
  }
  const std::string text = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
  EXPECT_EQ(text.find('\r'), std::string::npos);
  EXPECT_NE(text.find("training: 200/200 steps"), std::string::npos) << text;
  EXPECT_NE(text.find(" steps/s, took "), std::string::npos) << text;
  EXPECT_NE(text.find("loss 0.031"), std::string::npos) << text;
}

TEST(Error, IsOneLineWhateverTheNameHolds) {
  const Error error(ExitCode::runtime, "tensor 'a\n\x1b[2Jb' ä");
  EXPECT_STREQ(error.what(), "tensor 'a\\x0a\\x1b[2Jb' ä");
}

}  // namespace
}  // namespace spinfill

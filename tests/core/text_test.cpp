// SPDX-License-Identifier: Apache-2.0
#include "core/text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "core/error.h"
#include "core/files/json.h"
#include "core/log.h"
#include "core/print.h"
#include "core/progress.h"

namespace spinfill {
namespace {

TEST(Text, Utf8IsWhatJsonHolds) {
  const auto json_holds = [](const std::string& text) {
    try {
      Json(text).dump();
      return true;
    } catch (const Json::exception&) {
      return false;
    }
  };
  for (const std::string text : {"", "plain", "caf\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x9A\x97", "\xF4\x8F\xBF\xBF",
                                 "\xEF\xBF\xBF", "caf\xE9", "\xC3", "\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80",
                                 "\xF0\x80\x80\xAF", "\xF4\x90\x80\x80", "\xFF", "\x80", "\xE2\x82", "\xE2\x82x"}) {
    EXPECT_EQ(is_utf8(text), json_holds(text)) << escaped(text);
  }
}

// A title is set, the screen cleared, a line written over, text shown from right to left, a log line faked.
const std::string kHostile =
    "\x1B]0;title\a\x1B[2J\r\b\t\x7F\xC2\x9B"
    "31m\x9B\xE2\x80\xAE\xE2\x81\xA6\xE2\x80\xA8\nerror: fake";
const std::string kEscaped =
    "\\x1b]0;title\\x07\\x1b[2J\\x0d\\x08\\x09\\x7f\\xc2\\x9b"
    "31m\\x9b\\xe2\\x80\\xae\\xe2\\x81\\xa6\\xe2\\x80\\xa8"
    "\\x0aerror: fake";

TEST(Text, EscapedShowsWhatATerminalMustNotGet) {
  EXPECT_EQ(escaped(kHostile), kEscaped);
  EXPECT_EQ(escaped(kEscaped), kEscaped);
  for (const std::string plain : {"caf\xC3\xA9 \xC2\xA0 360\xC2\xB0 \xE2\x80\x93 \xE8\xBB\x8A \xF0\x9F\x9A\x97", ""})
    EXPECT_EQ(escaped(plain), plain);
  EXPECT_EQ(escaped_lines("a\nb\r\n"), "a\nb\\x0d\n");
}

TEST(Text, EscapedJsonStaysTheSameJson) {
  const Json json = {{"name\xC2\x9B", "caf\xC3\xA9\x1B\x7F\xE2\x80\xAE\n"}};
  for (const int indent : {-1, 1}) {
    const std::string text = escaped_json(json.dump(indent));
    EXPECT_EQ(text.find('\x7F'), text.npos);
    EXPECT_EQ(escaped_lines(text), text) << "fit for a terminal";
    EXPECT_NE(text.find("caf\xC3\xA9"), text.npos);
    EXPECT_EQ(Json::parse(text), json);
  }
}

TEST(Text, NoWayToATerminalLetsCommandsThrough) {
  testing::internal::CaptureStderr();
  log_info("{}", kHostile);
  log_warning("{}", kHostile);
  log_line(LogLevel::error, kHostile);
  { Progress progress(kHostile, 1, "sets"); }
  const std::string messages = testing::internal::GetCapturedStderr();
  EXPECT_EQ(escaped_lines(messages), messages);
  EXPECT_EQ(std::count(messages.begin(), messages.end(), '\n'), 4) << messages;

  testing::internal::CaptureStdout();
  print_line("{}: {}", kHostile, 1);
  print_lines(kHostile + "\n");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), kEscaped + ": 1\n" + escaped_lines(kHostile) + "\n");

  EXPECT_EQ(std::string(Error(ExitCode::runtime, kHostile).what()), kEscaped);
}

}  // namespace
}  // namespace spinfill

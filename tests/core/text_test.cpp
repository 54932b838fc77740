// SPDX-License-Identifier: Apache-2.0
#include "core/text.h"

#include <gtest/gtest.h>

#include "core/files/json.h"

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

TEST(Text, EscapedShowsWhatATerminalMustNotGet) {
  EXPECT_EQ(escaped("caf\xC3\xA9"), "caf\xC3\xA9");
  EXPECT_EQ(escaped("caf\xE9/x"), "caf\\xE9/x");
  EXPECT_EQ(escaped("a\x1B[31m\n\x7F"), "a\\x1B[31m\\x0A\\x7F");
  EXPECT_EQ(escaped("\xC2\x9B"
                    "31m \xC2\xA0"),
            "\\xC2\\x9B"
            "31m \xC2\xA0");
}

}  // namespace
}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "pages/html.h"

#include <gtest/gtest.h>

namespace spinfill {
namespace {

TEST(Html, Base64) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("M"), "TQ==");
  EXPECT_EQ(base64("Ma"), "TWE=");
  EXPECT_EQ(base64("Man"), "TWFu");
  EXPECT_EQ(base64("\xff\xfe\xfd\xfc"), "//79/A==");
}

TEST(Html, EscapesWhatMarkupIsMadeOf) {
  EXPECT_EQ(html_escaped("<a b=\"c\">&'\x1b\r"), "&lt;a b=&quot;c&quot;&gt;&amp;&#39;  ");
  EXPECT_EQ(html_escaped("a:\n  b: 1\n\tc"), "a:\n  b: 1\n\tc");  // lines and indentation stay
}

}  // namespace
}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "core/quantity.h"

#include "support/support.h"

namespace spinfill {
namespace {

TEST(Quantity, SizesAsPeopleWriteThem) {
  for (const char* text : {"24G", "24g", "24Gi", "24GiB", "25769803776", "25769803776B", "24576M", "25165824K"}) {
    EXPECT_EQ(parse_bytes(text, "--vram"), 24ULL << 30) << text;
  }
  EXPECT_EQ(parse_bytes("24GB", "--vram"), 24'000'000'000ULL);
  EXPECT_EQ(parse_bytes("1.5T", "--vram"), 3ULL << 39);
}

TEST(Quantity, RefusesWhatIsNoSize) {
  for (const char* text : {"", "abc", "G", "-24G", "0", "0G", "24X", "24 G", "24GG", "24Bi", "24GiBs", "nan", "inf",
                           "1e400", "1e30", "99999999999T", "0x10", "+5G", "24,5G"}) {
    test::expect_error(ExitCode::usage, {"--vram", text, "24GiB"}, [&] { parse_bytes(text, "--vram"); });
  }
}

TEST(Quantity, Rates) {
  EXPECT_DOUBLE_EQ(parse_rate("990T", "--flops"), 990e12);
  EXPECT_DOUBLE_EQ(parse_rate("1.2P", "--flops"), 1.2e15);
  EXPECT_DOUBLE_EQ(parse_rate("2e14", "--flops"), 2e14);
  for (const char* text : {"", "fast", "0", "-1T", "990TB", "nan", "1e308P"}) {
    test::expect_error(ExitCode::usage, {"--flops", text}, [&] { parse_rate(text, "--flops"); });
  }
}

TEST(Quantity, ReadableTexts) {
  EXPECT_EQ(bytes_text(512 << 20), "512 MiB");
  EXPECT_EQ(bytes_text(23.44 * (1 << 30)), "23.4 GiB");
  EXPECT_EQ(bytes_text(1024.0 * 1024 - 1), "1.0 MiB");
  EXPECT_EQ(rate_text(989e12), "989 T");
  EXPECT_EQ(time_text(0.78), "0.78 s");
  EXPECT_EQ(time_text(38), "38 s");
  EXPECT_EQ(time_text(12 * 60), "12 min");
  EXPECT_EQ(time_text(5 * 3600 + 1200), "5 h 20 min");
  EXPECT_EQ(time_text(76 * 3600), "3 d 4 h");
}

}  // namespace
}  // namespace spinfill

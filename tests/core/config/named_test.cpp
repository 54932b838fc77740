// SPDX-License-Identifier: Apache-2.0
#include "core/config/named.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/config.h"
#include "core/error.h"
#include "support/support.h"

namespace spinfill {
namespace {

enum class Colour : std::uint8_t { red, dark_green, unnamed };

}  // namespace

template <>
inline constexpr Named<Colour> kNamesOf<Colour>[] = {{Colour::red, "red"}, {Colour::dark_green, "dark-green"}};

namespace {

struct PaintConfig {
  Colour colour = Colour::red;
  void bind(Fields& f) { f.choice("colour", colour, "Of the body"); }
};

PaintConfig read(const std::string& yaml) {
  PaintConfig config;
  read_config_text(yaml, "paint.yaml", {}, [&](Fields& f) { config.bind(f); });
  return config;
}

TEST(Named, ValuesAndNamesFindEachOther) {
  EXPECT_STREQ(name_of(Colour::dark_green), "dark-green");
  EXPECT_STREQ(name_of(Colour::unnamed), "");
  EXPECT_EQ(value_named<Colour>("dark-green"), Colour::dark_green);
  EXPECT_EQ(value_named<Colour>("Dark-green"), std::nullopt);
  EXPECT_EQ(names_of<Colour>(), (std::vector<std::string>{"red", "dark-green"}));
}

TEST(Named, IsReadAndPrintedByItsName) {
  EXPECT_EQ(read("").colour, Colour::red);
  const PaintConfig green = read("colour: dark-green");
  EXPECT_EQ(green.colour, Colour::dark_green);
  EXPECT_EQ(to_json(green)["colour"], "dark-green");
  EXPECT_EQ(from_json<PaintConfig>(to_json(green), "x").colour, Colour::dark_green);
  EXPECT_EQ(to_yaml(green, false), "colour: dark-green\n");
  EXPECT_NE(to_yaml(green).find("red"), std::string::npos) << "the comment names what is allowed";
}

TEST(Named, AWrongNameIsRefusedWithTheNearest) {
  test::expect_error(ExitCode::usage, {"paint.yaml:1", "colour", "dark_green", "did you mean", "dark-green"},
                     [] { read("colour: dark_green"); });
  test::expect_error(ExitCode::usage, {"paint.yaml:1", "red", "dark-green"}, [] { read("colour: [red]"); });
}

}  // namespace
}  // namespace spinfill

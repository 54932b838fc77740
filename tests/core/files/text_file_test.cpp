// SPDX-License-Identifier: Apache-2.0
#include "core/files/text_file.h"

#include <gtest/gtest.h>

#include "core/config/config.h"
#include "core/files/json.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::expect_error;

// ASCII as UTF-16 or UTF-32.
std::string wide(const std::string& text, std::size_t bytes, bool little) {
  std::string out;
  for (const char c : text) {
    std::string unit(bytes, '\0');
    unit[little ? 0 : bytes - 1] = c;
    out += unit;
  }
  return out;
}

struct Encoded {
  std::string bytes, named;
};

std::vector<Encoded> foreign(const std::string& text) {
  return {{"\xFF\xFE" + wide(text, 2, true), "-f UTF-16 -t UTF-8"},
          {"\xFE\xFF" + wide(text, 2, false), "-f UTF-16 -t UTF-8"},
          {wide(text, 2, true), "-f UTF-16LE -t UTF-8"},
          {wide(text, 2, false), "-f UTF-16BE -t UTF-8"},
          {std::string("\xFF\xFE\0\0", 4) + wide(text, 4, true), "-f UTF-32 -t UTF-8"},
          {std::string("\0\0\xFE\xFF", 4) + wide(text, 4, false), "-f UTF-32 -t UTF-8"},
          {wide(text, 4, true), "-f UTF-32LE -t UTF-8"},
          {wide(text, 4, false), "-f UTF-32BE -t UTF-8"}};
}

TEST(TextFile, OtherEncodingsAreNamedWithWhatConvertsThem) {
  for (const auto& [bytes, named] : foreign("{\"a\": 1}\n"))
    expect_error(ExitCode::runtime, {"x.json", "iconv", named}, [&bytes = bytes] { parse_json(bytes, "x.json"); });
  for (const auto& [bytes, named] : foreign("a: 1\n")) {
    expect_error(ExitCode::usage, {"x.yaml", "iconv", named},
                 [&bytes = bytes] { read_config_text(bytes, "x.yaml", {}, [](Fields&) {}); });
  }
  expect_error(ExitCode::runtime, {"x: line 2", "Latin-1", "iconv -f ISO-8859-1 -t UTF-8"},
               [] { utf8_text("caf\xC3\xA9\ncaf\xE9\n", "x"); });
  expect_error(ExitCode::runtime, {"x: line 1", "iconv -f WINDOWS-1252 -t UTF-8"}, [] { utf8_text("100 \x80", "x"); });
  expect_error(ExitCode::runtime, {"x", "zero bytes"}, [] { utf8_text(std::string("PK text\0", 8), "x"); });
}

TEST(TextFile, AMarkOfUtf8AndWindowsLineEndsAreAccepted) {
  EXPECT_EQ(utf8_text("\xEF\xBB\xBF"
                      "a",
                      "x"),
            "a");
  EXPECT_EQ(utf8_text("", "x"), "");
  EXPECT_EQ(utf8_text("\xEF\xBB\xBF", "x"), "");
  EXPECT_EQ(parse_json("\xEF\xBB\xBF{\r\n\"a\": 1\r\n}\r\n", "x")["a"], 1);
  const test::TemporaryFolder folder;
  write_file_atomic(folder / "a.txt",
                    "\xEF\xBB\xBF"
                    "caf\xC3\xA9\r\n");
  EXPECT_EQ(read_text_file(folder / "a.txt"), "caf\xC3\xA9\r\n");
  std::string name;
  const auto bind = [&](Fields& fields) { fields.text("name", name, "a name"); };
  read_config_text("\xEF\xBB\xBF# a comment\r\nname: caf\xC3\xA9\r\n", "x.yaml", {}, bind);
  EXPECT_EQ(name, "caf\xC3\xA9");
}

}  // namespace
}  // namespace spinfill

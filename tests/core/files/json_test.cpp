// SPDX-License-Identifier: Apache-2.0
#include "core/files/json.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "core/error.h"
#include "support/mutate.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::expect_error;

TEST(Json, ErrorsNameFileAndLine) {
  expect_error(ExitCode::runtime, {"set.json:3", "not valid JSON"},
               [] { parse_json("{\n\"a\": 1,\n\"b\": }\n", "set.json"); });
  expect_error(ExitCode::runtime, {"'a' stands twice"}, [] { parse_json(R"({"a": 1, "a": 2})", "x"); });
  EXPECT_NO_THROW(parse_json(R"({"a": {"a": 1}, "b": [{"a": 1}, {"a": 2}]})", "x"));
  for (const char* bad : {"", "{", "NaN", "[1e999]", "[NaN]", "[\"\xff\"]", "{} {}", "[Infinity]"}) {
    expect_error(ExitCode::runtime, {"x"}, [&] { parse_json(bad, "x"); });
  }
}

TEST(Json, DepthBombsAreRefused) {
  std::string objects;
  for (int i = 0; i < 100000; ++i) objects += "{\"a\":";
  expect_error(ExitCode::runtime, {"nested too deeply"}, [&] { parse_json(objects, "x"); });
  expect_error(ExitCode::runtime, {"nested too deeply"}, [&] { parse_json(std::string(1000000, '['), "x"); });
}

TEST(Json, HostileInputIsAnErrorOfOneLine) {
  const std::string valid =
      R"({"w": 96, "frames": [{"file_path": "a.png", "transform_matrix": [[1.5, -2e3], [0, 1]]}]})";
  EXPECT_GT(test::mutate_and_try(valid, [](std::string_view bytes) { parse_json(bytes, "x"); }),
            test::fuzz_iterations() / 4);
}

}  // namespace
}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "core/files/files.h"
#include "core/files/json.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

std::string quoted(const fs::path& path) {
  return "'" + path.string() + "'";
}

TEST(DataCheck, ReportsAndExits) {
  const test::TemporaryFolder folder;
  test::write_tiny_data_set(folder.path(), 2);
  const std::string program = test::program() + " data check ";
  const auto good = test::run_command(program + quoted(folder.path()));
  EXPECT_EQ(good.exit_code, 0) << good.output;
  EXPECT_NE(good.output.find("2 sets, 16 readable pictures, 0 problems"), std::string::npos) << good.output;

  write_file_atomic(folder / "tiny-01/180.png", "x");
  const auto bad = test::run_command(program + quoted(folder.path()));
  EXPECT_EQ(bad.exit_code, 1);
  EXPECT_NE(bad.output.find("tiny-01/180.png: unreadable picture"), std::string::npos) << bad.output;

  const auto json = test::run_command(program + quoted(folder.path()) + " --json 2>/dev/null");
  EXPECT_EQ(json.exit_code, 1);
  const Json value = parse_json(json.output, "output");
  EXPECT_EQ(value["sets"], 2);
  EXPECT_EQ(value["problems"].at(0)["frame"], "180.png");

  EXPECT_EQ(test::run_command(program + quoted(folder / "gone")).exit_code, 3);
  EXPECT_EQ(test::run_command(program).exit_code, 2);
  EXPECT_EQ(test::run_command(test::program() + " data").exit_code, 2);
}

}  // namespace
}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "core/files/files.h"
#include "core/files/json.h"
#include "core/text.h"
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

// Names that clear the screen, write over a line, or fake a line of the program's own.
TEST(DataCheck, NamesDoNotCommandTheTerminal) {
  const test::TemporaryFolder folder;
  const std::string hostile =
      "car\x1B[2J\r\xC2\x9B"
      "31m\xE2\x80\xAE\nerror: fake";
  test::write_tiny_data_set(folder / hostile, 2);
  const fs::path data = folder / hostile, set = data / hostile;
  fs::rename(data / "tiny-00", set);
  Json description = read_json(set / "transforms.json");
  for (const char* field : {"id", "category", "camera_model", "source"}) description[field] = hostile;
  description["frames"][0]["file_path"] = hostile;
  write_json_atomic(set / "transforms.json", description);
  write_json_atomic(data / "splits.json", {{"train", {"tiny-01"}}, {hostile, {hostile, "tiny-00"}}});
  fs::create_directory(folder / "pictures");
  fs::copy_file(set / "045.png", folder / "pictures" / (hostile + ".png"));

  const auto run = [&](const std::string& arguments, int code) {
    const auto result = test::run_command(test::program() + " " + arguments);
    EXPECT_EQ(escaped_lines(result.output), result.output);
    EXPECT_EQ(result.output.find("\nerror: fake"), std::string::npos) << result.output;
    EXPECT_EQ(result.exit_code, code) << arguments << "\n" << result.output;
    return result.output;
  };
  EXPECT_NE(run("data check " + quoted(data), 1).find("car\\x1b[2J"), std::string::npos);
  EXPECT_FALSE(parse_json(run("data check --json 2>/dev/null " + quoted(data), 1), "output")["problems"].empty());
  run("inspect " + quoted(data), 1);
  EXPECT_TRUE(parse_json(run("inspect --json 2>/dev/null " + quoted(data), 1), "output").contains("sets"));
  const std::string pictures = quoted(folder / "pictures");
  run("metrics " + pictures + " " + pictures, 0);
  run("data check " + quoted(fs::path(hostile)), 3);
  run("data check --" + quoted(fs::path(hostile)), 2);
}

}  // namespace
}  // namespace spinfill

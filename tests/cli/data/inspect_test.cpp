// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "core/files/files.h"
#include "core/files/json.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

using test::run_command;

std::string quoted(const fs::path& path) {
  return "'" + path.string() + "'";
}

std::size_t entries(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), {}));
}

TEST(DataInspect, WritesPageAndOverlayAndALinePerView) {
  const test::TemporaryFolder folder;
  const fs::path set = folder / "set", out = folder / "out";
  test::write_tiny_set(set, {.width = 120, .height = 80, .slots = {0, 1, 2, 5}, .cameras = false});
  const std::string program = test::program() + " data inspect " + quoted(set) + " --out " + quoted(out);
  const auto text = run_command(program + " 2>/dev/null");
  ASSERT_EQ(text.exit_code, 0) << text.output;
  for (const char* line :
       {"000.png: 0.0 -> ", "045.png: 45.0 -> ", "090.png: 90.0 -> ", "225.png: 225.0 -> ", "mean IoU"})
    EXPECT_NE(text.output.find(line), std::string::npos) << line << " not in\n" << text.output;
  EXPECT_TRUE(fs::exists(out / "overlay.png"));
  EXPECT_NE(read_file(out / "index.html").find("</html>"), std::string::npos);
  EXPECT_EQ(entries(out), 3u) << "and the mark";
  EXPECT_EQ(entries(set), 5u) << "the set stays as it is";

  const auto again = run_command(program);
  EXPECT_EQ(again.exit_code, 2) << again.output;
  const auto json = run_command(program + " --replace --json 2>/dev/null");
  ASSERT_EQ(json.exit_code, 0);
  EXPECT_EQ(parse_json(json.output, "output")["frames"].size(), 4u);

  // Pictures alone, named by azimuth.
  fs::remove(set / "transforms.json");
  EXPECT_EQ(run_command(program + " --replace").exit_code, 0);
  const auto relative =
      run_command("cd " + quoted(folder.path()) + " && " + test::program() + " data inspect set --out look");
  EXPECT_EQ(relative.exit_code, 0) << relative.output;
  EXPECT_TRUE(fs::exists(folder / "look/index.html"));
}

TEST(DataInspect, RefusesInOneLineAndLeavesNothing) {
  const test::TemporaryFolder folder;
  const fs::path data = folder / "data", set = data / "tiny-00";
  test::write_tiny_data_set(data, 2, {.cameras = false});
  const std::string program = test::program() + " data inspect ", out = " --out " + quoted(folder / "out");
  const auto expect = [&](const std::string& arguments, int code, const std::string& part) {
    const auto result = run_command(program + arguments);
    EXPECT_EQ(result.exit_code, code) << result.output;
    EXPECT_NE(result.output.find(part), std::string::npos) << part << " not in " << result.output;
    EXPECT_EQ(std::ranges::count(result.output, '\n'), 1) << result.output;
    EXPECT_EQ(entries(folder.path()), 1u) << "something was left after: " << arguments;
    EXPECT_EQ(entries(set), 9u);
  };
  expect(quoted(set), 2, "--out");
  expect(quoted(folder / "gone") + out, 2, "no such folder");
  expect(quoted(data) + out, 2, "is a data set");
  expect(quoted(set) + " --out ''", 2, "--out");
  for (const fs::path& holds : {set, data, set / "", data / "tiny-01/../tiny-00"})
    expect(quoted(set) + " --replace --out " + quoted(holds), 2, "overlaps");
  write_file_atomic(set / "090.png", "x");
  expect(quoted(set) + out, 3, "090.png");
}

}  // namespace
}  // namespace spinfill

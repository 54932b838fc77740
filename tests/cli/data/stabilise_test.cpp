// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "core/files/files.h"
#include "core/files/json.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

std::string quoted(const fs::path& path) {
  return "'" + path.string() + "'";
}

TEST(DataStabilise, StabilisesACopyOrInPlaceAndScoresLeftOutViews) {
  const test::TemporaryFolder folder;
  test::write_tiny_data_set(folder / "sets", 2);
  const std::string program = test::program() + " data stabilise ", sets = quoted(folder / "sets");
  const auto refused = test::run_command(program + sets);
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.output.find("--replace-cameras"), std::string::npos) << refused.output;

  const std::string before = read_file(folder / "sets/tiny-01/transforms.json");
  auto result =
      test::run_command(program + sets + " --replace-cameras --json --out " + quoted(folder / "copy") + " 2>/dev/null");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(parse_json(result.output, "output")["sets"].size(), 2U);
  EXPECT_EQ(read_file(folder / "sets/tiny-01/transforms.json"), before);
  EXPECT_TRUE(read_json(folder / "copy/tiny-01/transforms.json").contains("stabilisation"));
  EXPECT_TRUE(fs::exists(folder / "copy/splits.json"));

  // Pictures alone, into a copy: the originals' folder gets no file.
  fs::copy(folder / "sets/tiny-00", folder / "pictures");
  fs::remove(folder / "pictures/transforms.json");
  result = test::run_command(program + quoted(folder / "pictures") + " --out " + quoted(folder / "placed"));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_FALSE(fs::exists(folder / "pictures/transforms.json"));
  EXPECT_TRUE(read_json(folder / "placed/transforms.json")["frames"][0].contains("transform_matrix"));

  // Numbered instead: the azimuths are said on the command line.
  fs::create_directory(folder / "numbered");
  for (int i = 0; i < 8; ++i) {
    fs::copy_file(folder / "pictures" / fmt::format("{:03}.png", 45 * i),
                  folder / "numbered" / fmt::format("IMG_{}.png", 1001 + i));
  }
  result = test::run_command(program + quoted(folder / "numbered"));
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_NE(result.output.find("IMG_1002.png 45"), std::string::npos) << result.output;
  result = test::run_command(program + quoted(folder / "numbered") + " --given-azimuths counter-clockwise");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(read_json(folder / "numbered/transforms.json")["frames"][7]["stated_azimuth_deg"], 315);

  result = test::run_command(program + quoted(folder / "sets/tiny-00") + " --hold-out 1 --json 2>/dev/null");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const Json held_out = parse_json(result.output, "output");
  EXPECT_EQ(held_out["held_out_iou"].size(), 8U);
  EXPECT_GT(held_out["mean"]["held_out_iou"], 0.5);

  EXPECT_EQ(test::run_command(program + sets + " --hold-out 9").exit_code, 2);
  EXPECT_EQ(test::run_command(program + quoted(folder / "gone")).exit_code, 2);
  for (const char* out : {"sets/inside", "."}) {
    const auto overlap =
        test::run_command(program + sets + " --replace --replace-cameras --out " + quoted(folder / out));
    EXPECT_EQ(overlap.exit_code, 2) << out;
    EXPECT_NE(overlap.output.find("overlaps"), std::string::npos) << overlap.output;
  }
  EXPECT_TRUE(fs::exists(folder / "sets/tiny-00/000.png"));
}

}  // namespace
}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "core/files/files.h"
#include "core/files/json.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

class PackCommand : public testing::Test {
 protected:
  void SetUp() override { test::write_tiny_data_set(folder_ / "sets", 5); }
  static std::string quoted(const fs::path& path) { return "'" + path.string() + "'"; }
  test::CommandResult run(const std::string& arguments) { return test::run_command(test::program() + " " + arguments); }
  std::string pack(const std::string& out = "packed") {
    return "data pack " + quoted(folder_ / "sets") + " --out " + quoted(folder_ / out) + " ";
  }
  test::TemporaryFolder folder_;
};

TEST_F(PackCommand, PacksChecksAndInspects) {
  const auto packed = run(pack() + "--shard-size 50k");
  EXPECT_EQ(packed.exit_code, 0) << packed.output;
  EXPECT_NE(packed.output.find("train: 3 sets in "), std::string::npos) << packed.output;
  EXPECT_NE(packed.output.find("test: 1 sets in 1 shard"), std::string::npos) << packed.output;
  EXPECT_TRUE(fs::exists(folder_ / "packed/train-000000.index"));

  const auto check = run("data check " + quoted(folder_ / "packed"));
  EXPECT_EQ(check.exit_code, 0) << check.output;
  EXPECT_NE(check.output.find("5 sets, 40 readable pictures, 0 problems"), std::string::npos) << check.output;

  const auto inspected = run("inspect " + quoted(folder_ / "packed") + " --json --contact-sheet " +
                             quoted(folder_ / "sheet.png") + " 2>/dev/null");
  EXPECT_EQ(inspected.exit_code, 0) << inspected.output;
  const Json summary = parse_json(inspected.output, "output");
  EXPECT_EQ(summary["sets"], 5);
  EXPECT_EQ(summary["pictures"], 40);
  EXPECT_GE(summary["shards"], 3);
  EXPECT_EQ(summary["by_split"]["train"], 3);
  EXPECT_TRUE(fs::exists(folder_ / "sheet.png"));

  const auto json = run(pack("val") + "--split val --json 2>/dev/null");
  EXPECT_EQ(parse_json(json.output, "output")["splits"]["val"]["sets"], 1);
  EXPECT_EQ(parse_json(json.output, "output")["left_out"], 4);
}

TEST_F(PackCommand, ErrorsHaveTheirExitCodes) {
  EXPECT_EQ(run(pack()).exit_code, 0);
  const auto exists = run(pack());
  EXPECT_EQ(exists.exit_code, 2);
  EXPECT_NE(exists.output.find("--replace"), std::string::npos) << exists.output;
  EXPECT_EQ(run(pack() + "--replace --split val").exit_code, 0);
  EXPECT_EQ(run(pack("x") + "--split dev").exit_code, 2);
  EXPECT_EQ(run(pack("x") + "--shard-size huge").exit_code, 2);
  EXPECT_EQ(run("data pack " + quoted(folder_ / "gone") + " --out " + quoted(folder_ / "x")).exit_code, 3);
  EXPECT_EQ(run("data pack " + quoted(folder_ / "sets")).exit_code, 2);
  EXPECT_EQ(run("data index " + quoted(folder_ / "sets")).exit_code, 3);
  const auto index = run("data index " + quoted(folder_ / "packed") + " --replace 2>/dev/null");
  EXPECT_EQ(index.output, "1 index made\n");
  const fs::path path = folder_ / "packed/val-000000.index";
  write_file_atomic(path, "an index of my own");
  const auto strange = run("data index " + quoted(folder_ / "packed") + " --replace");
  EXPECT_EQ(strange.exit_code, 2) << strange.output;
  EXPECT_EQ(read_file(path), "an index of my own");
  write_file_atomic(path, "");  // cut short
  EXPECT_EQ(run("data index " + quoted(folder_ / "packed")).exit_code, 0);
  fs::resize_file(folder_ / "packed/val-000000.tar", 1000);
  const auto cut = run("data check " + quoted(folder_ / "packed"));
  EXPECT_EQ(cut.exit_code, 3);
  EXPECT_NE(cut.output.find("val-000000.tar"), std::string::npos) << cut.output;
}

TEST_F(PackCommand, EvaluationScoresShardsAsTheFolder) {
  EXPECT_EQ(run(pack() + "--shard-size 1").exit_code, 0);
  const auto score = [&](const std::string& data) {
    const auto result = run("evaluate --model baseline:mirror --split train --data " + quoted(folder_ / data) +
                            " --out " + quoted(folder_ / (data + "-report")));
    EXPECT_EQ(result.exit_code, 0) << result.output;
    return read_json(folder_ / (data + "-report/metrics.json"));
  };
  const Json folder = score("sets"), shards = score("packed");
  ASSERT_FALSE(folder["images"].empty());
  EXPECT_EQ(folder["images"], shards["images"]);
}

}  // namespace
}  // namespace spinfill

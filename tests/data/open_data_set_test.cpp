// SPDX-License-Identifier: Apache-2.0
#include "data/open_data_set.h"

#include <gtest/gtest.h>

#include "core/files/json.h"
#include "data/shards/pack.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

void expect_told(const std::string& why, const std::vector<std::string>& texts) {
  for (const std::string& text : texts) EXPECT_NE(why.find(text), std::string::npos) << text << " not in: " << why;
}

TEST(WhyNoSplit, NamesTheSplitThatSeemsMeant) {
  const test::TemporaryFolder folder;
  test::write_tiny_data_set(folder.path(), 3);
  EXPECT_EQ(why_no_split(folder.path(), "val"), "");
  const auto why = [&](const char* splits) {
    write_file_atomic(folder / "splits.json", splits);
    return why_no_split(folder.path(), "val");
  };
  expect_told(why(R"({"train": ["tiny-00"], "val": []})"), {"splits.json", "'val' is empty"});
  expect_told(why(R"({"train": ["tiny-00"]})"), {"no split 'val', only train"});
  expect_told(why("{}"), {"no split 'val'", "none at all"});
  for (const std::string name : {"validation", "valid", "dev", "eval", "Val", "VALIDATION"}) {
    expect_told(why(fmt::format(R"({{"train": ["tiny-00"], "{}": ["tiny-01"]}})", name).c_str()),
                {"no split 'val'", fmt::format("rename '{}' to 'val'", name)});
  }
  EXPECT_EQ(why(R"({"train": ["tiny-00"], "test": ["tiny-02"]})").find("rename"), std::string::npos);
  fs::remove(folder / "splits.json");
  expect_told(why_no_split(folder.path(), "val"), {"no splits.json"});
  expect_told(why_no_split(folder / "tiny-00", "val"), {"no splits.json"});
  // What is wrong is not taken for what is absent.
  write_file_atomic(folder / "splits.json", R"({"train": 3})");
  test::expect_error(ExitCode::runtime, {"splits.json", "list"}, [&] { why_no_split(folder.path(), "val"); });
  test::expect_error(ExitCode::runtime, {"no such folder"}, [&] { why_no_split(folder / "gone", "val"); });
}

TEST(WhyNoSplit, KnowsShards) {
  const test::TemporaryFolder folder;
  test::write_tiny_data_set(folder / "sets", 3);
  write_json_atomic(folder / "sets" / "splits.json", {{"train", {"tiny-00", "tiny-01"}}, {"valid", {"tiny-02"}}});
  pack({.folder = folder / "sets", .out = folder / "packed"});
  EXPECT_EQ(why_no_split(folder / "packed", "train"), "");
  expect_told(why_no_split(folder / "packed", "val"), {"no shards of split 'val'", "rename 'valid' to 'val'"});
  fs::remove(folder / "sets" / "splits.json");
  pack({.folder = folder / "sets", .out = folder / "plain"});
  expect_told(why_no_split(folder / "plain", "val"), {"of no split"});
}

}  // namespace
}  // namespace spinfill

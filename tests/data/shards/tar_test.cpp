// SPDX-License-Identifier: Apache-2.0
#include "data/shards/tar.h"

#include <algorithm>

#include "core/files/files.h"
#include "support/mutate.h"
#include "support/support.h"
#include "support/tar_bytes.h"

namespace spinfill {
namespace {

using test::expect_error;
using test::tar_end;
using test::tar_entry;
using test::tar_header;
using test::TemporaryFolder;

class TarTest : public testing::Test {
 protected:
  std::vector<TarEntry> walk(const fs::path& path) {
    const PositionalFile tar(path);
    std::vector<TarEntry> entries;
    end_ = walk_tar(tar, 0, tar.size(), [&](const TarEntry& entry) { entries.push_back(entry); });
    return entries;
  }
  void refuse(const std::string& bytes, const std::vector<std::string>& texts) {
    write_file_atomic(path_, bytes);
    expect_error(ExitCode::runtime, texts, [&] { walk(path_); });
  }
  TemporaryFolder folder_;
  fs::path path_ = folder_ / "x.tar";
  std::uint64_t end_ = 0;
};

TEST_F(TarTest, ASamplesKeyEndsAtTheFirstDotOfTheBaseName) {
  const auto expect = [](const char* name, const char* key, const char* field) {
    const auto got = sample_name(name);
    ASSERT_TRUE(got) << name;
    EXPECT_EQ(got->key, key);
    EXPECT_EQ(got->field, field);
  };
  expect("car-7.000.png", "car-7", "000.png");
  expect("a.b/car.JSON", "a.b/car", "json");
  expect("./car.Mask.PNG", "car", "mask.png");
  for (const char* name : {"README", ".hidden.png", "a/.x.png", "car.", ""}) EXPECT_FALSE(sample_name(name)) << name;
}

TEST_F(TarTest, WhatIsWrittenLiesWhereTheWalkSays) {
  std::vector<std::pair<std::string, std::string>> files = {
      {"car.json", "{}"}, {"car.000.png", std::string(1500, 'p')}, {"car.empty", ""}};
  files.emplace_back(fmt::format("{:k>300}.x", ""), std::string(512, 'q'));  // needs a pax header
  for (const char* name : {"a.tar", "b.tar"}) {
    TarWriter writer(folder_ / name);
    for (const auto& [file, bytes] : files) writer.add(file, bytes);
    writer.finish();
  }
  EXPECT_EQ(read_file(folder_ / "a.tar"), read_file(folder_ / "b.tar"));
  const auto entries = walk(folder_ / "a.tar");
  ASSERT_EQ(entries.size(), files.size());
  const std::string all = read_file(folder_ / "a.tar");
  for (std::size_t i = 0; i < files.size(); ++i) {
    EXPECT_EQ(entries[i].name, files[i].first);
    EXPECT_EQ(all.substr(entries[i].data, entries[i].size), files[i].second);
    EXPECT_EQ(entries[i].header, i == 0 ? 0 : entries[i - 1].end());
  }
  EXPECT_EQ(end_ + 1024, all.size());
  // A range alone, as random access reads it.
  std::vector<std::string> names;
  walk_tar(PositionalFile(folder_ / "a.tar"), entries[1].header, entries[2].end(), [&](const TarEntry& entry) {
    names.push_back(entry.name);
    EXPECT_EQ(entry.data, entries[names.size()].data);
  });
  EXPECT_EQ(names, (std::vector<std::string>{"car.000.png", "car.empty"}));
  const auto listed = test::run_command("tar tf '" + (folder_ / "a.tar").string() + "'");
  EXPECT_EQ(listed.exit_code, 0) << listed.output;
  EXPECT_EQ(std::ranges::count(listed.output, '\n'), 4);
}

TEST_F(TarTest, WhatOtherToolsWriteIsRead) {
  make_folder(folder_ / "in/sub");
  write_file_atomic(folder_ / "in/sub/car.000.png", "abc");
  const std::string deep = fmt::format("in/sub/{:d>90}", "");
  make_folder(folder_ / deep);
  write_file_atomic(folder_ / deep / fmt::format("{:n>90}.x", ""), "long");
  for (const char* format : {"ustar", "gnu", "pax"}) {
    const auto made = test::run_command(fmt::format("cd '{}' && tar --format={} --sort=name -cf ../{}.tar sub",
                                                    (folder_ / "in").string(), format, format));
    ASSERT_EQ(made.exit_code, 0) << made.output;
    const fs::path path = folder_ / (std::string(format) + ".tar");
    const auto entries = walk(path);
    ASSERT_EQ(entries.size(), 2U) << format;
    EXPECT_EQ(entries[0].name, "sub/car.000.png");
    EXPECT_EQ(read_file(path).substr(entries[0].data, 3), "abc") << format;
    EXPECT_EQ(read_file(path).substr(entries[1].data, 4), "long") << format;
  }
}

TEST_F(TarTest, HostileTarsAreOneLine) {
  const std::string good = tar_entry("car.json", "{}");
  refuse(std::string(4096, 'x'), {"x.tar", "damaged"});
  refuse(good + tar_entry("/etc/passwd.x", "") + tar_end(), {"x.tar", "/etc/passwd.x", "absolute"});
  refuse(good + tar_entry("a/../../b.x", "") + tar_end(), {"a/../../b.x", "'..'"});
  refuse(good + tar_entry("a\nb.x", "") + tar_end(), {"control characters"});
  refuse(good + tar_header("car.png", 0, '2', "/etc/passwd") + tar_end(), {"x.tar", "car.png", "link"});
  refuse(good + tar_header("car.png", 0, '1', "car.json") + tar_end(), {"car.png", "link"});
  refuse(good + tar_header("car.png", 0, '3') + tar_end(), {"car.png", "device"});
  refuse(good + tar_header("car.png", std::uint64_t{8589934591}) + tar_end(), {"car.png", "8589934591", "only 1024"});
  refuse((good + tar_entry("car.png", std::string(900, 'p'))).substr(0, 1800), {"car.png", "900 bytes", "only 264"});
  refuse(good.substr(0, 300), {"x.tar", "damaged"});
  std::string flipped = good + tar_entry("car.png", "p") + tar_end();
  flipped[1030] ^= 1;
  refuse(flipped, {"x.tar", "damaged after entry 'car.json'"});
  expect_error(ExitCode::runtime, {"gone.tar"}, [&] { walk(folder_ / "gone.tar"); });
}

TEST_F(TarTest, DamageIsAnErrorAndNothingElse) {
  const std::string valid = tar_entry("car.json", "{}") + tar_entry("car.000.png", std::string(700, 'p')) + tar_end();
  write_file_atomic(path_, valid);
  EXPECT_EQ(walk(path_).size(), 2U);
  const auto refused = test::mutate_and_try(valid, [&](std::string_view bytes) {
    write_file_atomic(path_, bytes);
    for (const TarEntry& entry : walk(path_)) {
      if (entry.data + entry.size > bytes.size()) throw std::runtime_error("an entry beyond the end");
    }
  });
  EXPECT_GT(refused, test::fuzz_iterations() / 10);
}

}  // namespace
}  // namespace spinfill

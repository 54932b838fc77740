// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <cstring>

#include "core/files/files.h"
#include "core/files/json.h"
#include "data/batches/make_batch.h"
#include "data/batches/samples.h"
#include "data/check/check.h"
#include "data/open_data_set.h"
#include "data/sets/set_pictures.h"
#include "data/shards/pack.h"
#include "data/shards/shard_scan.h"
#include "data/shards/shards.h"
#include "support/mutate.h"
#include "support/support.h"
#include "support/tar_bytes.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

using test::expect_error;
using test::tar_end;
using test::tar_entry;
using test::tar_header;
using test::TemporaryFolder;

constexpr const char* kDescription = R"({"w": 24, "h": 16, "frames": [{"file_path": "000.png", "azimuth_deg": 0}]})";

class ShardDamageTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* id : {"a", "b", "c"}) {
      test::write_tiny_set(folder_ / "sets" / id, {.id = id, .width = 24, .height = 16, .slots = {0, 4}});
    }
    write_json_atomic(folder_ / "sets/splits.json", {{"train", {"a", "b", "c"}}});
    pack({.folder = folder_ / "sets", .out = folder_ / "packed"});
    tar_ = read_file(shard_);
    index_bytes_ = read_file(index_);
  }
  void refuse_open(const std::vector<std::string>& texts) {
    expect_error(ExitCode::runtime, texts, [&] { open_data_set(folder_ / "packed", "train"); });
  }
  void refuse_scan(const std::string& bytes, const std::vector<std::string>& texts) {
    write_file_atomic(folder_ / "x.tar", bytes);
    expect_error(ExitCode::runtime, texts, [&] { scan_shard(folder_ / "x.tar"); });
  }
  // The index with changed sets and a right checksum: one that lies.
  void lie(const std::function<void(IndexContent&)>& how) {
    IndexContent content = scan_shard(shard_);
    how(content);
    write_file_atomic(index_, ShardIndex::serialised(content));
  }
  TemporaryFolder folder_;
  fs::path shard_ = folder_ / "packed/train-000000.tar", index_ = folder_ / "packed/train-000000.index";
  std::string tar_, index_bytes_;
};

TEST_F(ShardDamageTest, AShardThatFitsNoMoreIsNamedWhenOpened) {
  const std::vector<std::string> changed = {"train-000000.tar", "its index says", "spinfill data index"};
  write_file_atomic(shard_, tar_.substr(0, tar_.size() / 2));
  refuse_open(changed);
  write_file_atomic(shard_, "");
  refuse_open(changed);
  fs::remove(index_);
  refuse_open({"train-000000.tar", "is empty"});
  fs::remove(shard_);
  refuse_open({"train-000000.tar", "cannot be opened"});
}

TEST_F(ShardDamageTest, ChangedBytesAreNoticedWhenTheyAreRead) {
  std::string changed = tar_;
  const std::size_t picture = changed.find("b.180.png") + 512 + 60;
  changed[picture] ^= 1;
  write_file_atomic(shard_, changed);
  const DataSet data = open_data_set(folder_ / "packed", "train");
  const ViewSet b = *data.view_set(1);
  read_masked_picture(b, b.frames[0]);
  expect_error(ExitCode::runtime, {"train-000000.tar/b/180.png", "differs from its checksum"},
               [&] { read_masked_picture(b, b.frames[1]); });
  const DataCheck check = check_data(folder_ / "packed", {.allow_missing_views = true});
  std::string lines;
  for (const DataProblem& problem : check.problems) lines += to_line(problem) + "; ";
  EXPECT_NE(lines.find("b/180.png: unreadable picture"), std::string::npos) << lines;
  EXPECT_NE(lines.find("train-000000.tar: its content is not what its index was made of"), std::string::npos) << lines;

  changed = tar_;
  changed[changed.find("\"sedan\"") + 1] ^= 1;
  write_file_atomic(shard_, changed);
  expect_error(ExitCode::runtime, {"train-000000.tar/a/json", "checksum"},
               [&] { open_data_set(folder_ / "packed", "train").view_set(0); });
}

TEST_F(ShardDamageTest, AnIndexThatLiesIsFoundOut) {
  lie([](IndexContent& c) { c.sets[2].bytes += 512 * 1000; });
  refuse_open({"train-000000.index", "set 'c'", "beyond the shard's end"});
  lie([](IndexContent& c) { c.sets[1].begin -= 512; });
  refuse_open({"train-000000.index", "set 'b'", "overlaps"});
  lie([](IndexContent& c) { c.sets[1].first_file = 99; });
  refuse_open({"train-000000.index", "set 'b'", "no files"});
  lie([](IndexContent& c) { c.sets[1].id = "../b"; });
  refuse_open({"train-000000.index", "no valid id"});
  lie([](IndexContent& c) { c.shard_bytes += 512; });
  refuse_open({"train-000000.tar", "its index says"});

  const auto refuse_read = [&](const std::vector<std::string>& texts) {
    const DataSet data = open_data_set(folder_ / "packed", "train");
    expect_error(ExitCode::runtime, texts, [&] {
      for (std::int64_t i = 0; i < data.size(); ++i) data.view_set(i);
    });
  };
  lie([](IndexContent& c) { std::swap(c.sets[0].id, c.sets[1].id); });
  refuse_read({"train-000000.tar", "expects set 'a'", "has changed"});
  lie([](IndexContent& c) { c.sets[1].slots = 0xFF; });
  refuse_read({"train-000000.tar", "set 'b'", "has changed"});
  lie([](IndexContent& c) { c.sets[0].bytes -= 512; });
  refuse_read({"train-000000.tar", "set 'a'"});
  lie([](IndexContent& c) { c.sets[1].begin += 512, c.sets[1].bytes -= 512; });
  refuse_read({"train-000000.tar", "set 'b'"});
  lie([](IndexContent& c) { c.checksums[0] ^= 1; });
  refuse_read({"train-000000.tar", "a/json", "checksum"});
  lie([](IndexContent& c) { c.shard_sha256 = std::string(64, '0'); });
  const DataCheck check = check_data(folder_ / "packed", {.allow_missing_views = true});
  ASSERT_EQ(check.problems.size(), 1U);
  EXPECT_NE(to_line(check.problems[0]).find("train-000000.tar"), std::string::npos);
}

TEST_F(ShardDamageTest, ADamagedIndexIsRefused) {
  const auto refuse = [&](std::string bytes, const char* text) {
    write_file_atomic(index_, bytes);
    refuse_open({"train-000000.index", text, "spinfill data index"});
  };
  refuse("", "no index");
  refuse(std::string(200, 'x'), "no index");
  refuse(index_bytes_ + "x", "size that it states");
  refuse(index_bytes_.substr(0, index_bytes_.size() - 1), "size that it states");
  std::string other = index_bytes_;
  other[8] = 9;
  refuse(other, "version 9");
  other = index_bytes_;
  other[90] ^= 4;
  refuse(other, "damaged");
  // Checksums of files are compared when a file is read, so an index damaged there opens.
  test::mutate_and_try(index_bytes_, [&](std::string_view bytes) {
    write_file_atomic(index_, bytes);
    const DataSet data = open_data_set(folder_ / "packed", "train");
    for (std::int64_t i = 0; i < data.size(); ++i) data.view_set(i);
  });
}

TEST_F(ShardDamageTest, WhatDisappearsOrIsCutMidRunFailsByName) {
  const DataSet data = open_data_set(folder_ / "packed", "train");
  const ViewSet a = *data.view_set(0);
  fs::resize_file(shard_, 2048);  // while it is open
  expect_error(ExitCode::runtime, {"train-000000.tar/a/180.png", "cut while in use"},
               [&] { read_masked_picture(a, a.frames[1]); });
  expect_error(ExitCode::runtime, {"train-000000.tar", "cut while in use"}, [&] { data.view_set(2); });
  write_file_atomic(shard_, tar_);
  const DataSet other = open_data_set(folder_ / "packed", "train");
  fs::resize_file(index_, 100);
  expect_error(ExitCode::runtime, {"train-000000.index", "cut while in use"}, [&] { other.view_set(0); });
  write_file_atomic(index_, index_bytes_);
  const DataSet third = open_data_set(folder_ / "packed", "train");
  fs::remove(shard_);
  DataConfig config;
  config.missing = {1};
  const SampleSpec spec = training_sample(third, config, 1, 0);
  expect_error(ExitCode::runtime, {"train-000000.tar", "cannot be opened"},
               [&] { make_batch(third, std::span(&spec, 1), config); });
}

TEST_F(ShardDamageTest, WrongSamplesAreNamedWhenAShardIsScanned) {
  const std::string json = tar_entry("a.json", kDescription);
  const std::string picture = tar_entry("a.000.png", read_file(folder_ / "sets/a/000.png"));
  write_file_atomic(folder_ / "x.tar",
                    json + picture + tar_entry("README", "hello") + tar_header("d/", 0, '5') + tar_end());
  EXPECT_EQ(scan_shard(folder_ / "x.tar").sets.size(), 1U);
  EXPECT_EQ(scan_shard(folder_ / "x.tar").sets[0].id, "a");

  refuse_scan("", {"x.tar", "empty"});
  refuse_scan(tar_end(), {"x.tar", "without files"});
  refuse_scan(tar_entry("README", "hello") + tar_end(), {"x.tar", "no view sets", "KEY.FIELD"});
  refuse_scan(picture + tar_end(), {"x.tar/a", "no field 'json'"});
  refuse_scan(json + tar_end(), {"x.tar/a", "frames[0].file_path", "'000.png' is no file of the set"});
  refuse_scan(json + picture + picture + tar_end(), {"x.tar/a", "'000.png' comes twice"});
  refuse_scan(json + picture + tar_entry("A.X", "") + tar_end(), {"x.tar/A", "no field 'json'"});
  refuse_scan(json + picture + tar_entry("b.json", kDescription) + tar_entry("b.000.png", "") +
                  tar_entry("a.045.png", "") + tar_end(),
              {"x.tar/a", "not consecutive"});
  refuse_scan(
      json + picture +
          tar_entry("b.json", R"({"id": "a", "w": 9, "h": 9, "frames": [{"file_path": "0", "azimuth_deg": 0}]})") +
          tar_entry("b.0", "") + tar_end(),
      {"x.tar/b", "id 'a' belongs to two sets"});
  refuse_scan(tar_entry("a.json", "{\"w\": }") + picture + tar_end(), {"x.tar/a/json", "JSON"});
  refuse_scan(tar_entry("a.json", R"({"frames": []})") + picture + tar_end(), {"x.tar/a/json", "frames is not a list"});
  refuse_scan(
      tar_entry("a.json", R"({"w": 24, "h": 16, "frames": [{"file_path": "../a.000.png", "azimuth_deg": 0}]})") +
          picture + tar_end(),
      {"x.tar/a/json", "frames[0].file_path"});
  refuse_scan(json + picture, {"x.tar", "end mark is missing"});
  refuse_scan(json + picture + tar_end() + json, {"x.tar", "after its end mark"});
  refuse_scan(json + tar_header("a.000.png", 40'000'000'000) + tar_end(),
              {"x.tar", "a.000.png", "40000000000 bytes", "only 1024"});
  refuse_scan(json + tar_header("a.000.png", 0, '2', "/etc/passwd") + tar_end(), {"x.tar", "a.000.png", "link"});
}

TEST_F(ShardDamageTest, ADamagedShardIsRefusedAndNothingElse) {
  const auto refused = test::mutate_and_try(tar_, [&](std::string_view bytes) {
    write_file_atomic(folder_ / "x.tar", bytes);
    scan_shard(folder_ / "x.tar");
  });
  EXPECT_GT(refused, test::fuzz_iterations() / 10);
}

TEST_F(ShardDamageTest, TheListIsChecked) {
  const auto refuse = [&](const char* text, const std::vector<std::string>& texts) {
    write_file_atomic(folder_ / "packed/shards.json", text);
    refuse_open(texts);
  };
  refuse("[]", {"shards.json", "pack again"});
  refuse(R"({"format": "spinfill shards", "version": 2})", {"shards.json", "version"});
  const std::string begin = R"({"format": "spinfill shards", "version": 1, "named": true, "splits": )";
  refuse((begin + R"({"train": {"shards": 2}}})").c_str(), {"train-000001.tar", "cannot be opened"});
  refuse((begin + R"({"train": {"shards": 1e18}}})").c_str(), {"shards.json"});
  refuse((begin + R"({"../x": {"shards": 1}}})").c_str(), {"shards.json"});
  refuse((begin + "{}}").c_str(), {"shards.json"});
}

TEST_F(ShardDamageTest, AnIdOfTwoShardsIsRefused) {
  fs::remove(folder_ / "packed/shards.json");
  fs::copy(shard_, folder_ / "packed/train-000001.tar");
  refuse_open({"train-000001.tar", "id 'a'", "train-000000.tar"});
}

}  // namespace
}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "data/shards/shards.h"
#include "core/files/json.h"

#include <ATen/ATen.h>
#include <sys/stat.h>

#include <chrono>
#include <csignal>
#include <set>
#include <thread>

#include "core/files/files.h"
#include "core/signals.h"
#include "data/batches/make_batch.h"
#include "data/batches/samples.h"
#include "data/check/check.h"
#include "data/open_data_set.h"
#include "data/pictures/picture.h"
#include "data/sets/set_pictures.h"
#include "data/sets/view_set_writer.h"
#include "data/shards/pack.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

using test::expect_error;
using test::TemporaryFolder;

class ShardsTest : public testing::Test {
 protected:
  ShardsTest() {
    config_.width = 48;
    config_.height = 32;
  }
  void SetUp() override { test::write_tiny_data_set(folder_ / "sets", 9, {.identity = {1, 2, 3}}); }
  PackResult pack_sets(const std::string& out = "packed", std::uint64_t shard_bytes = 60'000) {
    return pack({.folder = folder_ / "sets", .out = folder_ / out, .shard_bytes = shard_bytes});
  }
  void add_set(const std::string& folder, const test::TinySetOptions& options) {
    test::write_tiny_set(folder_ / "sets" / folder, options);
    Json splits = read_json(folder_ / "sets/splits.json");
    splits["train"].push_back(options.id);
    write_json_atomic(folder_ / "sets/splits.json", splits);
  }
  static void expect_same(const DataSet& a, const DataSet& b, const DataConfig& config) {
    ASSERT_EQ(a.size(), b.size());
    EXPECT_EQ(a.first_with_identity(), b.first_with_identity());
    for (std::int64_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a.id(i), b.id(i));
      EXPECT_EQ(a.slots(i), b.slots(i));
    }
    std::vector<SampleSpec> specs;
    for (std::int64_t i = 0; i < 3 * a.size(); ++i) {
      const SampleSpec spec = training_sample(a, config, 7, i), other = training_sample(b, config, 7, i);
      EXPECT_EQ(spec.set, other.set);
      EXPECT_EQ(spec.references, other.references);
      specs.push_back(spec);
    }
    const auto fixed = evaluation_samples(a, config, 3), others = evaluation_samples(b, config, 3);
    ASSERT_EQ(fixed.size(), others.size());
    for (std::size_t i = 0; i < fixed.size(); ++i) EXPECT_EQ(fixed[i].targets, others[i].targets);
    specs.insert(specs.end(), fixed.begin(), fixed.end());
    const Batch one = make_batch(a, specs, config), two = make_batch(b, specs, config);
    EXPECT_EQ(one.ids, two.ids);
    EXPECT_TRUE(at::equal(one.colour, two.colour));
    EXPECT_TRUE(at::equal(one.alpha, two.alpha));
    EXPECT_TRUE(at::equal(one.vehicle_from_camera, two.vehicle_from_camera));
    EXPECT_TRUE(at::equal(one.intrinsics, two.intrinsics));
    EXPECT_TRUE(at::equal(one.azimuth_deg, two.azimuth_deg));
    EXPECT_TRUE(at::equal(one.category, two.category));
    ASSERT_EQ(one.identity.defined(), two.identity.defined());
    if (one.identity.defined()) {
      EXPECT_TRUE(at::equal(one.identity, two.identity));
    }
  }
  TemporaryFolder folder_;
  DataConfig config_;
};

TEST_F(ShardsTest, GiveTheFoldersSamplesAndBatchesBitForBit) {
  add_set("few", {.id = "few", .slots = {0, 2, 5}});
  add_set("plain", {.id = "Plain", .cameras = false});
  const PackResult result = pack_sets();
  EXPECT_EQ(result.splits.at("train").sets, 9);
  EXPECT_GT(result.splits.at("train").shards, 2);
  for (const char* split : {"train", "val", "test"}) {
    expect_same(open_data_set(folder_ / "sets", split), open_data_set(folder_ / "packed", split), config_);
  }
  expect_error(ExitCode::runtime, {"packed", "'dev'", "test, train, val"},
               [&] { open_data_set(folder_ / "packed", "dev"); });
  for (const auto& entry : fs::directory_iterator(folder_ / "packed")) {
    EXPECT_LE(fs::file_size(entry), 62'000U) << entry.path();
  }
}

TEST_F(ShardsTest, KeepEveryFileOfASetUnchanged) {
  const fs::path set = folder_ / "sets/tiny-00";
  make_folder(set / "extra");
  write_png(set / "extra/Mask A.PNG", cv::Mat(32, 48, CV_8UC1, cv::Scalar(200)));
  write_file_atomic(set / "extra/depth.exr", "depth");
  write_file_atomic(set / "extra/normals", "normals");
  Json description = read_json(set / "transforms.json");
  description["frames"][0]["mask_file_path"] = "extra/Mask A.PNG";
  description["frames"][0]["depth_file_path"] = "extra/depth.exr";
  description["frames"][0]["normal_file_path"] = "extra/normals";
  description["own"] = {{"note", "kept"}};
  write_json_atomic(set / "transforms.json", description);
  pack_sets();
  const DataSet packed = open_data_set(folder_ / "packed", "train");
  const ViewSet read = *packed.view_set(0);
  EXPECT_EQ(read.id, "tiny-00");
  EXPECT_EQ(read.licence, "CC0-1.0");
  EXPECT_EQ(read.frames[0].mask_file_path, "000.mask.png");
  EXPECT_EQ(read_set_file(read, read.frames[0].mask_file_path, 1 << 20), read_file(set / "extra/Mask A.PNG"));
  EXPECT_EQ(read_set_file(read, read.frames[0].depth_file_path, 99), "depth");
  EXPECT_EQ(read_set_file(read, read.frames[0].normal_file_path, 99), "normals");
  EXPECT_EQ(read_set_file(read, "315.PNG", 1 << 20), read_file(set / "315.png"));
  EXPECT_EQ(read_set_file(read, read.identity_file_path, 1 << 20), read_file(set / "identity.safetensors"));
  EXPECT_EQ(parse_json(read_set_file(read, "json", 1 << 20), "json")["own"]["note"], "kept");
  expect_error(ExitCode::runtime, {"train-000000.tar", "tiny-00", "060.png"},
               [&] { read_set_file(read, "060.png", 1 << 20); });
  expect_error(ExitCode::runtime, {"tiny-00/000.depth.exr", "5 bytes"},
               [&] { read_set_file(read, "000.depth.exr", 4); });
  expect_same(open_data_set(folder_ / "sets", "train"), packed, config_);
}

TEST_F(ShardsTest, IdsWithDotsSpacesAndUmlautsSurvive) {
  const std::vector<std::string> ids = {"bmw.x5.2021", "rally  car", "übergröße", "50%.off",
                                        std::string(128, '.').replace(0, 1, "a")};
  for (std::size_t i = 0; i < ids.size(); ++i) add_set(fmt::format("s{}", i), {.id = ids[i]});
  EXPECT_EQ(sample_key("bmw.x5"), "bmw%2Ex5");
  pack_sets();
  expect_same(open_data_set(folder_ / "sets", "train"), open_data_set(folder_ / "packed", "train"), config_);
}

TEST_F(ShardsTest, EqualInputGivesEqualBytes) {
  pack_sets("a");
  fs::last_write_time(folder_ / "sets/tiny-00/000.png", fs::file_time_type::clock::now());
  pack_sets("b");
  int files = 0;
  for (const auto& entry : fs::directory_iterator(folder_ / "a")) {
    EXPECT_EQ(read_file(entry.path()), read_file(folder_ / "b" / entry.path().filename())) << entry.path();
    ++files;
  }
  EXPECT_GE(files, 9);
}

TEST_F(ShardsTest, WithoutSplitsEverySetServes) {
  fs::remove(folder_ / "sets/splits.json");
  EXPECT_EQ(pack_sets().splits.at("all").sets, 9);
  testing::internal::CaptureStderr();
  const DataSet packed = open_data_set(folder_ / "packed", "test");
  EXPECT_NE(testing::internal::GetCapturedStderr().find("of no split"), std::string::npos);
  expect_same(open_data_set(folder_ / "sets", "test"), packed, config_);
}

TEST_F(ShardsTest, ADenseSpinKeepsItsPictures) {
  const ViewSet dense = [&] {
    ViewSet set = test::write_tiny_set(folder_ / "sets/tiny-00", {.id = "tiny-00"});
    for (const double azimuth : {0.2, 0.4}) {
      Frame frame = set.frames[0];
      frame.file_path = fmt::format("at-{}.png", azimuth);
      frame.azimuth_deg = azimuth;
      fs::copy(set.folder / "090.png", set.folder / frame.file_path);
      set.frames.push_back(frame);
    }
    write_transforms(set);
    return set;
  }();
  pack_sets();
  const ViewSet read = *open_data_set(folder_ / "packed", "train").view_set(0);
  ASSERT_EQ(read.frames.size(), 10U);
  EXPECT_EQ(read.frames[9].file_path, "frame09.png");
  EXPECT_EQ(read_set_file(read, "frame09.png", 1 << 20), read_file(dense.folder / "090.png"));
}

TEST_F(ShardsTest, PackRefusesWhatItWouldSpoil) {
  const fs::path sets = folder_ / "sets";
  const auto refuse = [&](ExitCode code, const std::vector<std::string>& texts, PackOptions options) {
    expect_error(code, texts, [&] { pack(options); });
  };
  refuse(ExitCode::runtime, {"gone", "no such folder"}, {.folder = folder_ / "gone", .out = folder_ / "x"});
  make_folder(folder_ / "empty");
  refuse(ExitCode::runtime, {"no view sets"}, {.folder = folder_ / "empty", .out = folder_ / "x"});
  refuse(ExitCode::usage, {"overlaps"}, {.folder = sets, .out = sets / "inside"});
  refuse(ExitCode::usage, {"overlaps"}, {.folder = sets, .out = folder_.path(), .replace = true});
  refuse(ExitCode::usage, {"--split dev", "no such split"}, {.folder = sets, .out = folder_ / "x", .splits = {"dev"}});
  make_folder(folder_ / "other");
  write_file_atomic(folder_ / "other/thesis.txt", "x");
  refuse(ExitCode::usage, {"other", "not made by"}, {.folder = sets, .out = folder_ / "other", .replace = true});
  pack({.folder = sets, .out = folder_ / "empty"});  // an empty folder may be filled
  refuse(ExitCode::usage, {"--replace"}, {.folder = sets, .out = folder_ / "empty"});
  write_file_atomic(folder_ / "empty/thesis.txt", "x");
  refuse(ExitCode::usage, {"thesis.txt"}, {.folder = sets, .out = folder_ / "empty", .replace = true});
  fs::remove(folder_ / "empty/thesis.txt");
  pack({.folder = sets, .out = folder_ / "empty", .splits = {"val"}, .replace = true});
  EXPECT_FALSE(fs::exists(folder_ / "empty/train-000000.tar"));
  refuse(ExitCode::runtime, {"holds shards"}, {.folder = folder_ / "empty", .out = folder_ / "x"});
  fs::remove(sets / "tiny-03/090.png");
  refuse(ExitCode::runtime, {"tiny-03/090.png"}, {.folder = sets, .out = folder_ / "x"});
  EXPECT_FALSE(fs::exists(folder_ / "x"));
}

TEST_F(ShardsTest, ASignalLeavesNothingBehind) {
  for (const std::string phase : {"measuring", "packing"}) {
    PackOptions options{.folder = folder_ / "sets", .out = folder_ / "out"};
    options.progress = [&](const std::string& what, std::int64_t done, std::int64_t) {
      if (what == phase && done == 4) std::raise(SIGINT);
    };
    EXPECT_EXIT(
        {
          const SignalWatch watch;
          SignalWatch::begin();
          pack(options);
          std::this_thread::sleep_for(std::chrono::seconds(20));
        },
        testing::ExitedWithCode(3), "stopped by SIGINT; nothing was written");
    std::set<std::string> left;
    for (const auto& entry : fs::directory_iterator(folder_.path())) left.insert(entry.path().filename());
    EXPECT_EQ(left, std::set<std::string>{"sets"}) << phase;
  }
}

// As WebDataset's own tools leave it: neither index nor list, names that tell the split.
TEST_F(ShardsTest, ShardsOfOthersAreIndexedWhenOpened) {
  pack_sets();
  const fs::path other = folder_ / "other";
  make_folder(other);
  for (const auto& entry : fs::directory_iterator(folder_ / "packed")) {
    const std::string name = entry.path().filename().string();
    if (entry.path().extension() == ".tar") fs::copy(entry.path(), other / ("cars_" + name));
  }
  testing::internal::CaptureStderr();
  const DataSet opened = open_data_set(other, "train");
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("have no index"), std::string::npos) << said;
  EXPECT_NE(said.find("spinfill data index"), std::string::npos) << said;
  expect_same(open_data_set(folder_ / "sets", "train"), opened, config_);
  expect_error(ExitCode::runtime, {"other", "'dev'", "train"}, [&] { open_data_set(other, "dev"); });

  const std::int64_t made = write_indexes(other, false);
  EXPECT_GE(made, 4);
  EXPECT_EQ(write_indexes(other, false), 0);
  EXPECT_EQ(write_indexes(other, true), made);
  EXPECT_EQ(read_file(other / "cars_test-000000.index"), read_file(folder_ / "packed/test-000000.index"));
  testing::internal::CaptureStderr();
  expect_same(open_data_set(folder_ / "sets", "val"), open_data_set(other, "val"), config_);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");

  // splits.json goes before the names.
  write_json_atomic(other / "splits.json", {{"mine", {"tiny-08", "tiny-01"}}});
  const DataSet mine = open_data_set(other, "mine");
  ASSERT_EQ(mine.size(), 2);
  EXPECT_EQ(mine.id(0), "tiny-01");
  EXPECT_EQ(mine.view_set(1)->id, "tiny-08");
  write_json_atomic(other / "splits.json", {{"mine", {"gone"}}});
  expect_error(ExitCode::runtime, {"splits.json", "'gone'"}, [&] { open_data_set(other, "mine"); });
}

TEST_F(ShardsTest, OpenFilesAreBounded) {
  for (int i = 0; i < 80; ++i) {
    const std::string id = fmt::format("many-{:02}", i);
    add_set(id, {.id = id, .width = 16, .height = 8, .slots = {0, 4}});
  }
  pack_sets("packed", 1);  // a shard for each set
  const auto all = open_all_shards(folder_ / "packed");
  ASSERT_EQ(all->shards().size(), 89U);
  for (std::int64_t i = 0; i < all->size(); ++i) EXPECT_EQ(all->read(i)->id, all->id(i));
  int open = 0;
  for (const auto& file : fs::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    open += fs::read_symlink(file, gone).string().starts_with((folder_ / "packed").string());
  }
  EXPECT_LE(open, 64);
  EXPECT_GT(open, 32);
}

TEST_F(ShardsTest, ReadOnlyFoldersAreEnough) {
  pack_sets();
  for (const auto& entry : fs::directory_iterator(folder_ / "packed")) ::chmod(entry.path().c_str(), 0444);
  ::chmod((folder_ / "packed").c_str(), 0555);
  expect_same(open_data_set(folder_ / "sets", "train"), open_data_set(folder_ / "packed", "train"), config_);
  ::chmod((folder_ / "packed").c_str(), 0755);
}

TEST_F(ShardsTest, TheCheckReadsShards) {
  pack_sets();
  const DataCheck good = check_data(folder_ / "packed", {.threads = 2});
  EXPECT_EQ(good.sets, 9);
  EXPECT_EQ(good.pictures, 72);
  EXPECT_TRUE(good.problems.empty()) << to_line(good.problems[0]);

  write_png(folder_ / "sets/tiny-02/045.png", cv::Mat(32, 48, CV_8UC4, cv::Scalar::all(0)));
  pack_sets("bad");
  const DataCheck bad = check_data(folder_ / "bad", {});
  ASSERT_EQ(bad.problems.size(), 1U);
  EXPECT_EQ(bad.problems[0].set, "tiny-02");
  EXPECT_NE(to_line(bad.problems[0]).find("045.png: empty mask"), std::string::npos) << to_line(bad.problems[0]);
}

}  // namespace
}  // namespace spinfill

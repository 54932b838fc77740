// SPDX-License-Identifier: Apache-2.0
#include "metrics/evaluation_set.h"
#include "core/files/json.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "data/shards/pack.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

TEST(EvaluationSet, StreamsTheSameBatchesForAnyNumberAtOnce) {
  const test::TemporaryFolder folder;
  test::write_tiny_data_set(folder.path(), 5);
  DataConfig data;
  data.path = folder.path().string();
  data.width = 24;
  data.height = 16;
  data.priors.grid = 16;
  EvaluationConfig evaluation;
  evaluation.batch_sets = 2;
  const EvaluationSet set(data, evaluation, "train");
  ASSERT_EQ(set.batches(), 5);  // of 9 samples
  for (const std::int64_t at_once : {1, 2, 5, 8}) {
    const NextBatch next = set.stream(at_once);
    for (std::int64_t i = 0; i < set.batches(); ++i) {
      const Batch expected = set.batch(i);
      const std::optional<Batch> batch = next();
      ASSERT_TRUE(batch.has_value());
      EXPECT_EQ(batch->samples, expected.samples);
      EXPECT_TRUE(at::equal(batch->colour, expected.colour));
      EXPECT_TRUE(at::equal(batch->is_target, expected.is_target));
      EXPECT_TRUE(at::equal(batch->priors.warped, expected.priors.warped));
    }
    EXPECT_FALSE(next().has_value());
    EXPECT_FALSE(next().has_value());
  }
}

// No batch twice, none left out; more processes than batches leave some with nothing.
TEST(EvaluationSet, SharesTogetherAreTheWhole) {
  const test::TemporaryFolder folder;
  test::write_tiny_data_set(folder.path(), 5);
  DataConfig data;
  data.path = folder.path().string();
  data.width = 24;
  data.height = 16;
  data.priors.grid = 16;
  EvaluationConfig evaluation;
  evaluation.batch_sets = 2;
  const EvaluationSet set(data, evaluation, "train");
  for (const std::int64_t world : {1, 2, 3, 7}) {
    std::int64_t all = 0;
    for (std::int64_t rank = 0; rank < world; ++rank) {
      const std::vector<std::int64_t> share = share_of(set.all_batches(), rank, world);
      const NextBatch next = set.stream(2, share);
      std::int64_t own = 0;
      while (const std::optional<Batch> batch = next()) {
        EXPECT_EQ(batch->samples, set.batch(rank + own * world).samples);
        ++own;
      }
      EXPECT_EQ(own, std::ssize(share)) << rank << " of " << world;
      all += own;
    }
    EXPECT_EQ(all, set.batches());
  }
}

// A second evaluation finds the prior maps of the first, bit for bit; those of other settings are others.
TEST(EvaluationSet, KeepsPriorMapsBetweenRuns) {
  const test::TemporaryFolder folder;
  test::write_tiny_data_set(folder / "data", 5);
  DataConfig data;
  data.path = (folder / "data").string();
  data.width = 24;
  data.height = 16;
  data.priors.grid = 16;
  EvaluationConfig evaluation;
  evaluation.batch_sets = 2;
  const Batch computed = EvaluationSet(data, evaluation, "train").batch(1);
  data.loader.cache_folder = (folder / "store").string();
  const auto entries = [&] {
    std::int64_t count = 0;
    for (const auto& file : fs::recursive_directory_iterator(folder / "store")) count += file.is_regular_file() ? 1 : 0;
    return count;
  };
  std::int64_t before = 0;
  for (const std::int64_t more : {2 * 8 + 1, 0}) {  // pictures of two vehicles and the batch's maps
    const Batch batch = EvaluationSet(data, evaluation, "train").batch(1);
    EXPECT_TRUE(at::equal(batch.priors.stacked(), computed.priors.stacked()));
    EXPECT_EQ(entries() - before, more);
    before = entries();
  }
  data.priors.mirror = false;
  const Batch other = EvaluationSet(data, evaluation, "train").batch(1);
  EXPECT_FALSE(at::equal(other.priors.stacked(), computed.priors.stacked()));
  EXPECT_EQ(entries() - before, 1);
}

TEST(EvaluationSet, ProtocolTellsCamerasAndPriors) {
  const test::TemporaryFolder folder;
  test::write_tiny_data_set(folder.path(), 5);
  DataConfig data;
  data.path = folder.path().string();
  data.priors.grid = 16;
  const auto protocol = [&] { return EvaluationSet(data, {}, "train").protocol({}, 0); };
  const Protocol plain = protocol();
  EXPECT_EQ(plain.conditions, "targets' true cameras, hull of 16 voxels, flanks by plan box");
  data.cameras = CameraSource::estimated;
  data.priors.sections = true;
  const Protocol other = protocol();
  EXPECT_EQ(other.conditions,
            "cameras estimated from the references, hull of 16 voxels, flanks by sections and plan box");
  data.priors.sharp = true;
  EXPECT_EQ(protocol().conditions, other.conditions + ", sharp colours");
  const Json value = protocol_to_json(other);
  EXPECT_EQ(protocol_from_json(value, "test").conditions, other.conditions);
  EXPECT_EQ(protocol_from_json(value, "test").cameras, "cameras estimated from the references");
  EXPECT_EQ(unlike(protocol_to_json(plain), value),
            "protocol.cameras is \"targets' true cameras\" and \"cameras estimated from the references\"");
  data.cameras = CameraSource::turntable;
  EXPECT_EQ(protocol().cameras, "the canonical turntable's cameras");
  Json before = value;
  before.erase("cameras");
  test::expect_error(ExitCode::runtime, {"protocol.cameras", "missing"}, [&] { protocol_from_json(before, "test"); });
}

// Without splits every set is scored, whichever split was asked for: other scores than those of a split.
TEST(EvaluationSet, ProtocolSaysWhereThereAreNoSplits) {
  const test::TemporaryFolder folder;
  test::write_tiny_data_set(folder / "data", 4);
  PackOptions packing;
  packing.folder = folder / "data";
  DataConfig data;
  const auto split_of = [&](const fs::path& path, const std::string& split) {
    data.path = path.string();
    return EvaluationSet(data, {}, split, 1).protocol({}, 0).split;
  };
  EXPECT_EQ(split_of(folder / "data", "test"), "test");
  packing.out = folder / "split-shards";
  pack(packing);
  EXPECT_EQ(split_of(folder / "split-shards", "train"), "train");
  const Protocol test_split = EvaluationSet(data, {}, "test").protocol({}, 0);

  fs::remove(folder / "data/splits.json");
  packing.out = folder / "shards";
  pack(packing);
  for (const char* path : {"data", "shards", "data/tiny-00"}) {
    EXPECT_EQ(split_of(folder / path, "test"), "all sets (no splits)") << path;
    EXPECT_EQ(split_of(folder / path, "val"), "all sets (no splits)") << path;
  }
  const Protocol all = EvaluationSet(data, {}, "test").protocol({}, 0);
  EXPECT_NE(unlike(protocol_to_json(all), protocol_to_json(test_split)).find("all sets (no splits)"),
            std::string::npos);
}

// What says that the cameras are an earlier estimate; a set without such a word has cameras of its own.
TEST(EvaluationSet, SaysWhereCamerasAreEstimatedAnew) {
  const test::TemporaryFolder folder;
  test::write_tiny_data_set(folder.path(), 6);
  DataConfig data;
  data.path = folder.path().string();
  data.priors.grid = 16;
  const auto told = [&] {
    testing::internal::CaptureStderr();
    const EvaluationSet set(data, {}, "train");
    return std::pair(set.protocol({}, 0).conditions, testing::internal::GetCapturedStderr());
  };
  EXPECT_EQ(told().second, "");
  const auto edit = [&](const char* id, const auto& change) {
    Json root = read_json(folder / id / "transforms.json");
    change(root);
    write_json_atomic(folder / id / "transforms.json", root);
  };
  edit("tiny-00", [](Json& root) { root["stabilisation"] = {{"views", 8}}; });
  edit("tiny-01", [](Json& root) { root["cameras"] = "estimated"; });
  edit("tiny-02", [](Json& root) {  // of a stabilised set whose "stabilisation" was taken out
    for (Json& frame : root["frames"]) frame["cue"] = {{"scale", 1}};
  });
  edit("tiny-03", [](Json& root) {
    root["cameras"] = "turntable";
    root["frames"][0]["stated_azimuth_deg"] = 1.5;
  });
  const auto [conditions, line] = told();
  EXPECT_EQ(
      conditions,
      "targets' true cameras (1 sets) and cameras estimated from the references (3 sets), hull of 16 voxels, flanks "
      "by plan box");
  EXPECT_NE(line.find("3 of 4 sets"), std::string::npos) << line;
  EXPECT_EQ(std::ranges::count(line, '\n'), 1) << line;
  data.cameras = CameraSource::turntable;
  EXPECT_EQ(told().second, "");
}

// The views that are given can be stated: the others are asked for, and nothing is drawn.
TEST(EvaluationSet, GivesTheStatedViews) {
  const test::TemporaryFolder folder;
  test::write_tiny_data_set(folder.path(), 4);
  DataConfig data;
  data.path = folder.path().string();
  EvaluationConfig evaluation;
  evaluation.given = {45, 135, 225, 315};
  const EvaluationSet set(data, evaluation, "train");
  ASSERT_EQ(set.samples().size(), 2U);
  for (const SampleSpec& sample : set.samples()) {
    EXPECT_EQ(sample.references.to_string(), "10101010");  // the highest slot first
    EXPECT_EQ(sample.targets.to_string(), "01010101");
  }
  EXPECT_EQ(set.protocol({}, 0).subsets, "the views at 45, 135, 225, 315 degrees given, all others asked for");

  Json root = read_json(folder / "tiny-01/transforms.json");
  root["frames"].erase(1);
  write_json_atomic(folder / "tiny-01/transforms.json", root);
  test::expect_error(ExitCode::runtime, {"tiny-01", "no view at 45 degrees"},
                     [&] { EvaluationSet(data, evaluation, "train"); });
}

}  // namespace
}  // namespace spinfill

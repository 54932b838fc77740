// SPDX-License-Identifier: Apache-2.0
#include "data/batches/loader.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include <atomic>
#include <chrono>
#include <set>
#include <thread>
#include <tuple>

#include "core/files/files.h"
#include "data/batches/subsets.h"
#include "data/open_data_set.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

using std::chrono::milliseconds;
using test::expect_error;
using test::TemporaryFolder;

Batch numbered(std::int64_t step) {
  Batch batch;
  batch.ids = {std::to_string(step)};
  batch.samples = {step};
  return batch;
}

LoaderConfig loader_config(std::int64_t threads, std::int64_t prefetch) {
  LoaderConfig config;
  config.threads = threads;
  config.prefetch = prefetch;
  return config;
}

TEST(Loader, GivesBatchesInOrderWhateverTheThreads) {
  for (const std::int64_t threads : {1, 3}) {
    Loader loader(
        [](std::int64_t step) {
          std::this_thread::sleep_for(milliseconds((step * 7) % 5));  // later steps may be ready first
          return numbered(step);
        },
        3, 40, loader_config(threads, 4));
    for (std::int64_t step = 3; step < 40; ++step) {
      EXPECT_EQ(loader.step(), step);
      EXPECT_EQ(loader.next()->samples.at(0), step);
    }
    EXPECT_FALSE(loader.next().has_value());
    EXPECT_FALSE(loader.next().has_value());
  }
}

// As batches are brought to a GPU: a loader of one thread takes another's, errors at their step.
TEST(Loader, MayDrawFromAnother) {
  Loader first(
      [](std::int64_t step) {
        if (step == 6) throw std::runtime_error("six");
        return numbered(step);
      },
      3, 40, loader_config(2, 4));
  Loader second([&](std::int64_t) { return first.next().value(); }, 3, 40, loader_config(1, 1));
  for (std::int64_t step = 3; step < 20; ++step) {
    if (step == 6) {
      EXPECT_THROW(second.next(), std::runtime_error);
    } else {
      EXPECT_EQ(second.next()->samples.at(0), step);
    }
  }
}  // both end with batches under way

TEST(Loader, StaysWithinItsPrefetch) {
  std::atomic<std::int64_t> begun{0};
  Loader loader(
      [&](std::int64_t step) {
        ++begun;
        return numbered(step);
      },
      0, 1000, loader_config(2, 3));
  for (int i = 0; i < 5; ++i) loader.next();
  std::this_thread::sleep_for(milliseconds(30));
  EXPECT_LE(begun, 8);
}

TEST(Loader, ErrorsArriveAtTheirStep) {
  Loader loader(
      [](std::int64_t step) {
        if (step == 2) fail("car/045.png: damaged: replace it");
        return numbered(step);
      },
      0, 5, loader_config(3, 4));
  EXPECT_EQ(loader.next()->samples.at(0), 0);
  EXPECT_EQ(loader.next()->samples.at(0), 1);
  expect_error(ExitCode::runtime, {"car/045.png"}, [&] { loader.next(); });
  EXPECT_EQ(loader.next()->samples.at(0), 3);
  EXPECT_EQ(loader.next()->samples.at(0), 4);
  EXPECT_FALSE(loader.next().has_value());
}

TEST(Loader, StopsAtAnyMoment) {
  for (int taken = 0; taken < 6; ++taken) {
    Loader loader(
        [](std::int64_t step) {
          std::this_thread::sleep_for(milliseconds(1));
          return numbered(step);
        },
        0, 1'000'000, loader_config(3, 4));
    for (int i = 0; i < taken; ++i) loader.next();
  }
}

TEST(Loader, MeasuresWaiting) {
  Loader slow(
      [](std::int64_t step) {
        std::this_thread::sleep_for(milliseconds(40));
        return numbered(step);
      },
      0, 3, loader_config(1, 2));
  while (slow.next()) {
  }
  EXPECT_GT(slow.waited_seconds(), 0.09);
  std::atomic<int> made{0};
  Loader fast(
      [&](std::int64_t step) {
        ++made;
        return numbered(step);
      },
      0, 3, loader_config(1, 4));
  while (made < 3) std::this_thread::sleep_for(milliseconds(10));
  std::this_thread::sleep_for(milliseconds(50));
  while (fast.next()) {
  }
  EXPECT_LT(fast.waited_seconds(), 0.05);
}

TEST(Loader, WorkersUseOneTorchThreadAndLeaveTheOthersTheirs) {
  const int before = at::get_num_threads();
  at::set_num_threads(3);
  std::atomic<int> inside{0}, elsewhere{0};
  bool gradients = true;
  {
    Loader loader(
        [&](std::int64_t step) {
          inside = at::get_num_threads();
          gradients = c10::GradMode::is_enabled();
          return numbered(step);
        },
        0, 1, loader_config(1, 1));
    loader.next();
    std::thread([&] { elsewhere = at::get_num_threads(); }).join();
  }
  EXPECT_EQ(inside, 1);
  EXPECT_FALSE(gradients);
  EXPECT_EQ(at::get_num_threads(), 3);
  EXPECT_EQ(elsewhere, 3);
  at::set_num_threads(before);
}

class TrainingLoaderTest : public testing::Test {
 protected:
  void SetUp() override {
    test::write_tiny_data_set(folder_.path(), 7);
    data_ = open_data_set(folder_.path(), "train");
    config_.width = 48;
    config_.height = 32;
  }
  std::vector<Batch> take(std::int64_t first, std::int64_t last, const TrainingStream& stream,
                          std::int64_t threads = 1) {
    Loader loader(training_batches(data_, config_, stream), first, last, loader_config(threads, 3));
    std::vector<Batch> batches;
    while (auto batch = loader.next()) batches.push_back(std::move(*batch));
    return batches;
  }
  static void expect_equal(const Batch& a, const Batch& b) {
    EXPECT_EQ(a.ids, b.ids);
    EXPECT_EQ(a.samples, b.samples);
    EXPECT_TRUE(at::equal(a.colour, b.colour));
    EXPECT_TRUE(at::equal(a.is_target, b.is_target));
    EXPECT_TRUE(at::equal(a.background, b.background));
    EXPECT_TRUE(at::equal(a.vehicle_from_camera, b.vehicle_from_camera));
  }
  TemporaryFolder folder_;
  DataSet data_;
  DataConfig config_;
};

TEST_F(TrainingLoaderTest, OneAndThreeThreadsGiveTheSameStream) {
  const TrainingStream stream{.seed = 5, .batch_size = 3, .priors = false};
  const auto one = take(0, 9, stream, 1), three = take(0, 9, stream, 3);
  ASSERT_EQ(one.size(), 9U);
  ASSERT_EQ(three.size(), 9U);
  for (std::size_t i = 0; i < 9; ++i) expect_equal(one[i], three[i]);
  EXPECT_FALSE(at::equal(one[0].colour, one[1].colour));
}

TEST_F(TrainingLoaderTest, ResumingGivesTheUninterruptedStream) {
  const TrainingStream stream{.seed = 5, .batch_size = 2, .priors = false};
  const auto whole = take(0, 8, stream), rest = take(5, 8, stream);
  ASSERT_EQ(rest.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) expect_equal(whole[5 + i], rest[i]);
}

TEST_F(TrainingLoaderTest, RanksShareTheSamplesOfOne) {
  const auto alone = take(0, 2, {.seed = 5, .batch_size = 4, .priors = false});
  for (std::int64_t rank = 0; rank < 2; ++rank) {
    const auto half = take(0, 2, {.seed = 5, .batch_size = 2, .rank = rank, .world = 2, .priors = false});
    for (std::size_t step = 0; step < 2; ++step) {
      EXPECT_TRUE(at::equal(half[step].colour, alone[step].colour.narrow(0, 2 * rank, 2)));
    }
  }
}

// Old sets among the new ones: the same samples for any share among ranks and wherever a run is resumed.
TEST_F(TrainingLoaderTest, ReplayedSetsComeInTheSameOrderForAnyRankAndResume) {
  test::TinySetOptions older;
  older.seed = 40;
  test::write_tiny_data_set(folder_ / "older", 5, older);
  const DataSet own = data_, all = joined(own, open_data_set(folder_ / "older", "train"));
  ASSERT_EQ(own.size(), 5);
  ASSERT_EQ(all.size(), 8);
  data_ = all;
  config_.replay.share = 0.4;
  const TrainingStream stream{.seed = 5, .batch_size = 4, .priors = false, .own_sets = own.size()};
  const auto alone = take(0, 6, stream), rest = take(4, 6, stream);
  for (std::size_t i = 0; i < 2; ++i) expect_equal(rest[i], alone[4 + i]);
  for (std::int64_t rank = 0; rank < 2; ++rank) {
    TrainingStream half = stream;
    half.batch_size = 2;
    half.rank = rank;
    half.world = 2;
    const auto batches = take(0, 6, half);
    for (std::size_t step = 0; step < 6; ++step) {
      EXPECT_TRUE(at::equal(batches[step].colour, alone[step].colour.narrow(0, 2 * rank, 2)));
    }
  }
  // Each data set in epochs of its own: every vehicle once in each.
  std::vector<std::int64_t> fresh, replayed;
  for (std::int64_t sample = 0; sample < 25; ++sample) {
    const std::int64_t set = training_sample(all, config_, 5, sample, own.size()).set;
    (set < own.size() ? fresh : replayed).push_back(set);
  }
  EXPECT_EQ(replayed.size(), 10U);
  for (const auto& [list, first, count] :
       {std::tuple(&fresh, std::int64_t{0}, own.size()), std::tuple(&replayed, own.size(), all.size() - own.size())}) {
    for (std::int64_t epoch = 0; (epoch + 1) * count <= std::ssize(*list); ++epoch) {
      std::set<std::int64_t> seen(list->begin() + epoch * count, list->begin() + (epoch + 1) * count);
      EXPECT_EQ(std::ssize(seen), count);
      EXPECT_EQ(*seen.begin(), first);
    }
  }
}

TEST(MixedPosition, SharesAreExactAndEven) {
  for (const double share : {0.001, 0.25, 0.3, 0.5, 0.99}) {
    std::uint64_t replayed = 0, fresh = 0;
    for (std::uint64_t sample = 0; sample < 4000; ++sample) {
      const MixedPosition at = mixed_position(share, 7, sample);
      EXPECT_EQ(at.position, at.replayed ? replayed : fresh);
      ++(at.replayed ? replayed : fresh);
      EXPECT_NEAR(static_cast<double>(replayed), share * static_cast<double>(sample + 1), 1);
    }
  }
}

TEST_F(TrainingLoaderTest, ABrokenFileReachesTheConsumerByName) {
  write_file_atomic(data_.view_set(0)->folder / "135.png", "broken");
  Loader loader(training_batches(data_, config_, {.batch_size = data_.size(), .priors = false}), 0, 3,
                loader_config(2, 2));
  expect_error(ExitCode::runtime, {"tiny-00/135.png"}, [&] { loader.next(); });
}

TEST_F(TrainingLoaderTest, ListedBatchesCoverTheListOnce) {
  const auto samples = evaluation_samples(data_, config_, 1);
  ASSERT_EQ(samples.size(), 15U);
  Loader loader(listed_batches(data_, config_, samples, 4, false), 0, 4, loader_config(2, 2));
  std::vector<std::int64_t> seen;
  while (auto batch = loader.next()) seen.insert(seen.end(), batch->samples.begin(), batch->samples.end());
  ASSERT_EQ(seen.size(), 15U);
  for (std::size_t i = 0; i < 15; ++i) EXPECT_EQ(seen[i], static_cast<std::int64_t>(i));
}

TEST_F(TrainingLoaderTest, PriorsComeWithTheBatch) {
  const auto batches = take(0, 1, {.seed = 5, .batch_size = 1});
  ASSERT_EQ(batches.size(), 1U);
  EXPECT_EQ(batches[0].priors.silhouette.sizes(), (at::IntArrayRef{1, 8, 1, 32, 48}));
  EXPECT_GT(batches[0].priors.silhouette.mean().item<float>(), 0.05);
  EXPECT_TRUE(batches[0].to(at::kCPU).priors.normal.defined());
}

}  // namespace
}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "train/segmenter/segmenter_trainer.h"

#include <gtest/gtest.h>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <cmath>
#include <vector>

#include "core/tensors/safetensors.h"
#include "data/open_data_set.h"
#include "support/drawn_segmenter.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

using test::drawn_segmenter;

class SegmenterTrainer : public ::testing::Test {
 protected:
  SegmenterTrainer() { test::write_tiny_data_set(folder_ / "sets", 4, {.width = 64, .height = 48}); }
  SegmenterSamples samples(const std::string& split) const {
    return {open_data_set(folder_ / "sets", split), {cv::Mat(32, 64, CV_32FC3, cv::Scalar::all(0.3))}, 1, 48};
  }
  test::TemporaryFolder folder_;
};

TEST_F(SegmenterTrainer, LearnsAFewPicturesByHeart) {
  const MaskedPictures few = masked_pictures(samples("train"), 0, 4);
  SegmenterModel model = drawn_segmenter(5);
  SegmenterNetwork network = model.network;
  double first = 0, last = 0;
  fine_tune(
      *network, {120, 4, 5e-3},
      [&](std::int64_t begin, std::int64_t) {
        const auto some = [&](const at::Tensor& all) { return all.slice(0, begin % 4, begin % 4 + 2); };
        return segmenter_loss(network->forward(some(few.pictures)), some(few.truths));
      },
      [&](std::int64_t step, double loss) { (step == 1 ? first : last) = loss; });
  const at::Tensor seen = network->forward(few.pictures) >= 0, truth = few.truths >= 0.5;
  const double overlap = (seen & truth).sum().item<double>() / (seen | truth).sum().item<double>();
  std::printf("loss %.3f to %.3f, IoU %.3f\n", first, last, overlap);
  EXPECT_GT(overlap, 0.95);
  EXPECT_LT(last, 0.2 * first);
}

TEST_F(SegmenterTrainer, LearnsFromEverNewPicturesWhatHoldsForOthers) {
  const SegmenterSamples validation = samples("val");
  SegmenterModel model = drawn_segmenter(5);
  EXPECT_EQ(train_segmenter(model, samples("train"), {{80, 8, 4e-3}}), 80);
  const SegmenterScores scores = segmenter_scores(model, validation, 64);
  std::printf("IoU %.3f in the median, %.3f in the mean\n", scores.median, scores.mean);
  EXPECT_EQ(scores.count + scores.empty, 64);
  EXPECT_GT(scores.empty, 0);
  EXPECT_GT(scores.median, 0.4);
  EXPECT_LE(scores.worst, scores.median);
}

TEST_F(SegmenterTrainer, TheSameSeedGivesTheSameWeightsOnAnyNumberOfCores) {
  const SegmenterSamples training = samples("train");
  const int before = at::get_num_threads();
  std::vector<TensorMap> results;
  for (const int threads : {1, 3}) {
    at::set_num_threads(threads);
    SegmenterModel model = drawn_segmenter(5);
    train_segmenter(model, training, {{3, 4, 1e-3}});
    EXPECT_FALSE(at::equal(model.network->state().at("down_0.in.weight"),
                           drawn_segmenter(5).network->state().at("down_0.in.weight")));
    results.push_back(model.network->state());
  }
  at::set_num_threads(before);
  for (const auto& [name, tensor] : results[0]) EXPECT_TRUE(at::equal(tensor, results[1].at(name))) << name;
}

TEST_F(SegmenterTrainer, ALossThatIsNotFiniteIsOneLine) {
  SegmenterModel model = drawn_segmenter(5);
  at::Tensor(model.network->state().at("out.bias")).detach().fill_(NAN);
  test::expect_error(ExitCode::runtime, {"not finite at step 0", "--learning-rate"}, [&] {
    train_segmenter(model, samples("train"), {{3, 4, 1e-3}});
  });
}

}  // namespace
}  // namespace spinfill

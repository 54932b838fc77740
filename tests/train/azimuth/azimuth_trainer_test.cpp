// SPDX-License-Identifier: Apache-2.0
#include "train/azimuth/azimuth_trainer.h"

#include <gtest/gtest.h>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <cmath>
#include <vector>

#include "core/tensors/safetensors.h"
#include "data/open_data_set.h"
#include "support/support.h"
#include "support/tiny_set.h"
#include "train/drawn_features.h"

namespace spinfill {
namespace {

TEST(AzimuthTrainer, LearnsAndIsTheSameOnAnyNumberOfCores) {
  const test::TemporaryFolder folder;
  test::write_tiny_data_set(folder / "sets", 4, {.width = 96, .height = 64});
  const std::vector<cv::Mat> places = {cv::Mat(32, 64, CV_32FC3, cv::Scalar::all(0.3))};
  const AzimuthSamples samples(open_data_set(folder / "sets", "train"), places, 1);
  const AzimuthSamples validation(open_data_set(folder / "sets", "val"), places, 1);
  const auto features = test::write_drawn_features(
      AzimuthNetwork { at::TensorOptions(at::kFloat) } -> state(), folder / "features.safetensors");
  AzimuthTraining options;
  options.steps = 25;
  options.batch = 8;
  std::vector<TensorMap> results;
  for (const int threads : {1, 3}) {
    at::set_num_threads(threads);
    AzimuthModel model;
    model.network = azimuth_network_on_features(features, 5);
    const TensorMap before = model.network->state();
    const at::Tensor early = before.at("features.0.weight").clone();
    std::vector<double> losses;
    options.steps = threads == 1 ? 25 : 3;
    const AzimuthScores scores =
        train_azimuth(model, samples, validation, options, [&](std::int64_t, double loss) { losses.push_back(loss); });
    EXPECT_EQ(scores.count, validation.views());
    EXPECT_NEAR(losses.front(), std::log(72.0), 1e-3);  // begins as a uniform distribution
    EXPECT_TRUE(at::equal(model.network->state().at("features.0.weight"), early));
    if (threads == 1) {
      EXPECT_LT(losses.back(), losses.front() - 0.3);
      options.steps = 3;
      model.network = azimuth_network_on_features(features, 5);
      train_azimuth(model, samples, validation, options);
    }
    results.push_back(model.network->state());
  }
  for (const auto& [name, tensor] : results[0]) EXPECT_TRUE(at::equal(tensor, results[1].at(name))) << name;
}

}  // namespace
}  // namespace spinfill

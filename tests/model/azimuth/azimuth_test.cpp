// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <cmath>
#include <fstream>

#include <opencv2/imgproc.hpp>

#include "core/files/files.h"
#include "core/tensors/safetensors.h"
#include "data/walkaround/azimuth_window.h"
#include "geometry/angles.h"
#include "model/azimuth/azimuth_model.h"
#include "support/support.h"

namespace spinfill {
namespace {

// A von Mises distribution over the bins.
at::Tensor logits_round(double azimuth_deg, double sigma_deg) {
  at::Tensor out = at::empty({kAzimuthBins}, at::kFloat);
  for (std::int64_t b = 0; b < kAzimuthBins; ++b)
    out[b] = std::cos((azimuth_deg - 5.0 * static_cast<double>(b)) * kDegree) / std::pow(sigma_deg * kDegree, 2);
  return out;
}
at::Tensor shares_round(double azimuth_deg, double sigma_deg) {
  return at::softmax(logits_round(azimuth_deg, sigma_deg), 0);
}

// A network of drawn weights: nothing is trained.
AzimuthModel drawn_model(std::uint64_t seed) {
  AzimuthModel model;
  model.network = AzimuthNetwork(at::TensorOptions(at::kFloat));
  at::manual_seed(seed);
  for (const auto& [name, tensor] : model.network->state())
    at::Tensor(tensor).detach().normal_(0,
                                        tensor.dim() > 1 ? std::sqrt(2.0 / (tensor.numel() / tensor.size(0))) : 0.01);
  model.temperature = 1.5;
  model.training = {{"note", "drawn"}};
  return model;
}

TEST(AzimuthBins, AnEstimateIsFinerThanTheBins) {
  for (const double azimuth : {0.0, 2.3, 91.7, 179.9, 358.4}) {
    const AzimuthEstimate estimate = estimate_of(shares_round(azimuth, 8));
    EXPECT_LT(apart_deg(estimate.azimuth_deg, azimuth), 0.3) << azimuth;
    EXPECT_GT(estimate.confidence, 0.98);
  }
}

TEST(AzimuthBins, ConfidenceIsWhatLiesNearby) {
  const at::Tensor two = 0.7 * shares_round(40, 6) + 0.3 * shares_round(220, 6);
  const AzimuthEstimate estimate = estimate_of(two);
  EXPECT_LT(apart_deg(estimate.azimuth_deg, 40), 0.5);
  EXPECT_NEAR(estimate.confidence, 0.7, 0.01);
  EXPECT_NEAR(estimate_of(at::full({kAzimuthBins}, 1.0F / kAzimuthBins)).confidence, 45.0 / 360, 0.01);
}

TEST(AzimuthBins, MirroredSharesAreThoseOfTheMirroredAzimuth) {
  EXPECT_TRUE(at::allclose(mirrored_bins(shares_round(30, 7)), shares_round(-30, 7), 1e-4, 1e-6));
}

TEST(AzimuthBins, TheLossIsLowestAtTheTruth) {
  const at::Tensor logits = logits_round(100, 6).unsqueeze(0);
  const double right = azimuth_loss(logits, {100}).item<double>();
  // The soft target's own entropy: that of a normal distribution of 6° over bins of 5°.
  EXPECT_NEAR(right, std::log(6 / 5.0 * std::sqrt(2 * std::numbers::pi * std::numbers::e)), 0.01);
  EXPECT_GT(azimuth_loss(logits, {110}).item<double>(), right + 1);
}

TEST(AzimuthModel, IsReadAsItWasWritten) {
  const test::TemporaryFolder folder;
  const AzimuthModel model = drawn_model(1);
  write_azimuth_model(model, folder.path());
  const AzimuthModel read = load_azimuth_model(folder.path());
  EXPECT_EQ(read.temperature, 1.5);
  EXPECT_EQ(read.training, model.training);
  for (const auto& [name, tensor] : read.network->state())
    EXPECT_TRUE(at::equal(tensor, model.network->state().at(name).to(at::kHalf).to(at::kFloat))) << name;
}

TEST(AzimuthModel, DamageIsOneLine) {
  const test::TemporaryFolder folder;
  test::expect_error(ExitCode::usage, {"train-azimuth"}, [&] { load_azimuth_model(folder.path()); });
  write_azimuth_model(drawn_model(1), folder.path());
  TensorMap less = read_safetensors(folder / "weights.safetensors").tensors;
  less.erase("out.bias");
  test::expect_error(ExitCode::runtime, {"1 missing (out.bias)"}, [&] { azimuth_network_of(less, "here"); });
  write_safetensors(folder / "weights.safetensors", less);
  test::expect_error(ExitCode::runtime, {"weights.safetensors", "hash"}, [&] { load_azimuth_model(folder.path()); });
  std::ofstream(folder / "manifest.json") << R"({"format": "other"})";
  test::expect_error(ExitCode::runtime, {"manifest.json"}, [&] { load_azimuth_model(folder.path()); });
}

TEST(AzimuthModel, AMirroredPhotographHasTheMirroredAzimuth) {
  const AzimuthModel model = drawn_model(3);
  cv::Mat rgb(112, 168, CV_8UC3), alpha(112, 168, CV_8U, cv::Scalar(0));
  cv::randu(rgb, 0, 255);
  cv::ellipse(alpha, {84, 56}, {60, 30}, 20, 0, 360, cv::Scalar(255), cv::FILLED);
  cv::Mat flipped_rgb, flipped_alpha;
  cv::flip(rgb, flipped_rgb, 1);
  cv::flip(alpha, flipped_alpha, 1);
  const AzimuthEstimate one = estimate_azimuth(model, rgb, alpha);
  const AzimuthEstimate other = estimate_azimuth(model, flipped_rgb, flipped_alpha);
  EXPECT_LT(apart_deg(one.azimuth_deg, -other.azimuth_deg), 3);
  EXPECT_NEAR(one.confidence, other.confidence, 0.05);
  test::expect_error(ExitCode::runtime, {"mask"},
                     [&] { estimate_azimuth(model, rgb, cv::Mat::zeros(112, 168, CV_8U)); });
}

}  // namespace
}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "metrics/image_metrics.h"
#include "core/files/json.h"

#include <ATen/ATen.h>

#include <cmath>

#include "support/examples.h"

namespace spinfill {
namespace {

TEST(ImageMetrics, EqualScikitImage) {
  ASSERT_EQ(reference()["pictures"].size(), 3u);
  for (const Json& expected : reference()["pictures"]) {
    const auto h = expected["height"].get<int>(), w = expected["width"].get<int>();
    const at::Tensor a = picture(expected["a"], h, w), b = picture(expected["b"], h, w);
    const at::Tensor alpha = coverage(expected["alpha"], h, w);
    for (const auto type : {at::kDouble, at::kFloat}) {
      const at::Tensor x = a.to(type), y = b.to(type), weights = alpha.to(type);
      EXPECT_NEAR(psnr(x, y).item<double>(), expected["psnr"].get<double>(), 1e-5);
      EXPECT_NEAR(foreground_psnr(x, y, weights).item<double>(), expected["foreground_psnr"].get<double>(), 1e-5);
      EXPECT_NEAR(ssim(x, y).item<double>(), expected["ssim"].get<double>(), 1e-6);
      EXPECT_NEAR(foreground_ssim(x, y, weights).item<double>(), expected["foreground_ssim"].get<double>(), 1e-6);
    }
  }
}

TEST(ImageMetrics, PsnrByHand) {
  const at::Tensor truth = at::full({1, 3, 12, 12}, 0.5);
  EXPECT_NEAR(psnr(truth + 0.1, truth).item<double>(), 20, 1e-5);
  EXPECT_NEAR(psnr(truth + 0.01, truth).item<double>(), 40, 1e-4);
  EXPECT_NEAR(psnr(at::ones({1, 3, 12, 12}), at::zeros({1, 3, 12, 12})).item<double>(), 0, 1e-12);
}

TEST(ImageMetrics, ForegroundCountsOnlyWhatIsCovered) {
  const at::Tensor truth = at::zeros({1, 3, 16, 16});
  at::Tensor shown = truth.clone(), weights = at::zeros({1, 1, 16, 16});
  weights.narrow(3, 0, 4).fill_(1);
  weights.narrow(3, 4, 4).fill_(0.5);
  shown.narrow(3, 0, 4).fill_(0.2);  // covered
  shown.narrow(3, 4, 4).fill_(0.4);  // half covered
  shown.narrow(3, 8, 8).fill_(1);    // background
  const double mse = (4 * 0.04 + 0.5 * 4 * 0.16) / (4 + 0.5 * 4);
  EXPECT_NEAR(foreground_psnr(shown, truth, weights).item<double>(), -10 * std::log10(mse), 1e-5);
  shown.narrow(3, 8, 8).fill_(0);
  EXPECT_NEAR(foreground_psnr(shown, truth, weights).item<double>(), -10 * std::log10(mse), 1e-5);
  EXPECT_TRUE(std::isnan(foreground_psnr(shown, truth, at::zeros_like(weights)).item<double>()));
  EXPECT_TRUE(std::isnan(foreground_ssim(shown, truth, at::zeros_like(weights)).item<double>()));
}

TEST(ImageMetrics, IdenticalPicturesAreCapped) {
  const at::Tensor a = picture(1, 20, 20);
  EXPECT_EQ(psnr(a, a).item<double>(), kPsnrCap);
  EXPECT_EQ(foreground_psnr(a, a, coverage(2, 20, 20)).item<double>(), kPsnrCap);
  EXPECT_NEAR(ssim(a, a).item<double>(), 1, 1e-12);
}

TEST(ImageMetrics, OnePicturesScoreIsTheSameInAnyBatch) {
  std::vector<at::Tensor> left, right;
  for (int i = 0; i < 5; ++i) {
    left.push_back(picture(20 + i, 30, 21));
    right.push_back(picture(40 + i, 30, 21));
  }
  const at::Tensor a = at::cat(left), b = at::cat(right);
  for (const auto score : {l2, psnr, ssim, ssim_grey, ssim_uniform}) {
    const at::Tensor together = score(a, b);
    for (int i = 0; i < 5; ++i) EXPECT_EQ(score(left[i], right[i]).item<double>(), together[i].item<double>());
    EXPECT_GT((together.max() - together.min()).item<double>(), 1e-4);
  }
}

TEST(ImageMetrics, SsimsDifferByWindowAndColour) {
  const at::Tensor a = picture(1, 30, 21), b = picture(2, 30, 21);
  EXPECT_GT(std::abs(ssim(a, b).item<double>() - ssim_grey(a, b).item<double>()), 1e-3);
  EXPECT_GT(std::abs(ssim(a, b).item<double>() - ssim_uniform(a, b).item<double>()), 1e-3);
  // Of grey pictures the luma is the picture.
  const at::Tensor grey_a = a.mean(1, true).expand_as(a), grey_b = b.mean(1, true).expand_as(b);
  EXPECT_NEAR(ssim(grey_a, grey_b).item<double>(), ssim_grey(grey_a, grey_b).item<double>(), 1e-12);
}

// A tensor may be seen from any side, and a picture of a large batch is no copy.
TEST(ImageMetrics, StridesDoNotMatter) {
  const at::Tensor a = at::cat({picture(1, 30, 21), picture(2, 30, 21)}), b = picture(3, 30, 21);
  const at::Tensor last = a.permute({0, 2, 3, 1}).contiguous().permute({0, 3, 1, 2});
  for (const auto score : {l2, psnr, ssim, ssim_grey, ssim_uniform}) {
    EXPECT_TRUE(at::equal(score(a, b.expand_as(a)), score(last, b.expand_as(a))));
    EXPECT_EQ(score(a.narrow(0, 1, 1), b).item<double>(), score(a, b.expand_as(a))[1].item<double>());
  }
}

TEST(ImageMetrics, RoundsToEightBits) {
  const at::Tensor x = at::tensor({-0.2, 0.0, 0.4999 / 255, 0.5001 / 255, 127.6 / 255, 1.0, 7.0});
  const at::Tensor expected = at::tensor({0.0, 0.0, 0.0, 1 / 255., 128 / 255., 1.0, 1.0});
  EXPECT_TRUE(at::allclose(rounded_to_8_bits(x), expected, 0, 1e-7));
  EXPECT_TRUE(at::equal(rounded_to_8_bits(rounded_to_8_bits(x)), rounded_to_8_bits(x)));
}

TEST(ImageMetrics, WrongShapesAreNamed) {
  const at::Tensor a = at::zeros({1, 3, 12, 12});
  test::expect_error(ExitCode::runtime, {"[1,3,12,12]", "[1,3,12,13]"}, [&] { psnr(a, at::zeros({1, 3, 12, 13})); });
  test::expect_error(ExitCode::runtime, {"[1,1,12,12]"}, [&] { ssim(at::zeros({1, 1, 12, 12}), a); });
  test::expect_error(ExitCode::runtime, {"11×11", "12×10"}, [&] {
    ssim(at::zeros({1, 3, 10, 12}), at::zeros({1, 3, 10, 12}));
  });
  test::expect_error(ExitCode::runtime, {"weights", "[1,1,12,11]"}, [&] {
    foreground_psnr(a, a, at::zeros({1, 1, 12, 11}));
  });
}

}  // namespace
}  // namespace spinfill

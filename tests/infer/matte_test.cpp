// SPDX-License-Identifier: Apache-2.0
#include "infer/matte.h"

#include <gtest/gtest.h>

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include "infer/parity.h"
#include "infer/small_model.h"

namespace spinfill {
namespace {

at::Tensor colours(std::initializer_list<double> values) {
  return at::tensor(std::vector<double>(values), at::kFloat).view({-1, 3});
}

at::Tensor noise(const std::vector<std::int64_t>& shape, double size, std::uint64_t seed) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  return at::empty(shape, at::kFloat).normal_(0, size, generator);
}

// A vehicle of known coverage and colour, as a network with some noise draws it on a background.
struct Drawn {
  at::Tensor coverage, colour;  // [T,1,H,W], [T,3,H,W] straight
  at::Tensor on(const at::Tensor& background, double size, std::uint64_t seed) const {
    const at::Tensor clean = coverage * colour + (1 - coverage) * background.view({-1, 3, 1, 1});
    return (clean + noise({clean.size(0), 3, clean.size(2), clean.size(3)}, size, seed)).clamp(0, 1);
  }
};

Drawn drawn(std::int64_t count) {
  Drawn out;
  out.coverage = (noise({count, 1, 24, 40}, 1.2, 1) + 0.5).clamp(0, 1);
  out.colour = (noise({count, 3, 24, 40}, 0.3, 2) + 0.4).clamp(0, 1);
  return out;
}

TEST(Matte, TheFarBackgroundIsBlackOrWhite) {
  EXPECT_TRUE(
      at::equal(far_background(colours({1, 1, 1, 0, 0, 0, 0.5, 0.2, 0.9})), colours({0, 0, 0, 1, 1, 1, 0, 1, 0})));
}

// However noisy the two pictures are, the first one comes back to the last of 8 bits, on any background.
TEST(Matte, CompositedOnItsBackgroundItIsWhatIsScored) {
  const at::Tensor backgrounds = colours({1, 1, 1, 0, 0, 0, 0.5, 0.5, 0.5, 0.1, 0.7, 1, 0.9, 0.33, 0});
  const Drawn vehicle = drawn(backgrounds.size(0));
  const at::Tensor far = far_background(backgrounds);
  for (const double size : {0.0, 0.01, 0.1, 0.5}) {
    const at::Tensor picture = vehicle.on(backgrounds, size, 3);
    const Matted matted = difference_matte(picture, backgrounds, vehicle.on(far, size, 4), far);
    const at::Tensor alpha = matted.rgba.narrow(1, 3, 1), colour = matted.rgba.narrow(1, 0, 3);
    EXPECT_TRUE(at::equal(composited_8_bits(matted.rgba, backgrounds), in_8_bits(picture))) << "noise " << size;
    EXPECT_TRUE((colour >= 0).all().item<bool>() && (colour <= alpha).all().item<bool>()) << "noise " << size;
    EXPECT_EQ(matted.residual > 0.03, size > 0.05) << matted.residual;
  }
}

TEST(Matte, FindsCoverageAndColour) {
  const at::Tensor white = colours({1, 1, 1}), black = colours({0, 0, 0});
  const Drawn vehicle = drawn(1);
  const Matted matted = difference_matte(vehicle.on(white, 0, 3), white, vehicle.on(black, 0, 4), black);
  // The floor and the ceiling of the matte take 4 % each.
  EXPECT_LE((matted.rgba.narrow(1, 3, 1) - vehicle.coverage).abs().max().item<double>(), 0.045);
  const at::Tensor inside = (vehicle.coverage == 1).expand({1, 3, 24, 40});
  const at::Tensor difference = (matted.rgba.narrow(1, 0, 3) - vehicle.colour).abs();
  EXPECT_LE(difference.index({inside}).max().item<double>(), 0.6 / 255);
  const at::Tensor outside = vehicle.coverage == 0;
  EXPECT_EQ(matted.rgba.narrow(1, 3, 1).index({outside}).max().item<double>(), 0) << "clear where nothing is";
}

// A shadow that the network draws on white only: too little for the matte, but what is scored has it.
TEST(Matte, KeepsWhatIsScoredWhereTheMatteIsClear) {
  const at::Tensor white = colours({1, 1, 1}), black = colours({0, 0, 0});
  const at::Tensor grey = at::full({1, 3, 2, 2}, 252 / 255.0, at::kFloat);
  const Matted matted = difference_matte(grey, white, at::zeros_like(grey), black);
  EXPECT_NEAR(matted.rgba[0][3][0][0].item<double>(), 3 / 255.0, 1e-6);
  EXPECT_EQ(matted.rgba[0][0][0][0].item<double>(), 0);
}

// The check that every export makes.
TEST(Matte, ParityCoversWhatIsDelivered) {
  const LoadedModel model = test::small_model(1, 0.2);
  const DataConfig& data = model.config.data;
  const Batch batch = parity_batch(make_parity_inputs(model), model, "test");
  for (const ParityCase& parity : parity_cases()) {
    const at::Tensor pictures = run_parity_case(model.denoiser, batch, parity);
    EXPECT_EQ(delivered_agreement(model.denoiser, batch, data.priors, parity, pictures).max_abs, 0);
    EXPECT_GT(delivered_agreement(model.denoiser, batch, data.priors, parity, pictures * 0.98).max_abs,
              kDeliveredTolerance);
  }
}

}  // namespace
}  // namespace spinfill

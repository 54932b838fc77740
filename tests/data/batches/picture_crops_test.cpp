// SPDX-License-Identifier: Apache-2.0
#include "data/batches/picture_crops.h"

#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <set>

#include "data/open_data_set.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

class Crops : public ::testing::Test {
 protected:
  void SetUp() override { test::write_tiny_data_set(folder_ / "data", 4, {.width = 96, .height = 64}); }
  PictureCrops crops(const CropConfig& config, std::uint64_t seed = 1) const {
    return {open_data_set(folder_ / "data", "train"), config, seed};
  }
  test::TemporaryFolder folder_;
};

TEST_F(Crops, AreAFunctionOfSeedAndSample) {
  CropConfig config;
  config.crop = 32;
  const PictureCrops one = crops(config), again = crops(config), other = crops(config, 2);
  ASSERT_EQ(one.pictures(), 16);
  std::set<std::string> names;
  int differ = 0;
  for (std::int64_t sample = 15; sample >= 0; --sample) {
    const PicturePart a = one.at(sample), b = again.at(sample);
    EXPECT_TRUE(at::equal(a.colour, b.colour));
    EXPECT_TRUE(at::equal(a.coverage, b.coverage));
    EXPECT_EQ(a.colour.sizes(), at::IntArrayRef({3, 32, 32}));
    // The vehicle is in it.
    EXPECT_GT(a.coverage.max().item<float>(), 0.5F);
    differ += at::equal(a.colour, other.at(sample).colour) ? 0 : 1;
    names.insert(one.sample_name(sample));
  }
  EXPECT_EQ(names.size(), 16U) << "every picture once an epoch";
  EXPECT_EQ(names.count("tiny-00 315"), 1U);
  EXPECT_GT(differ, 12);
}

TEST_F(Crops, AreMirroredAndOnTheirBackgroundByChance) {
  CropConfig config;
  config.crop = 96;  // the whole width; the height lies somewhere in it
  config.background = {0, 1, 0};
  config.plain_background = 0;
  config.mirror = 0;
  const PictureCrops plain = crops(config);
  config.mirror = 1;
  const PictureCrops mirrored = crops(config);
  config.plain_background = 1;
  const PictureCrops coloured = crops(config);
  const at::Tensor corner_colour = at::tensor({0.F, 1.F, 0.F});
  for (std::int64_t sample = 0; sample < 4; ++sample) {
    const PicturePart part = plain.at(sample);
    EXPECT_TRUE(at::equal(part.colour.flip(2), mirrored.at(sample).colour));
    EXPECT_TRUE(at::equal(part.colour.select(1, 0).select(1, 0), corner_colour));
    EXPECT_FALSE(at::equal(coloured.at(sample).colour.select(1, 0).select(1, 0), corner_colour));
    EXPECT_TRUE(at::equal(coloured.at(sample).coverage, mirrored.at(sample).coverage));
    EXPECT_NEAR(part.coverage.sum().item<float>(), plain.at(sample).coverage.sum().item<float>(), 1e-3);
  }
}

TEST_F(Crops, LargePicturesAreShrunk) {
  CropConfig config;
  config.longest_side = 48;
  EXPECT_EQ(crops(config).whole(0).colour.sizes(), at::IntArrayRef({3, 32, 48}));
  config.longest_side = 200;
  EXPECT_EQ(crops(config).whole(0).colour.sizes(), at::IntArrayRef({3, 64, 96}));
  config.cache_mib = 0;
  config.longest_side = 0;
  const PictureCrops whole = crops(config);
  EXPECT_EQ(whole.whole(3).colour.sizes(), at::IntArrayRef({3, 64, 96}));
  EXPECT_EQ(whole.whole(3).colour.select(1, 0).select(1, 0).min().item<float>(), 1.F);
}

TEST_F(Crops, ADamagedPictureIsNamed) {
  write_file_atomic(folder_ / "data/tiny-01/090.png", "no picture");
  CropConfig config;
  config.crop = 32;
  const PictureCrops some = crops(config);
  test::expect_error(ExitCode::runtime, {"tiny-01", "090.png"}, [&] {
    for (std::int64_t sample = 0; sample < 16; ++sample) some.at(sample);
  });
}

}  // namespace
}  // namespace spinfill

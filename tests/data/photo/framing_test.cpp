// SPDX-License-Identifier: Apache-2.0
#include "data/photo/framing.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <opencv2/imgproc.hpp>

#include "core/files/files.h"
#include "data/batches/make_batch.h"
#include "data/photo/photo_sample.h"
#include "data/pictures/picture.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

// A batch of the set's model pictures, framed; view 4 is asked for.
Batch framed_batch(const ViewSet& whole, const DataConfig& model) {
  SampleSpec spec;
  spec.references.set();
  spec.references.reset(4);
  spec.targets.set(4);
  const PhotoSample sample = photo_sample(whole, spec, model.turntable.turntable);
  const PhotoWindows windows = photo_windows(sample.set, photo_views_of(sample.set, sample.pictures));
  const auto framing = framed_on_vehicle(sample.set, windows, model);
  EXPECT_TRUE(framing);
  SlotFits fits = framing->given;
  fits[4] = framing->missing[0];
  spec.fits = std::make_shared<const SlotFits>(fits);
  return make_batch(DataSet{whole.folder, {whole}}, {&spec, 1}, model);
}

cv::Rect covered(const at::Tensor& alpha) {  // [1,H,W]
  const at::Tensor packed = (alpha[0] > 0.5).to(at::kByte).contiguous();
  return cv::boundingRect(cv::Mat(static_cast<int>(packed.size(0)), static_cast<int>(packed.size(1)), CV_8U,
                                  packed.data_ptr<std::uint8_t>()));
}

// The same vehicle small in a wide picture and large in a narrow one: the network sees the same.
TEST(Framing, TheVehicleFillsTheModelsPictureWhateverRoomIsAroundIt) {
  const test::TemporaryFolder folder;
  DataConfig model;  // 96×64
  test::TinySetOptions options{.width = 288, .height = 192};
  const Batch near = framed_batch(test::write_tiny_set(folder / "near", options), model);
  ViewSet far = test::write_tiny_set(folder / "far", options);
  // A border of 200 px round each picture.
  for (Frame& frame : far.frames) {
    const cv::Mat picture = read_masked_picture(far, frame);
    cv::Mat wide(192 + 400, 288 + 400, CV_8UC4, cv::Scalar::all(0));
    picture.copyTo(wide(cv::Rect(200, 200, 288, 192)));
    write_file_atomic(folder / "far" / frame.file_path, encode_png(wide));
    frame.camera->cx += 200;
    frame.camera->cy += 200;
    frame.camera->width += 400;
    frame.camera->height += 400;
  }
  far.width += 400;
  far.height += 400;
  const Batch small = framed_batch(far, model);
  EXPECT_LT((near.colour - small.colour).abs().mean().item<double>(), 0.02);
  EXPECT_LT((near.intrinsics - small.intrinsics).abs().max().item<double>(), 4);
  int widest = 0;
  for (int slot = 0; slot < kSlots; ++slot) {
    const cv::Rect box = covered(small.alpha[0][slot]);
    widest = std::max(widest, box.width);
    EXPECT_NEAR(box.x + box.width / 2.0, 48, 3) << slot;
    EXPECT_NEAR(box.y + box.height / 2.0, 32, 3) << slot;
  }
  EXPECT_NEAR(widest, 0.88 * 96, 4);
}

TEST(Framing, NoneWhereAViewSeesNothingOfTheHull) {
  ViewSet set;
  set.width = 300;
  set.height = 200;
  set.frames.resize(1);
  set.missing.resize(1);
  set.missing[0].azimuth_deg = 90;
  PhotoWindows windows;
  windows.boxes = {{10, 10, 100, 50}, {}};
  EXPECT_FALSE(framed_on_vehicle(set, windows, {}));
  windows.boxes[1] = {10, 10, 50, 50};
  const auto framing = framed_on_vehicle(set, windows, {});
  ASSERT_TRUE(framing);
  EXPECT_DOUBLE_EQ(framing->scale(), 0.88 * 96 / 100);
  EXPECT_DOUBLE_EQ(framing->given[0].scale, framing->missing[0].scale) << "one for all";
  windows.boxes[1] = {10, 10, 20, 190};
  EXPECT_DOUBLE_EQ(framed_on_vehicle(set, windows, {})->scale(), 0.9 * 64 / 190) << "a tall one";
}

}  // namespace
}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "geometry/spin/box_framing.h"

#include <gtest/gtest.h>

#include <cmath>

#include "data/open_data_set.h"
#include "data/pictures/picture.h"
#include "data/sets/set_pictures.h"
#include "data/spins/hold_out.h"
#include "data/walkaround/common_frame.h"
#include "support/support.h"
#include "synth/synth.h"

namespace spinfill {
namespace {

// Photographs from any distance, cut to the vehicle's box and made equally high: an end that is to be generated is
// framed so, too, which its neighbours' departures from a turntable do not tell.
TEST(BoxFraming, HiddenEndsAreFramedAsTheGivenViewsAre) {
  const test::TemporaryFolder folder;
  synth::SynthOptions options;
  options.out = folder / "sets";
  options.sets = 1;
  options.categories = {"sedan"};
  options.width = 256;
  options.seed = 21;
  options.splits = {0, 0, 1};
  options.azimuth_jitter = 3;
  options.elevation = {3, 9};
  options.scale_jitter = 0.05;
  options.render.samples = 2;
  options.render.geometry = false;
  make_sets(options);
  ViewSet set = *open_data_set(options.out, "test").view_set(0);
  std::vector<cv::Mat> pictures;
  for (const Frame& frame : set.frames) pictures.push_back(read_masked_picture(set, frame));
  pictures = common_frames(pictures);
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    Frame& frame = set.frames[i];
    frame.camera.reset();
    write_png(set.folder / frame.file_path, pictures[i]);
  }
  set.width = pictures[0].cols;
  set.height = pictures[0].rows;
  for (const HeldOutView& view : hold_out(set, 1, {})) {
    if (std::abs(std::sin(view.azimuth_deg * 3.14159265 / 180)) > 0.3) continue;
    EXPECT_GT(view.agreement.as_photographed, view.agreement.iou - 0.02) << view.azimuth_deg;
  }
}

}  // namespace
}  // namespace spinfill

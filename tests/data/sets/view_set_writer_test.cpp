// SPDX-License-Identifier: Apache-2.0
#include "data/sets/view_set_writer.h"

#include "support/support.h"

namespace spinfill {
namespace {

Frame frame_with_all() {
  Frame frame;
  frame.file_path = "045.png";
  frame.azimuth_deg = 46.5;
  frame.stated_azimuth_deg = 45;
  frame.camera = Camera{};
  frame.camera->fl_x = 100;
  frame.mask_file_path = "mask.png";
  frame.depth_file_path = "depth.png";
  frame.normal_file_path = "normal.png";
  return frame;
}

std::string keys(const Json& object) {
  std::string all;
  for (const auto& [key, value] : object.items()) all += (all.empty() ? "" : " ") + key;
  return all;
}

TEST(ViewSetWriter, WritesEveryFieldOnce) {
  const Frame frame = frame_with_all();
  EXPECT_EQ(keys(frame_to_json(frame, true)),
            "file_path azimuth_deg stated_azimuth_deg transform_matrix fl_x fl_y cx cy mask_file_path depth_file_path "
            "normal_file_path");
  EXPECT_EQ(
      keys(frame_to_json(frame, false)),
      "file_path azimuth_deg stated_azimuth_deg transform_matrix mask_file_path depth_file_path normal_file_path");
  Json there = {{"azimuth_deg", 1}, {"transform_matrix", 2}, {"own", 3}};
  put_camera(there, *frame.camera);
  EXPECT_EQ(keys(there), "azimuth_deg transform_matrix own fl_x fl_y cx cy");
  EXPECT_EQ(there["fl_x"], 100);
  EXPECT_EQ(there["transform_matrix"][3], Json({0.0, 0.0, 0.0, 1.0}));
}

}  // namespace
}  // namespace spinfill

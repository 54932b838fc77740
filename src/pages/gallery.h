// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <opencv2/core/mat.hpp>

#include "core/files/json.h"

namespace spinfill {

// One picture of a view: its name, and the address of what it shows (picture_address()), or why it cannot be shown.
struct GalleryShot {
  std::string name, address, problem = {};
  bool small = false;  // enlarged by whole pixels
};
inline constexpr int kShotWidth = 420;  // px at most
GalleryShot shot_of(std::string name, const cv::Mat& rgb);

// One target view: plain text above its pictures.
struct GalleryView {
  std::string title, facts;
  std::vector<GalleryShot> shots;
};

Json to_json(const GalleryView& view);
GalleryView gallery_view_from_json(const Json& value, const std::string& where);  // exit 3: what is none

// HTML: a heading, a line below it, and the views; empty without views.
std::string gallery(const std::string& title, const std::string& line, const std::vector<GalleryView>& views);

}  // namespace spinfill

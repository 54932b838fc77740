// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <opencv2/core/mat.hpp>

namespace spinfill {

// A row of pictures of one size, 8-bit RGB.
struct PictureGridRow {
  std::string title;
  std::vector<cv::Mat> pictures;
};

// A labelled PNG: a row each, under the heads of their columns; small pictures are enlarged by whole steps. Atomic.
void draw_picture_grid(const std::vector<PictureGridRow>& rows, const std::vector<std::string>& heads,
                       const std::filesystem::path& path);

}  // namespace spinfill

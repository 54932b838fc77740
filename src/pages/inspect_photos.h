// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <opencv2/core/mat.hpp>

#include "core/files/files.h"
#include "core/files/json.h"
#include "data/spins/stabilise.h"
#include "pages/spin_page.h"

namespace spinfill {

// What stabilisation makes of a photographed spin, to be looked at.

struct InspectedView {
  std::string file;  // relative to the set
  double stated_azimuth_deg = 0;
  StabilisedView stabilised;
  // The visual hull's silhouette against the mask (hull_agreement, as photographed): before, every picture stands on
  // the canonical turntable; after, on its estimated camera, and only trusted views carve.
  double iou_before = 0, iou_after = 0;
};

struct PhotoInspection {
  std::string title;  // the set's id
  Stabilisation stabilisation;
  std::vector<InspectedView> views;    // by stated azimuth
  std::vector<SpinFrame> raw, steady;  // in the views' order: at stated, at corrected azimuths
  cv::Mat overlay;                     // 8-bit RGB
  double mean_iou(bool after) const;
};

// Errors as stabilise_set's, and of pictures that cannot be read.
PhotoInspection inspect_photos(const ViewSet& set);

std::string to_line(const InspectedView& view);
Json to_json(const PhotoInspection& inspection);

// One HTML file that needs nothing else: both spins turn together (play, slider, drag, arrow keys; `#view=135` opens
// still at 135°), the overlay, a table of all corrections. Nothing moves by itself for those who asked for less motion.
std::string inspection_page(const PhotoInspection& inspection);

// overlay.png and index.html.
void write_inspection(const PhotoInspection& inspection, const fs::path& folder);

}  // namespace spinfill

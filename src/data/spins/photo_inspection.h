// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <opencv2/core/mat.hpp>

#include "core/files/json.h"
#include "data/spins/stabilise.h"

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

struct InspectedPicture {
  double azimuth_deg = 0;  // [0, 360)
  cv::Mat picture;         // 8-bit RGBA, shrunk to 960 px where it is wider
};

struct PhotoInspection {
  std::string title;  // the set's id
  Stabilisation stabilisation;
  std::vector<InspectedView> views;           // by stated azimuth
  std::vector<InspectedPicture> raw, steady;  // in the views' order: at stated, at corrected azimuths
  cv::Mat overlay;                            // 8-bit RGB
  double mean_iou(bool after) const;
};

// Errors as stabilise_set's, and of pictures that cannot be read.
PhotoInspection inspect_photos(const ViewSet& set);

std::string to_line(const InspectedView& view);
Json to_json(const PhotoInspection& inspection);

}  // namespace spinfill

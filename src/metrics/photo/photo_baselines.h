// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "data/photo/photo_sample.h"
#include "data/photo/photo_warp.h"

namespace spinfill {

// For each view in sample.set.missing a picture of the set's size and, where that is known, what its pixels are from
// (the shares of metrics/evidence_errors.h).
struct PhotoPrediction {
  PhotoPrediction(SlotPictures made, SlotPictures from = {}) : pictures(std::move(made)), shares(std::move(from)) {}
  SlotPictures pictures, shares;
};

// What completes a sample at the size of its photographs. `geometry` is photo_geometry() of the sample.
using PhotoPredictor = std::function<PhotoPrediction(const PhotoSample& sample, const PhotoGeometry& geometry)>;

// The baselines of metrics/baselines.h at that size: nearest and mirror are the photographs as they are, prior is the
// hull warp, nothing where there is no hull. Another name is an error (exit 2).
PhotoPredictor photo_baseline(const std::string& name);

}  // namespace spinfill

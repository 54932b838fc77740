// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/files/files.h"
#include "metrics/comparison.h"
#include "pages/gallery.h"

namespace spinfill {

// In which the two metrics.json lie, and the predictions that they keep.
struct ReportFolders {
  fs::path before, after;
};

// The views that got worst and that improved most in one metric, each of a vehicle and azimuth once: truth, old and new
// picture, and the errors of both. A picture that is missing or is not the one that was scored is named in its place.
struct ComparedViews {
  std::string absent;  // why there are no pictures at all, and what to do
  std::vector<GalleryView> worst, best;
};
ComparedViews compared_views(const Comparison& comparison, std::size_t metric, const ReportFolders& folders,
                             std::size_t most = 6);

}  // namespace spinfill

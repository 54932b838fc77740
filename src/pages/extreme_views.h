// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/files/files.h"
#include "metrics/photo/photo_evaluation.h"
#include "pages/gallery.h"

namespace spinfill {

// The views that come first by a rank, each of a vehicle and azimuth at most once: which they are does not depend on
// the order in which they were offered.
class RankedViews {
 public:
  struct View {
    double rank;  // ascending
    std::string id;
    std::int64_t slot, sample;
    bool same_place(const View& other) const { return id == other.id && slot == other.slot; }
    bool before(const View& other) const;
  };
  explicit RankedViews(std::size_t most) : most_(most) {}
  // Whether it is among them now; `dropped` is one that no longer is.
  bool offer(View view, std::optional<View>& dropped);
  bool holds(const View& view) const;  // this very sample's
  const std::vector<View>& views() const { return views_; }

 private:
  std::size_t most_;
  std::vector<View> views_;  // in order
};

// Draws the views that an evaluation does best and worst in one score, into a folder: truth, the model's picture, its
// error, where its pixels are from, and the baseline that scores best there. Views that are beaten are removed again,
// so that neither memory nor the folder grows with the data. What several processes, or one after another, draw into
// one folder holds the best and worst of all that they scored.
class ExtremeViews {
 public:
  // `metric`: a place in kMetricNames. Views without that score are passed over.
  ExtremeViews(std::size_t metric, fs::path folder, std::size_t most = 6);
  void add(const BatchScored& scored);
  void add(const PhotoScored& scored);

 private:
  void add(const ImageRow& row, const std::function<GalleryView()>& draw);

  std::size_t metric_;
  fs::path folder_;
  RankedViews worst_, best_;
};

// What is shown of single views beside the scores of a report.
struct ReportPictures {
  std::string chosen_by;  // of the score that ranks them, e.g. "LPIPS"
  std::vector<GalleryView> worst;
  std::vector<GalleryView> best;  // without those that are among the worst, where there are few in all
};
// The report's own, as ExtremeViews of the same metric and number drew them. A picture that is not there is named in
// its place.
ReportPictures extreme_views(const EvaluationReport& report, std::size_t metric, const fs::path& folder,
                             std::size_t most = 6);

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "metrics/photo/photo_evaluation.h"
#include "pages/gallery.h"

namespace spinfill {

// The views that an evaluation did best and worst in one score, each of a vehicle and azimuth at most once, with truth,
// the model's picture, its error, where its pixels are from, and the baseline that scores best there. Pictures are made
// for what is among them so far and forgotten with what no longer is, so that memory does not grow with the data; what
// is left at the end does not depend on the order of the views.
class ExtremeViews {
 public:
  // `metric`: a place in kMetricNames. Views without that score are passed over.
  explicit ExtremeViews(std::size_t metric, std::size_t most = 6);
  void add(const BatchScored& scored);
  void add(const PhotoScored& scored);

  std::size_t metric() const { return metric_; }
  std::vector<GalleryView> worst() const;
  std::vector<GalleryView> best() const;  // without those that are among the worst, where there are few in all

 private:
  struct Entry {
    double rank;  // ascending: what comes first is kept
    std::string id;
    std::int64_t slot, sample;
    GalleryView view;
    bool before(const Entry& other) const;
  };
  using Make = std::function<GalleryView()>;
  void add(const ImageRow& row, const Make& make);
  void offer(std::vector<Entry>& entries, Entry entry, const Make& make) const;

  std::size_t metric_, most_;
  std::vector<Entry> worst_, best_;  // in order
};

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "data/walkaround/segmenter.h"

namespace spinfill {

// The vehicle by its colours alone, for want of a network: GrabCut (Rother, Kolmogorov and Blake, "GrabCut: interactive
// foreground extraction using iterated graph cuts", SIGGRAPH 2004) from a start that nobody draws: the photograph's
// border is background, its very middle the vehicle, and an ellipse round that probably, too. A function of the
// photograph alone, whatever ran before it and beside it.
class GrabCutSegmenter final : public Segmenter {
 public:
  // Its longer side has 320 px. All 0 where the middle has the colours of what is around it: a blank wall.
  cv::Mat saliency(const cv::Mat& rgb) const override;
  std::string identity() const override { return kGrabCut; }
};

}  // namespace spinfill

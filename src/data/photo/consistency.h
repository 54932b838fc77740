// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/files/json.h"
#include "data/photo/point_cloud.h"
#include "data/sets/set_pictures.h"
#include "data/sets/view_set.h"

namespace spinfill {

// How well the views of a spin agree about the vehicle's surface: each is compared with its neighbour where both see
// the same surface of the references' visual hull (surface_comparison.h). Of neighbours A and B, over the pixels p of A
// that see a point X(p) which B sees, too, at π_B(X):
//     d(p) = mean over r, g, b of |A(p) − B(π_B(X(p)))|,  e(p) = the mean of the squares,
// and the same from B to A. Colours are straight sRGB in [0,1] of pictures fitted into 384 px width.
struct PairConsistency {
  double from_deg = 0, to_deg = 0;  // azimuths
  double difference = 0;            // mean of d
  double squares = 0;               // mean of e
  std::int64_t pixels = 0;          // compared, in both directions; 0: they see nothing in common
  double psnr_db() const;           // −10 log10(squares), at most 100
};
struct Consistency {
  std::vector<PairConsistency> pairs;    // neighbours round the spin, the last with the first
  PairConsistency all() const;           // over all pixels of all pairs
  const PairConsistency* worst() const;  // that with the largest difference; nullptr where nothing was compared
};
// {"difference", "psnr_db", "pixels", "worst": {"azimuths_deg", "difference", "psnr_db"}}; null where nothing was
// compared.
Json to_json(const Consistency& consistency);

// `given` are the references with their cameras, `pictures` theirs: the hull is made of them alone. `views` are the
// spin's in their order round the vehicle, with cameras for pictures of the set's size, which `picture` reads one after
// another (8-bit straight RGBA). `progress` is told how many views are done. `cloud`, where there is one, gets what
// each view sees of the hull's surface.
Consistency cross_view_consistency(const ViewSet& given, const SlotPictures& pictures, const std::vector<Frame>& views,
                                   const std::function<cv::Mat(std::size_t)>& picture,
                                   const std::function<void(std::int64_t done, std::int64_t views)>& progress = {},
                                   PointCloud* cloud = nullptr);

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "core/files/json.h"

namespace spinfill {

struct FeatureMatches {
  std::int64_t matches = 0, inliers = 0;  // inliers: agree with the cameras
};

// Matches of the photograph itself below which nothing is told.
inline constexpr std::int64_t kFewestMatches = 8;

// inliers / max(matches, kFewestMatches): few lucky matches are no merit.
double consistency_score(const FeatureMatches& of);

// What geometric_consistency is made of (metrics/photo/geometric_consistency.h).
struct ViewConsistency {
  std::int64_t views = 0;            // its given neighbours
  FeatureMatches photograph, model;  // with those views; the photograph's own are what can be reached
  std::string absent = {};           // why nothing is told; else empty
};
Json view_consistency_to_json(const ViewConsistency& view);
// Exit 3 where it is not what that wrote; `where` names the place.
ViewConsistency view_consistency_from_json(const Json& value, const std::string& where);

}  // namespace spinfill

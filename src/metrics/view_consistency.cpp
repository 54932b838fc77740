// SPDX-License-Identifier: Apache-2.0
#include "metrics/view_consistency.h"

#include <algorithm>

#include "core/error.h"

namespace spinfill {

double consistency_score(const FeatureMatches& of) {
  return static_cast<double>(of.inliers) / static_cast<double>(std::max(of.matches, kFewestMatches));
}

Json view_consistency_to_json(const ViewConsistency& view) {
  const auto counts = [](const FeatureMatches& of) { return Json{{"matches", of.matches}, {"inliers", of.inliers}}; };
  return {{"views", view.views},
          {"photograph", counts(view.photograph)},
          {"model", counts(view.model)},
          {"absent", view.absent.empty() ? Json() : Json(view.absent)}};
}

ViewConsistency view_consistency_from_json(const Json& value, const std::string& where) {
  const auto wrong = [&](const char* what) {
    fail("{}: {}; write the report anew with spinfill evaluate", where, what);
  };
  const auto count = [&](const Json& in, const char* name) {
    if (!in.is_object() || !in.contains(name) || !in[name].is_number_integer() || in[name] < 0) wrong("not counts");
    return in[name].get<std::int64_t>();
  };
  const auto counts = [&](const char* of) {
    const Json in = value.value(of, Json());
    return FeatureMatches{count(in, "matches"), count(in, "inliers")};
  };
  if (!value.is_object()) wrong("not an object");
  ViewConsistency view{count(value, "views"), counts("photograph"), counts("model")};
  const Json absent = value.value("absent", Json());
  if (!absent.is_null() && !absent.is_string()) wrong("absent is not a text");
  if (absent.is_string()) view.absent = absent.get<std::string>();
  return view;
}

}  // namespace spinfill

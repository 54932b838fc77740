// SPDX-License-Identifier: Apache-2.0
#include "data/spins/hold_out.h"

#include <algorithm>

#include "core/error.h"

namespace spinfill {

std::vector<HeldOutView> hold_out(const ViewSet& set, int count, const Turntable& canonical,
                                  const std::function<void(std::int64_t, std::int64_t)>& progress) {
  const auto n = set.frames.size();
  if (count < 1 || static_cast<std::size_t>(count) >= n)
    fail_usage("{}: --hold-out {}: 1 to {} of its {} views can be left out", set.folder.string(), count, n - 1, n);
  std::vector<SpinPicture> pictures;
  for (const Frame& frame : set.frames) pictures.push_back(spin_picture(set, frame));
  // Every choice, in the order of the frames.
  std::vector<std::vector<bool>> choices;
  std::vector<bool> left_out(n);
  std::fill(left_out.begin(), left_out.begin() + count, true);
  do choices.push_back(left_out);
  while (std::prev_permutation(left_out.begin(), left_out.end()));

  std::vector<HeldOutView> out;
  for (std::size_t c = 0; c < choices.size(); ++c) {
    std::vector<SpinPicture> given;
    std::vector<bool> is_reference;
    std::vector<double> absent;
    for (std::size_t i = 0; i < n; ++i) {
      is_reference.push_back(!choices[c][i]);
      if (choices[c][i])
        absent.push_back(pictures[i].azimuth_deg);
      else
        given.push_back(pictures[i]);
    }
    const Stabilisation stabilisation = stabilise(given);
    std::vector<Camera> cameras, before;
    std::vector<bool> carving = is_reference;
    for (std::size_t i = 0, reference = 0; i < n; ++i) {
      before.push_back(turntable_camera(canonical, pictures[i].azimuth_deg, set.width, set.height));
      if (is_reference[i]) {
        carving[i] = stabilisation.views[reference].trusted;
        cameras.push_back(stabilisation.views[reference++].camera);
      } else {
        cameras.push_back(stabilisation.predict(pictures[i].azimuth_deg).camera);
      }
    }
    const auto agreement = hull_agreement(pictures, cameras, carving),
               agreement_before = hull_agreement(pictures, before, is_reference);
    double at_references = 0;
    for (std::size_t i = 0; i < n; ++i)
      if (is_reference[i]) at_references += agreement[i].as_photographed / static_cast<double>(given.size());
    for (std::size_t i = 0; i < n; ++i) {
      if (is_reference[i]) continue;
      out.push_back({pictures[i].azimuth_deg, absent, agreement[i], agreement_before[i], at_references});
    }
    if (progress) progress(static_cast<std::int64_t>(c) + 1, static_cast<std::int64_t>(choices.size()));
  }
  return out;
}

}  // namespace spinfill

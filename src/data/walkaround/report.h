// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <opencv2/core/mat.hpp>

#include "core/config/named.h"
#include "core/files/json.h"
#include "data/walkaround/film_frames.h"
#include "data/walkaround/photographs.h"
#include "data/walkaround/shooting_order.h"
#include "data/walkaround/usability.h"

namespace spinfill {

enum class PhotographFate {
  used,     // stands for a primary view of the spin
  further,  // carried onto what is generated, beside the photograph that stands for its primary view
  spare,    // another photograph shows the same primary view better
  refused,  // cannot be used
};
template <>
inline constexpr Named<PhotographFate> kNamesOf<PhotographFate>[] = {{PhotographFate::used, "used"},
                                                                     {PhotographFate::further, "further"},
                                                                     {PhotographFate::spare, "spare"},
                                                                     {PhotographFate::refused, "refused"}};

// What became of one photograph, and why.
struct PhotographReport {
  std::string file;
  std::string reference;  // its picture's name among the references of the spin
  PhotographFate fate = PhotographFate::refused;
  PhotographVerdict verdict = PhotographVerdict::ok;
  Trouble trouble = Trouble::none;
  std::string why;                    // and what to do; of a used one what is doubtful, often empty
  std::optional<double> azimuth_deg;  // [0, 360), where the photograph shows a vehicle
  double confidence = 0;              // that it is right to 22.5°
  double quality = 0;                 // which of several doubtful photographs of a primary view is used: the highest
  cv::Mat preview, mask;              // 8-bit RGB and its coverage, at most kPreviewWidth px wide
};
inline constexpr int kPreviewWidth = 360;

struct WalkaroundReport {
  std::string title;  // the folder's name
  std::string doubt;  // of the cameras, in words; empty: none
  std::vector<PhotographReport> photographs;
  ShootingOrder order = ShootingOrder::untold;  // whether that of their names told of azimuths
  std::vector<FilmFrames> films;                // what was taken from films
  std::vector<LeftOut> left_out;                // files that are no photographs, or cannot be read
  // The photograph that a picture among the references is of, by its name; that picture's where there is none.
  std::string file_of(const std::string& reference) const;
  // What became of a used photograph's picture among the references is said of it, too.
  void add_why(const std::string& reference, const std::string& why);
  std::vector<std::string> files_of(Trouble trouble) const;
  std::vector<double> used_deg() const;            // in ascending order
  std::vector<std::size_t> used_in_order() const;  // their places and those of further ones, by azimuth
};
Json to_json(const WalkaroundReport& report);
// What became of each, in the log: what is not used, or should be taken again and is used, as a warning.
void tell(const WalkaroundReport& report);

// Marks, for each primary view, the nearest good photograph as used (where none is good: the one of the highest
// quality), other good ones that show something else as further (where these are wanted) and the rest as spare; refused
// ones stay so.
void choose_views(WalkaroundReport& report, bool with_further = false);

// The widest arc, degrees, that none of these azimuths lies in; 360 of one or none.
double widest_gap(std::vector<double> azimuths_deg);

// Why a spin cannot be made of what is used; nothing where it can: two vehicles, no vehicle (interiors, details), fewer
// than `least` views, all from one side.
std::optional<std::string> why_no_spin(const WalkaroundReport& report, int least);

}  // namespace spinfill

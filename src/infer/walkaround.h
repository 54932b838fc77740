// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "data/walkaround/report.h"
#include "infer/complete.h"
#include "model/azimuth/azimuth_model.h"

namespace spinfill {

// From photographs as they come, in any order and before any background, to a spin. Where their names have the order of
// a walk round the vehicle, it tells of azimuths, too (model/azimuth/order_evidence.h).

struct WalkaroundOptions {
  std::string segmenter;                 // of segmenter_file (data/walkaround/segmenter.h)
  Links links = Links::stay_inside;      // of the folder of photographs
  int least_views = 3;                   // fewer primary views are refused
  bool with_further = false;             // good photographs beside those that stand for primary views are written, too
  OrderUse order = OrderUse::automatic;  // of the photographs' names
  FilmFrameOptions films = {};
  std::function<void(std::int64_t done, std::int64_t total)> looked_at = {};
  // After that: telling the azimuths, cutting all alike, comparing masks.
  std::function<void(std::int64_t done, std::int64_t total)> compared = {};
};

// Takes pictures out of films (data/walkaround/film_frames.h), cuts the vehicles out, tells their azimuths, chooses the
// photograph of each primary view (of several the one that is whole, sure and near to it) and writes these into
// `folder`, which exists, under their own names, framed alike, with their azimuths in transforms.json
// (data/walkaround/common_frame.h): an input of complete_folder(). Exit 1, with the reason: a spin cannot be made of
// them (why_no_spin). `found`: what completing it would look for again.
WalkaroundReport prepare_walkaround(const std::filesystem::path& photographs, const AzimuthModel& azimuths,
                                    const std::filesystem::path& folder, const WalkaroundOptions& options = {},
                                    std::optional<FirstLook>* found = nullptr);

// The spin of a folder of photographs: complete_folder() of what prepare_walkaround() makes of it, with photos.html,
// which shows every photograph and what became of it (pages/photographs_page.h).
struct WalkaroundCompletion {
  WalkaroundReport report;
  Completion completion;
};
WalkaroundCompletion complete_walkaround(const LoadedModel& model, const AzimuthModel& azimuths,
                                         const std::filesystem::path& photographs, const std::filesystem::path& out,
                                         const WalkaroundOptions& options, const CompleteOptions& complete);

}  // namespace spinfill

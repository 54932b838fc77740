// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/files/json.h"
#include "metrics/evaluation.h"
#include "metrics/set_distances.h"
#include "metrics/summary.h"

namespace spinfill {

// Scores of picture files, outside of any data set: picture A against the truth B, or every picture of folder A against
// the one of the same file name in folder B.
struct PictureScoreOptions {
  std::array<double, 3> background = {1, 1,
                                      1};  // sRGB in [0,1]; both sides are composited on it, then rounded to 8 bits
  std::filesystem::path mask;  // a picture, or a folder with the same names: the foreground's weights, its alpha where
                               // it has any, else its grey level. Without: B's alpha, where it has any
  ScoringNets nets = {};
};

struct PictureScore {
  std::string name;        // the file's name
  std::string foreground;  // what weights it: "mask", "alpha" or empty (no foreground scores)
  Scores scores;
};

struct PictureScores {
  std::vector<PictureScore> pictures;             // sorted by name
  std::vector<std::string> only_in_a, only_in_b;  // file names without a partner
  std::string lpips_absent, ssim_absent;          // why some or all LPIPS and SSIM are absent
  std::optional<SetDistances> sets;               // of two pictures or more, where there is an identity network
  Average average() const;
};

// Errors (exit 2): one is a folder and the other not, no name in common, a mask missing. Exit 3: unreadable pictures,
// unequal sizes. `lpips` may be null; `lpips_absent` is then the reason.
PictureScores score_files(const std::filesystem::path& a, const std::filesystem::path& b, const Lpips* lpips,
                          const std::string& lpips_absent, const PictureScoreOptions& options);

Json picture_scores_to_json(const PictureScores& scores, const PictureScoreOptions& options, const Lpips* lpips);
std::string picture_scores_table(const PictureScores& scores);

// "white", "black", "grey" or "R,G,B" with 0…255 each; exit 2 on anything else.
std::array<double, 3> parse_background(const std::string& text);

}  // namespace spinfill

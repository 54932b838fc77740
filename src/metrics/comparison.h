// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/config/named.h"
#include "core/files/json.h"
#include "metrics/estimates.h"
#include "metrics/evaluation.h"

namespace spinfill {

// How far each metric may get worse (drop; for LPIPS, rise). Unlimited metrics are shown but not checked.
using Limits = std::array<std::optional<double>, kMetrics>;
struct DropLimits {
  Limits overall = {0.2, std::nullopt, 0.005, std::nullopt, 0.01};
  std::map<std::string, Limits> categories = {};  // of single categories
  // "psnr=0.2,ssim=0.005,bus:psnr=0.4": the metrics named and no others. Exit 2 on anything else.
  static DropLimits parse(const std::string& text);
};

enum class Verdict {
  better,        // the interval of the difference is on the good side of zero
  worse,         // … on the bad side
  equal,         // it holds zero, and nothing beyond the limit on either side; or no view differs at all
  inconclusive,  // it holds zero and more
};
template <>
inline constexpr Named<Verdict> kNamesOf<Verdict>[] = {{Verdict::better, "better"},
                                                       {Verdict::worse, "worse"},
                                                       {Verdict::equal, "equal"},
                                                       {Verdict::inconclusive, "inconclusive"}};

// One metric of one group of images.
struct Effect {
  std::optional<double> before, after;  // means
  Estimate difference;  // after − before, of the same images; without vehicles where none are the same
  std::optional<double> limit;
  Verdict verdict = Verdict::inconclusive;
  // Where it is inconclusive: how many more vehicles like these would tell (a difference as measured, or that there is
  // none beyond the limit) with a chance of four in five.
  std::optional<std::int64_t> more_vehicles;
  bool regressed = false;  // worse by more than the limit, and the interval excludes zero
};

struct ComparedGroup {
  std::string place;                   // "overall", "by_case front/back"
  std::int64_t before = 0, after = 0;  // images
  bool counts = false;  // overall, a category with limits of its own, or groups_count: its regressions decide
  std::array<Effect, kMetrics> effects;
};

// A target view that both reports have.
struct ComparedImage {
  std::string id, category;
  std::int64_t sample = 0, azimuth_deg = 0, missing = 0;
  std::array<std::optional<double>, kMetrics> before, after;
  std::string before_sha256, after_sha256;  // of the predictions (metrics/predictions.h); empty in old reports
  std::optional<double> worsening(std::size_t metric) const;  // how much worse it got; below 0: better
};

struct Comparison {
  std::string before_name, after_name;
  ScoredAt at = ScoredAt::model;
  bool before_kept = false, after_kept = false;  // the predictions, beside the reports
  bool paired = true;                            // there are images that both have
  std::vector<ComparedImage> images;             // that both have
  std::vector<ComparedGroup> groups;             // overall first
  std::vector<std::string> regressions;          // of groups that count
  std::vector<std::string> group_regressions;    // of other groups; few images, so a hint and not a verdict
  std::vector<std::string> notes;                // e.g. limits that could not be checked
  std::vector<std::size_t> shown;                // metrics that both have and a reader wants
};

struct CompareOptions {
  std::optional<DropLimits> limits;  // none: the default ones, of which those that cannot be checked are noted
  bool allow_different_protocol = false;
  bool groups_count = false;  // regressions of all groups decide, not only those overall
  bool limits_alone = false;  // what is beyond a limit has regressed, whether or not the interval excludes zero
};

// Compares the images of two metrics.json: each with itself. Exit 2: unlike protocols unless allowed, or a limit on a
// metric or category that one of them lacks. Exit 3: a file that is no report.
Comparison compare_reports(const Json& before, const std::string& before_name, const Json& after,
                           const std::string& after_name, const CompareOptions& options = {});

}  // namespace spinfill

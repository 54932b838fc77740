// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/files/json.h"
#include "metrics/baselines.h"
#include "metrics/evaluation_times.h"
#include "metrics/evidence_errors.h"
#include "metrics/lpips.h"
#include "metrics/protocol.h"

namespace spinfill {

// The first kModelMetrics are what pictures of the model's size have; the others come with photographs at their own
// size (metrics/photo/photo_evaluation.h): of the silhouette, then all of them again after the best shift and scale.
inline const std::vector<std::string> kMetricNames = {"psnr",
                                                      "foreground_psnr",
                                                      "ssim",
                                                      "foreground_ssim",
                                                      "lpips",
                                                      "ssim_grey",
                                                      "ssim_uniform",
                                                      "l2",
                                                      "silhouette_iou",
                                                      "boundary_px",
                                                      "aligned_psnr",
                                                      "aligned_foreground_psnr",
                                                      "aligned_ssim",
                                                      "aligned_foreground_ssim",
                                                      "aligned_lpips",
                                                      "aligned_ssim_grey",
                                                      "aligned_ssim_uniform",
                                                      "aligned_l2",
                                                      "aligned_silhouette_iou",
                                                      "aligned_boundary_px"};
inline constexpr std::size_t kModelMetrics = 8, kAligned = 10, kMetrics = 20;
// Places in that order, below kAligned. Tables have the first kHeadMetrics for every group, the others overall.
inline constexpr std::size_t kHeadMetrics = 5, kLpips = 4, kL2 = 7, kSilhouetteIou = 8, kBoundary = 9;
// As tables head them.
inline constexpr auto kMetricLabels = std::to_array<const char*>({"PSNR",
                                                                  "PSNR foreground",
                                                                  "SSIM",
                                                                  "SSIM foreground",
                                                                  "LPIPS",
                                                                  "SSIM grey",
                                                                  "SSIM uniform",
                                                                  "L2",
                                                                  "silhouette IoU",
                                                                  "boundary error, px",
                                                                  "aligned PSNR",
                                                                  "aligned PSNR foreground",
                                                                  "aligned SSIM",
                                                                  "aligned SSIM foreground",
                                                                  "aligned LPIPS",
                                                                  "aligned SSIM grey",
                                                                  "aligned SSIM uniform",
                                                                  "aligned L2",
                                                                  "aligned silhouette IoU",
                                                                  "aligned boundary error, px"});
static_assert(kMetricLabels.size() == kMetrics);
inline bool higher_is_better(std::size_t metric) {
  const std::size_t plain = metric % kAligned;
  return plain != kLpips && plain != kL2 && plain != kBoundary;
}

// In the order of kMetricNames; NaN where a score is not defined (no foreground, no LPIPS, not of this protocol).
using Scores = std::array<double, kMetrics>;

// M pictures of one truth: pictures [M,3,H,W], truth [3,H,W], alpha [1,H,W], as they are (the caller rounds).
std::vector<Scores> score_pictures(const at::Tensor& pictures, const at::Tensor& truth, const at::Tensor& alpha,
                                   const Lpips* lpips);

// One target view of one (vehicle, reference subset) pair.
struct ImageRow {
  std::string id;                                  // the vehicle
  std::int64_t sample = 0;                         // global sample index of the subset
  std::int64_t slot = 0;                           // primary view, azimuth 45·slot
  std::string category;                            // "unknown" where the data names none
  std::vector<std::int64_t> references, targets;   // the subset, as slots
  std::string case_name;                           // one of kCases
  std::string truth_sha256;                        // of the true picture and its coverage, 8 bits
  struct Photo {                                   // where pictures are scored at the photographs' size
    double azimuth_deg = 0;                        // the photograph's own
    std::int64_t crop_width = 0, crop_height = 0;  // px that were scored
    double vehicle_share = 0;                      // of the photograph that the vehicle covers
    double scale = 1, shift_x = 0, shift_y = 0;    // that align the model's picture; px of the photograph
    std::optional<EvidenceErrors> evidence = {};   // of the model's picture, where it tells
  };
  std::optional<Photo> photo = {};
  std::vector<Scores> scores;   // of the model, then of kBaselines in their order (or of the model alone)
  std::vector<Scores> samples;  // of each of the model's, whose mean is scores[0]; empty where there is one
  std::int64_t missing() const { return static_cast<std::int64_t>(targets.size()); }
};

struct EvaluationReport {
  Protocol protocol;
  std::size_t metrics() const { return protocol.at == ScoredAt::photo ? kMetrics : kModelMetrics; }
  Json model = Json::object();   // what was scored: name, weights, hash …; the caller's
  std::vector<ImageRow> images;  // sorted by (id, sample, slot)
};

// Called in order with what was scored of one piece of the work, and how.
using OnScored = std::function<void(const Protocol&, const std::vector<ImageRow>&)>;

struct EvaluateOptions {
  bool baselines = true;  // score the four baselines beside the model
  // Above 1: that many batches are predicted and scored side by side (core/side_by_side.h), for a model on the CPU; the
  // predictor must allow it, and no score depends on how many. 1: one after another with torch's own threads, which
  // gives the same bits if that is one thread.
  std::int64_t batches_at_once = 1;
  // Called for each batch in order with the model's first pictures [B,V,3,H,W], e.g. for progress and sample grids.
  std::function<void(const Batch&, const at::Tensor&)> on_batch;
  OnScored on_scored;                // for each batch, after on_batch
  EvaluationTimes* times = nullptr;  // adds its own, but for the inputs
};

using NextBatch = std::function<std::optional<Batch>()>;

// What draws each view several times: predictors that differ in their seed alone, in the order of their seeds. All that
// is told of the model is the mean over its samples (metrics/view_samples.h tells more of them).
using Predictors = std::vector<Predictor>;

// Scores every target view of every batch. Each picture is scored alone, so that the numbers depend neither on the
// batch size nor on the share of the work: give any disjoint share of the batches to each process and merge(). Batches
// must agree in size and background and carry their priors. Wrong or non-finite predictions are an error (exit 3) that
// names the vehicle and the view. `protocol` needs its first group only.
EvaluationReport evaluate(const Predictors& samples, const NextBatch& next, const Protocol& protocol,
                          const Lpips* lpips, const EvaluateOptions& options = {});
inline EvaluationReport evaluate(const Predictor& predictor, const NextBatch& next, const Protocol& protocol,
                                 const Lpips* lpips, const EvaluateOptions& options = {}) {
  return evaluate(Predictors{predictor}, next, protocol, lpips, options);
}

// Takes the scores of a row's `count` samples, which come before those of the baselines, apart.
void set_samples(ImageRow& row, std::vector<Scores> scores, std::size_t count);

// Names the net that was used, or why there is none.
void note_lpips(Protocol& protocol, const Lpips* lpips);
// Sorts the rows and fills in what the protocol says of all of them.
void finish_report(EvaluationReport& report);

// The report of all images, equal to the last digit for any split. Unlike protocols or an image in two reports are an
// error (exit 3). Empty shares are fine.
EvaluationReport merge(const std::vector<EvaluationReport>& reports);

// Mean of per-image scores in float64, added in the order of the sorted images.
struct Average {
  std::int64_t images = 0;
  std::array<std::int64_t, kMetrics> counts{};  // images that have the score
  Scores mean{};                                // NaN where no image has it
};
struct Grouping {
  std::string name;  // "by_missing", "by_azimuth", "by_category", "by_case"
  std::vector<std::pair<std::string, Average>> groups;
};
struct Summary {
  Average overall;
  std::vector<Grouping> groupings;
};
// method 0 is the model, 1 + i is kBaselines[i].
Summary summarise(const EvaluationReport& report, std::size_t method = 0);
std::size_t method_count(const EvaluationReport& report);
// Of all images that tell; no pixels where none does.
EvidenceErrors evidence_of(const EvaluationReport& report);

}  // namespace spinfill

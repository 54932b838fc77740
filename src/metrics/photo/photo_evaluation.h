// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "metrics/evaluation_set.h"
#include "metrics/photo/photo_baselines.h"

namespace spinfill {

// What is delivered, scored as people see it: each target at its photograph's own size and azimuth, on the true
// vehicle's box, composited on white. The prediction knows the azimuth that was stated for the photograph, and nothing
// else of it; its camera is what `spinfill complete` would have (data/spins/to_complete.h).

struct PhotoScored {
  const PhotoSample& sample;
  const SlotPictures& truths;                 // of the views asked for
  const std::vector<SlotPictures>& pictures;  // the model's first, then those of kBaselines
  const SlotPictures& shares;                 // what the first's pixels are from (PhotoPrediction), where it tells
  const std::vector<ImageRow>& rows;          // of the views asked for, by slot
};

// The model's pictures and the truths, as keep_prediction() of metrics/predictions.h does.
void keep_predictions(const std::filesystem::path& report, const PhotoScored& scored);

struct PhotoEvaluateOptions {
  ScoringNets nets = {};
  std::int64_t at_once = 1;  // samples that are predicted and scored side by side (core/side_by_side.h)
  std::optional<std::vector<std::int64_t>> samples = {};  // places in the set's list; none: all
  std::function<void(const PhotoScored&)> on_sample;      // in order, one at a time
  OnScored on_scored;                                     // for each sample, after on_sample
  EvaluationTimes* times = nullptr;                       // adds its own
};

// The box that is scored: embedded_box() (data/identity/vehicle_crop.h).
cv::Rect scored_box(const cv::Mat& rgba);

// M pictures of one truth, all 8-bit straight RGBA of the truth's size → all scores of each but geometric_consistency
// and those of other networks. `by`, if given, receives how the first one was aligned.
std::vector<Scores> score_photos(const std::vector<cv::Mat>& pictures, const cv::Mat& truth, const Lpips* lpips,
                                 ImageRow::Photo* by = nullptr);
// What the networks say of the same pictures, on the same box; the references each on its own vehicle's.
EmbeddedView score_photos_by_nets(const ScoringNets& nets, const std::vector<cv::Mat>& pictures, const cv::Mat& truth,
                                  const PhotoSample& sample, std::vector<Scores>& scores);

// Scores every target of the list beside all baselines. Errors (exit 3) name the vehicle and the view: a target without
// a mask, a prediction that is missing or of another size. `protocol` needs its first group only.
// `samples` differ in their seed alone, in the order of their seeds (Predictors in metrics/evaluation.h); a row's
// aligned_by is of the first, its evidence of all.
EvaluationReport evaluate_photos(const std::vector<PhotoPredictor>& samples, const EvaluationSet& set,
                                 const Protocol& protocol, const Lpips* lpips,
                                 const PhotoEvaluateOptions& options = {});
inline EvaluationReport evaluate_photos(const PhotoPredictor& predictor, const EvaluationSet& set,
                                        const Protocol& protocol, const Lpips* lpips,
                                        const PhotoEvaluateOptions& options = {}) {
  return evaluate_photos(std::vector{predictor}, set, protocol, lpips, options);
}

}  // namespace spinfill

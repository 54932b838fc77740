// SPDX-License-Identifier: Apache-2.0
#include "metrics/photo/photo_evaluation.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <limits>

#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "core/side_by_side.h"
#include "data/identity/vehicle_crop.h"
#include "metrics/distinct.h"
#include "metrics/image_metrics.h"
#include "metrics/photo/alignment.h"
#include "metrics/photo/geometric_consistency.h"
#include "metrics/photo/silhouette_scores.h"
#include "metrics/picture_size.h"
#include "metrics/predictions.h"

namespace spinfill {
namespace {

cv::Mat mask_of(const cv::Mat& rgba) {
  cv::Mat alpha;
  cv::extractChannel(rgba, alpha, 3);
  return alpha;
}

// A whole mask after the alignment: what it would be if the whole picture were moved.
cv::Mat moved_mask(const cv::Mat& rgba, const Alignment& alignment, const cv::Rect& box) {
  // moved() takes the box whose centre the scale is about: widen it evenly to cover the picture.
  const int left = std::max(box.x, rgba.cols - box.x - box.width),
            top = std::max(box.y, rgba.rows - box.y - box.height);
  const cv::Rect wide(box.x - left, box.y - top, box.width + 2 * left, box.height + 2 * top);
  const cv::Mat there = moved(rgba, alignment, wide);
  cv::Mat alpha, bytes;
  cv::extractChannel(there, alpha, 3);
  alpha(cv::Rect(-wide.x, -wide.y, rgba.cols, rgba.rows)).convertTo(bytes, CV_8U, 255);
  return bytes;
}

// Never a target's own: photo_sample() gives it one that is predicted from the references'.
std::string cameras_in_words(const DataSet& data) {
  std::int64_t stated = 0;
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const auto set = data.view_set(i);
    if (set->states_cameras() && !set->cameras_estimated) ++stated;
  }
  const char* estimated = "cameras estimated from the references";
  const char* carried = "cameras carried on from the references' true ones";
  if (stated == 0) return estimated;
  if (stated == data.size()) return carried;
  return fmt::format("{} ({} sets) and {} ({} sets)", carried, stated, estimated, data.size() - stated);
}

struct ScoredSample {
  PhotoSample sample;
  SlotPictures truths;
  std::vector<SlotPictures> pictures;      // the model's first, then those of kBaselines
  std::vector<PhotoPrediction> predicted;  // the model's samples
  std::vector<ImageRow> rows;
};

class PhotoScorer {
 public:
  PhotoScorer(const std::vector<PhotoPredictor>& samples, const EvaluationSet& set, const Lpips* lpips,
              const ScoringNets& nets, EvaluationTimes& times)
      : samples_(samples), set_(set), lpips_(lpips), nets_(nets), times_(times) {
    for (const std::string& name : kBaselines) baselines_.push_back(photo_baseline(name));
  }

  ScoredSample score(const SampleSpec& spec) const {
    const at::NoGradGuard no_grad;
    const ViewSet whole = *set_.data().view_set(spec.set);
    ScoredSample out;
    const auto geometry_of_inputs = [&] {
      const TimeSpent spent(&times_.inputs);
      out.sample = photo_sample(whole, spec, set_.config().turntable.turntable);
      return photo_geometry(out.sample.set, out.sample.pictures, out.sample.weights);
    };
    const PhotoGeometry geometry = geometry_of_inputs();
    for (const PhotoPredictor& predictor : samples_) {
      const TimeSpent spent(&times_.model);
      out.predicted.push_back(predictor(out.sample, geometry));
    }
    const TimeSpent spent(&times_.scores);
    out.pictures.push_back(out.predicted.front().pictures);
    for (const PhotoPredictor& baseline : baselines_) out.pictures.push_back(baseline(out.sample, geometry).pictures);
    // Only now is anything of the targets' pictures opened.
    for (int slot = 0; slot < kSlots; ++slot) {
      if (!spec.targets[static_cast<std::size_t>(slot)]) continue;
      const Frame* frame = whole.frame_at(slot);
      if (frame == nullptr) continue;  // nobody photographed it
      out.truths[static_cast<std::size_t>(slot)] = read_cut_out_picture(whole, *frame);
      out.rows.push_back(row_of(whole, spec, *frame, out));
    }
    return out;
  }

 private:
  ImageRow row_of(const ViewSet& whole, const SampleSpec& spec, const Frame& frame, const ScoredSample& scored) const {
    const int slot = frame.slot();
    const cv::Mat& truth = scored.truths[static_cast<std::size_t>(slot)];
    std::vector<cv::Mat> pictures;
    const auto add = [&](const SlotPictures& method) {
      const cv::Mat& picture = method[static_cast<std::size_t>(slot)];
      if (picture.size() != truth.size() || picture.type() != CV_8UC4) {
        fail("{}: the model gave no picture of {}x{} px for the view {}°", whole.id, truth.cols, truth.rows,
             azimuth_of(slot));
      }
      pictures.push_back(picture);
    };
    for (const PhotoPrediction& sample : scored.predicted) add(sample.pictures);
    for (std::size_t i = 1; i < scored.pictures.size(); ++i) add(scored.pictures[i]);
    if (scored_box(truth).empty())
      fail("{}: its mask covers no pixel by half: cut the vehicle out again",
           (whole.folder / frame.file_path).string());
    ImageRow row;
    row.id = whole.id;
    row.sample = spec.sample;
    row.slot = slot;
    row.category = whole.category.empty() ? "unknown" : whole.category;
    std::vector<bool> given(kSlots);
    for (int v = 0; v < kSlots; ++v) {
      given[static_cast<std::size_t>(v)] = spec.references[static_cast<std::size_t>(v)];
      if (given[static_cast<std::size_t>(v)]) row.references.push_back(v);
      if (spec.targets[static_cast<std::size_t>(v)]) row.targets.push_back(v);
    }
    row.case_name = case_of(slot, given);
    row.truth_sha256 = picture_sha256(truth);
    row.prediction_sha256 = picture_sha256(pictures.front());
    row.photo.emplace();
    row.photo->azimuth_deg = frame.stated_azimuth_deg.value_or(frame.azimuth_deg);
    std::vector<Scores> scores = score_photos(pictures, truth, lpips_, &*row.photo);
    const EmbeddedView embedded = score_photos_by_nets(nets_, pictures, truth, scored.sample, scores);
    const ConsistencyOfView consistency = geometric_consistency(scored.sample, slot, pictures, truth);
    row.photo->consistency = consistency.view;
    for (std::size_t m = 0; m < pictures.size(); ++m) scores[m][kGeometricConsistency] = consistency.scores[m];
    set_samples(row, std::move(scores), scored.predicted.size());
    set_embeddings(row, embedded, scored.predicted.size());
    for (const PhotoPrediction& sample : scored.predicted) {
      const cv::Mat &picture = sample.pictures[static_cast<std::size_t>(slot)],
                    &shares = sample.shares[static_cast<std::size_t>(slot)];
      if (shares.empty()) continue;
      const EvidenceErrors errors = evidence_errors(picture, truth, shares, scored_box(truth));
      if (!row.photo->evidence) row.photo->evidence.emplace();
      row.photo->evidence->add(errors);
    }
    return row;
  }

  const std::vector<PhotoPredictor>& samples_;
  const EvaluationSet& set_;
  const Lpips* lpips_;
  const ScoringNets& nets_;
  EvaluationTimes& times_;
  std::vector<PhotoPredictor> baselines_;
};

}  // namespace

cv::Rect scored_box(const cv::Mat& rgba) {
  return embedded_box(rgba);
}

std::vector<Scores> score_photos(const std::vector<cv::Mat>& all, const cv::Mat& truth, const Lpips* lpips,
                                 ImageRow::Photo* by) {
  std::vector<cv::Mat> pictures;
  const Distinct kinds = distinct_pictures(all, pictures);
  const cv::Rect box = scored_box(truth);
  const cv::Mat mask = mask_of(truth);
  if (lpips != nullptr && !too_small_for(*lpips, box.width, box.height).empty()) lpips = nullptr;
  std::vector<at::Tensor> plain, aligned;
  std::vector<Alignment> alignments;
  for (const cv::Mat& picture : pictures) {
    alignments.push_back(align(picture, truth, box));
    plain.push_back(on_white(picture, box));
    aligned.push_back(on_white(moved(picture, alignments.back(), box)));
  }
  cv::Mat coverage;
  mask(box).convertTo(coverage, CV_32F, 1 / 255.0);
  const at::Tensor alpha = at::from_blob(coverage.data, {1, coverage.rows, coverage.cols}, at::kFloat),
                   true_crop = on_white(truth, box);
  std::vector<Scores> scores = score_pictures(at::stack(plain), true_crop, alpha, lpips);
  const std::vector<Scores> after = score_pictures(at::stack(aligned), true_crop, alpha, lpips);
  for (std::size_t m = 0; m < pictures.size(); ++m) {
    const cv::Mat own = mask_of(pictures[m]), own_moved = moved_mask(pictures[m], alignments[m], box);
    std::copy_n(after[m].begin(), kPictureMetrics, scores[m].begin() + kAligned);
    scores[m][kSilhouetteIou] = silhouette_iou(own, mask);
    scores[m][kBoundary] = boundary_error(own, mask);
    scores[m][kAligned + kSilhouetteIou] = silhouette_iou(own_moved, mask);
    scores[m][kAligned + kBoundary] = boundary_error(own_moved, mask);
  }
  if (by != nullptr) {
    by->crop_width = box.width;
    by->crop_height = box.height;
    by->vehicle_share = cv::countNonZero(mask >= 128) / static_cast<double>(mask.total());
    by->scale = alignments.front().scale;
    by->shift_x = alignments.front().shift_x;
    by->shift_y = alignments.front().shift_y;
  }
  return of_all(kinds, scores);
}

void keep_predictions(const std::filesystem::path& report, const PhotoScored& scored) {
  for (const ImageRow& row : scored.rows) {
    const auto slot = static_cast<std::size_t>(row.slot);
    keep_prediction(report, row, scored.pictures.front()[slot], scored.truths[slot]);
  }
}

EmbeddedView score_photos_by_nets(const ScoringNets& nets, const std::vector<cv::Mat>& pictures, const cv::Mat& truth,
                                  const PhotoSample& sample, std::vector<Scores>& scores) {
  if (!nets.any()) return {};
  const cv::Rect box = scored_box(truth);
  std::vector<at::Tensor> shown;
  for (const cv::Mat& picture : pictures) shown.push_back(on_white(picture, box));
  std::vector<Embedding> of_references;
  for (const cv::Mat& reference : sample.pictures) {
    const cv::Rect own = !nets.identity || reference.empty() ? cv::Rect() : scored_box(reference);
    if (!own.empty()) of_references.push_back(nets.identity->embedding(on_white(reference, own)));
  }
  return score_by_nets(nets, at::stack(shown), on_white(truth, box), of_references, scores);
}

EvaluationReport evaluate_photos(const std::vector<PhotoPredictor>& samples, const EvaluationSet& set,
                                 const Protocol& protocol, const Lpips* lpips, const PhotoEvaluateOptions& options) {
  const auto at_once = static_cast<std::size_t>(std::max<std::int64_t>(1, options.at_once));
  const KeepTorchThreads keep;
  EvaluationReport report;
  report.protocol = protocol;
  Protocol& p = report.protocol;
  p.at = ScoredAt::photo;
  p.normals = false;
  p.samples = static_cast<std::int64_t>(samples.size());
  const std::string at_model_size = p.conditions.substr(std::min(p.cameras.size(), p.conditions.size()));
  p.cameras = cameras_in_words(set.data());
  p.conditions = fmt::format(
      "{}, as complete chooses them, hull of about two pixels a voxel, flanks by sections and plan box, sharp colours, "
      "the network's view framed on the hull's box, at the model's own size{}",
      p.cameras, at_model_size);
  std::fill(std::begin(p.background), std::end(p.background), 1.0);
  EvaluationTimes untold;
  const PhotoScorer scorer(samples, set, lpips, options.nets, options.times != nullptr ? *options.times : untold);
  note_lpips(p, lpips);
  note_nets(p, options.nets);
  std::vector<SampleSpec> specs = set.samples();
  if (options.samples) {
    specs.clear();
    for (const std::int64_t place : *options.samples)
      specs.push_back(set.samples().at(static_cast<std::size_t>(place)));
  }
  for (std::size_t first = 0; first < specs.size(); first += at_once) {
    const std::size_t count = std::min(at_once, specs.size() - first);
    std::vector<ScoredSample> scored;
    if (at_once > 1) {
      scored = side_by_side(count, [&](std::size_t i) { return scorer.score(specs[first + i]); });
    } else {
      scored.push_back(scorer.score(specs[first]));
    }
    for (const ScoredSample& one : scored) {
      if (options.on_sample)
        options.on_sample({one.sample, one.truths, one.pictures, one.predicted.front().shares, one.rows});
      if (options.on_scored) options.on_scored(p, one.rows);
      report.images.insert(report.images.end(), one.rows.begin(), one.rows.end());
    }
  }
  finish_report(report);
  return report;
}

}  // namespace spinfill

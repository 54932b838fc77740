// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/files/json.h"
#include "metrics/baselines.h"
#include "metrics/evaluation_times.h"
#include "metrics/evidence_errors.h"
#include "metrics/lpips.h"
#include "metrics/metric_list.h"
#include "metrics/protocol.h"
#include "metrics/scoring_nets.h"
#include "metrics/set_distances.h"
#include "metrics/view_consistency.h"

namespace spinfill {

// M pictures of one truth: pictures [M,3,H,W], truth [3,H,W], alpha [1,H,W], as they are (the caller rounds).
std::vector<Scores> score_pictures(const at::Tensor& pictures, const at::Tensor& truth, const at::Tensor& alpha,
                                   const Lpips* lpips);

// One target view of one (vehicle, reference subset) pair.
struct ImageRow {
  std::string id;                                 // the vehicle
  std::int64_t sample = 0;                        // global sample index of the subset
  std::int64_t slot = 0;                          // primary view, azimuth 45·slot
  std::string category;                           // "unknown" where the data names none
  std::vector<std::int64_t> references, targets;  // the subset, as slots
  std::string case_name;                          // one of kCases
  std::string truth_sha256;                       // of the true picture and its coverage, 8 bits
  std::string prediction_sha256;  // of the model's picture (metrics/predictions.h); empty in old reports
  struct Photo {                  // where pictures are scored at the photographs' size
    double azimuth_deg = 0;       // the photograph's own
    std::int64_t crop_width = 0, crop_height = 0;  // px that were scored
    double vehicle_share = 0;                      // of the photograph that the vehicle covers
    double scale = 1, shift_x = 0, shift_y = 0;    // that align the model's picture; px of the photograph
    std::optional<EvidenceErrors> evidence = {};   // of the model's picture, where it tells
    ViewConsistency consistency = {};
  };
  std::optional<Photo> photo = {};
  std::vector<Scores> scores;  // of the model, then of kBaselines in their order (or of the model alone)
  // Of the truth as a latent model's autoencoder alone brings it back: what no picture of that model can exceed by
  // much.
  std::optional<Scores> oracle = {};
  std::vector<Scores> samples;  // of each of the model's, whose mean is scores[0]; empty where there is one
  // By the identity network, where there is one: the truth's, the model's (of several samples the first) and the
  // baselines'. Only what is still being scored has them; a report keeps what they say of sets.
  std::vector<std::vector<float>> embeddings = {};
  std::int64_t missing() const { return static_cast<std::int64_t>(targets.size()); }
};

struct EvaluationReport {
  Protocol protocol;
  Json model = Json::object();          // what was scored: name, weights, hash …; the caller's
  bool keeps_predictions = false;       // beside it (metrics/predictions.h); the caller's
  std::vector<ImageRow> images;         // sorted by (id, sample, slot)
  std::vector<SetDistances> sets = {};  // of the model, then of each baseline (metrics/report_sets.h), or none
};

// A batch as it was scored.
struct BatchScored {
  const Batch& batch;
  const at::Tensor& pictures;         // the model's, [B,V,3,H,W]
  const std::vector<ImageRow>& rows;  // of its targets, by set and slot
  at::Tensor normals = {};            // the model's where they are scored, [B,V,3,H,W]
  // A row's own of [B,V,…].
  at::Tensor of(const ImageRow& row, const at::Tensor& all) const;
};

// Called in order with what was scored of one piece of the work, and how.
using OnScored = std::function<void(const Protocol&, const std::vector<ImageRow>&)>;

struct EvaluateOptions {
  bool baselines = true;  // score the four baselines beside the model
  Predictor oracle = {};  // the true pictures through a latent model's autoencoder, scored beside them
  ScoringNets nets = {};
  // Above 1: that many batches are predicted and scored side by side (core/side_by_side.h), for a model on the CPU; the
  // predictor must allow it, and no score depends on how many. 1: one after another with torch's own threads, which
  // gives the same bits if that is one thread.
  std::int64_t batches_at_once = 1;
  std::function<void(const BatchScored&)> on_batch;  // in order, one at a time: for progress and pictures
  OnScored on_scored;                                // for each batch, after on_batch
  EvaluationTimes* times = nullptr;                  // adds its own, but for the inputs
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
// Of the same pictures; those after the baselines' are passed over.
void set_embeddings(ImageRow& row, const EmbeddedView& embedded, std::size_t count);

// Names the net that was used, or why there is none.
void note_lpips(Protocol& protocol, const Lpips* lpips);
// Sorts the rows and fills in what the protocol says of all of them.
void finish_report(EvaluationReport& report);

// The report of all images, equal to the last digit for any split. Unlike protocols or an image in two reports are an
// error (exit 3). Empty shares are fine.
EvaluationReport merge(const std::vector<EvaluationReport>& reports);

std::size_t method_count(const EvaluationReport& report);

}  // namespace spinfill

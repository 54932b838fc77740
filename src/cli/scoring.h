// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/files/atomic_folder.h"
#include "core/files/output_folder.h"
#include "core/files/unfinished_folder.h"
#include "core/signals.h"
#include "metrics/evaluation_set.h"
#include "metrics/photo/photo_evaluation.h"
#include "metrics/scored_pieces.h"
#include "train/ranks/ranks.h"

namespace spinfill {

// What is to be scored, and how.
struct ScoringJob {
  ScoredAt at = ScoredAt::model;
  Protocol protocol;
  Predictors samples;  // one for each seed
  std::vector<PhotoPredictor> photo_samples;
  const Lpips* lpips = nullptr;
  ScoringNets nets;
  Predictor oracle = {};          // EvaluateOptions::oracle
  std::int64_t at_once = 1;       // pieces of the work side by side
  std::int64_t grids = 0;         // of how many pieces a picture grid is drawn
  std::size_t ranked_by = 0;      // the score by which the best and worst views are drawn
  bool save_predictions = false;  // every predicted picture is kept, with its truth
  std::string key;                // hash of all that the scores depend on but the data's files
};

// Scores a job together with the other ranks and goes on where it was ended before: what is scored lies in an
// unfinished folder beside `out` until finish().
class Scoring {
 public:
  Scoring(const ScoringJob& job, const EvaluationSet& set, const OutputFolder& out, Ranks& ranks);
  ~Scoring();

  // Of all ranks together on the first of them, of its own share elsewhere.
  EvaluationReport run();
  fs::path views() const { return folder_ / "views"; }  // as ExtremeViews drew them
  // On the first rank: puts the report in its place, with what was drawn, and removes what was kept.
  void finish(AtomicFolder& report);

 private:
  void open(const OutputFolder& out);
  std::vector<std::int64_t> own_share();
  EvaluationReport score(const std::vector<std::int64_t>& share);
  EvaluationReport of_all_ranks(EvaluationReport own);
  fs::path grid_of(std::int64_t piece) const;  // empty: none is drawn
  void kept();

  const ScoringJob& job_;
  const fs::path out_;
  const EvaluationSet& set_;
  Ranks& ranks_;
  std::unique_ptr<UnfinishedFolder> unfinished_;  // of the first rank
  fs::path folder_;
  std::unique_ptr<ScoredPieces> pieces_;
  std::map<std::int64_t, EvaluationReport> found_;  // on the first rank
  std::int64_t count_ = 0, done_ = 0;               // pieces in all; scored, as far as this rank knows
  std::unique_ptr<KeptAtStop> kept_;
};

}  // namespace spinfill

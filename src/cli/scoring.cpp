// SPDX-License-Identifier: Apache-2.0
#include "cli/scoring.h"

#include <set>
#include <utility>

#include "core/error.h"
#include "core/files/temporary_names.h"
#include "core/log.h"
#include "core/progress.h"
#include "core/stopwatch.h"
#include "metrics/predictions.h"
#include "metrics/report.h"
#include "pages/extreme_views.h"
#include "pages/photo_grid.h"
#include "pages/sample_grid.h"

namespace spinfill {
namespace {

const char* unit_of(ScoredAt at) {
  return at == ScoredAt::photo ? "samples" : "batches";
}

}  // namespace

Scoring::Scoring(const ScoringJob& job, const EvaluationSet& set, const OutputFolder& out, Ranks& ranks)
    : job_(job), out_(out.path), set_(set), ranks_(ranks) {
  ranks.require_equal("evaluation", job.key);
  open(out);
  pieces_ = std::make_unique<ScoredPieces>(folder_ / "scored", set, job.at);
  count_ = pieces_->count();
}

Scoring::~Scoring() = default;

void Scoring::open(const OutputFolder& out) {
  if (ranks_.first()) unfinished_ = std::make_unique<UnfinishedFolder>(out, job_.key);
  folder_ = ranks_.from_first(unfinished_ ? unfinished_->path().string() : "");
  if (!is_unfinished_of(folder_, out.command, job_.key))
    fail_usage("--out {}: rank {} does not see {}: all processes need one file system there", out.path.string(),
               ranks_.rank(), folder_.string());
  if (ranks_.world() > 1) kept();  // others may have scored something before the first rank has
}

// Something is in the unfinished folder.
void Scoring::kept() {
  if (unfinished_) unfinished_->stays();
  std::string what;
  if (ranks_.world() == 1) {
    what = fmt::format("{} of {} {} are scored and kept in {}: run the same command again to go on", done_, count_,
                       unit_of(job_.at), folder_.string());
  } else if (ranks_.first()) {
    what = fmt::format("what was scored is kept in {}: run the same command again to go on", folder_.string());
  }
  if (kept_)
    kept_->now(std::move(what));
  else
    kept_ = std::make_unique<KeptAtStop>(std::move(what));
}

// What nobody has scored yet is divided.
std::vector<std::int64_t> Scoring::own_share() {
  if (ranks_.first()) {
    bool changed = false;
    found_ = pieces_->find(changed);
    if (changed) {
      fs::remove_all(folder_ / "files");
      fs::remove_all(views());
    }
  }
  Json places = Json::array();
  for (const auto& [piece, report] : found_) places.push_back(piece);
  const auto known = parse_json(ranks_.from_first(places.dump()), "rank 0").get<std::set<std::int64_t>>();
  std::vector<std::int64_t> left;
  for (std::int64_t piece = 0; piece < count_; ++piece)
    if (!known.contains(piece)) left.push_back(piece);
  done_ = std::ssize(known);
  if (done_ > 0) {
    log_info("{} of {} {} were scored before", done_, count_, unit_of(job_.at));
    kept();
  }
  return share_of(left, ranks_.rank(), ranks_.world());
}

EvaluationReport Scoring::run() {
  return of_all_ranks(score(own_share()));
}

EvaluationReport Scoring::score(const std::vector<std::int64_t>& share) {
  EvaluationTimes times;
  const Stopwatch watch;
  // Of one process all pieces, of several its own.
  const std::int64_t before = ranks_.world() == 1 ? done_ : 0, all = before + std::ssize(share);
  Progress progress(ranks_.world() == 1 ? "evaluate" : fmt::format("evaluate, 1 of {} processes", ranks_.world()), all,
                    unit_of(job_.at), before);
  std::size_t next = 0;
  const OnScored on_scored = [&](const Protocol& protocol, const std::vector<ImageRow>& rows) {
    const bool stays = pieces_->keep(share[next++], protocol, rows);
    ++done_;
    if (stays) kept();
    progress.update(before + static_cast<std::int64_t>(next));
  };
  const fs::path files = folder_ / "files";
  if (!share.empty()) make_folder(files);
  ExtremeViews extremes(job_.ranked_by, views());
  const auto draw = [&](const auto& scored) {
    if (job_.save_predictions) keep_predictions(files, scored);
    extremes.add(scored);
  };
  EvaluationReport report;
  if (job_.at == ScoredAt::photo) {
    PhotoEvaluateOptions options;
    options.at_once = job_.at_once;
    options.samples = share;
    options.on_sample = [&](const PhotoScored& scored) {
      if (const fs::path grid = grid_of(share[next]); !grid.empty()) draw_photo_grid(scored, grid);
      draw(scored);
    };
    options.nets = job_.nets;
    options.on_scored = on_scored;
    options.times = &times;
    report = evaluate_photos(job_.photo_samples, set_, job_.protocol, job_.lpips, options);
  } else {
    EvaluateOptions options;
    options.oracle = job_.oracle;
    options.batches_at_once = job_.at_once;
    options.on_batch = [&](const BatchScored& scored) {
      if (const fs::path grid = grid_of(share[next]); !grid.empty())
        draw_sample_grid(scored.batch, scored.pictures, grid, {.normals = scored.normals});
      draw(scored);
    };
    options.nets = job_.nets;
    options.on_scored = on_scored;
    options.times = &times;
    const NextBatch batches = set_.stream(job_.at_once, share, &times);
    report = evaluate(job_.samples, batches, job_.protocol, job_.lpips, options);
  }
  progress.finish();
  if (!share.empty()) log_info("{}", in_words(times, watch.seconds() * static_cast<double>(job_.at_once)));
  return report;
}

fs::path Scoring::grid_of(std::int64_t piece) const {
  if (piece >= job_.grids) return {};
  return folder_ / "files" / fmt::format("grid-{:03}.png", piece);
}

EvaluationReport Scoring::of_all_ranks(EvaluationReport own) {
  ranks_.at(done_, "waiting for the others' scores");
  const std::vector<std::string> texts = ranks_.gather(own.images.empty() ? "" : share_to_json(own).dump());
  if (!ranks_.first()) return own;
  std::vector<EvaluationReport> all = {std::move(own)};
  for (std::size_t rank = 1; rank < texts.size(); ++rank) {
    const std::string where = fmt::format("scores of rank {}", rank);
    if (!texts[rank].empty()) all.push_back(report_from_json(parse_json(texts[rank], where), where));
  }
  for (auto& [piece, report] : found_) all.push_back(std::move(report));
  found_.clear();
  return merge(all);
}

void Scoring::finish(AtomicFolder& report) {
  std::error_code error;
  for (const auto& drawn : fs::recursive_directory_iterator(folder_ / "files", error)) {
    // Half written by a process that was killed.
    if (!drawn.is_regular_file() || is_temporary_name(drawn.path().filename().string())) continue;
    // Not moved: until the report is in its place all can be done again.
    const fs::path to = report.path() / drawn.path().lexically_relative(folder_ / "files");
    make_folder(to.parent_path());
    fs::create_hard_link(drawn.path(), to, error);
    if (error) fs::copy_file(drawn.path(), to);
  }
  {
    // From here on there is nothing to go on with.
    const FinishedBeforeStop finished(out_);
    kept_.reset();
    report.commit();
  }
  unfinished_->remove();
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "metrics/evaluation.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <set>
#include <tuple>

#include "core/error.h"
#include "core/files/sha256.h"
#include "core/side_by_side.h"
#include "data/sets/slots.h"
#include "metrics/detail.h"
#include "metrics/distinct.h"
#include "metrics/image_metrics.h"
#include "metrics/normal_error.h"
#include "metrics/picture_size.h"
#include "metrics/predictions.h"

namespace spinfill {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

auto sort_key(const ImageRow& row) {
  return std::tie(row.id, row.sample, row.slot);
}

// Size and background are the data's; all batches must share them.
void agree(Protocol& protocol, const Batch& batch, bool first) {
  if (batch.colour.dim() != 5 || batch.colour.size(0) != batch.size() || batch.colour.size(1) != Batch::kViews ||
      batch.colour.size(2) != 3) {
    fail("a batch of {} sets has pictures [{}], not [B,{},3,H,W]", batch.size(), fmt::join(batch.colour.sizes(), ","),
         Batch::kViews);
  }
  const at::Tensor background = batch.background.to(at::kCPU, at::kDouble).contiguous();
  const auto colour = background.accessor<double, 2>();
  for (std::int64_t b = 0; b < batch.size(); ++b) {
    for (int c = 0; c < 3; ++c) {
      if (first && b == 0) protocol.background[c] = colour[b][c];
      if (colour[b][c] != protocol.background[c]) {
        fail("{}: scores need one background for all pictures; switch the augmentation of backgrounds off",
             batch.ids[b]);
      }
    }
  }
  const std::int64_t height = batch.colour.size(3), width = batch.colour.size(4);
  if (first) {
    protocol.width = width;
    protocol.height = height;
  }
  if (protocol.width != width || protocol.height != height) {
    fail("{}: pictures of {}×{} px among pictures of {}×{} px; scores need one size", batch.ids[0], width, height,
         protocol.width, protocol.height);
  }
}

Prediction checked_prediction(const Predictor& predictor, const Batch& batch) {
  const auto [pictures, normals] = predictor(batch);
  if (!pictures.defined() || pictures.sizes() != batch.colour.sizes()) {
    fail("the model gave pictures [{}] for a batch of [{}]",
         pictures.defined() ? fmt::format("{}", fmt::join(pictures.sizes(), ",")) : "undefined",
         fmt::join(batch.colour.sizes(), ","));
  }
  if (normals.defined() && normals.sizes() != batch.colour.sizes())
    fail("the model gave normals [{}] for a batch of [{}]", fmt::join(normals.sizes(), ","),
         fmt::join(batch.colour.sizes(), ","));
  return {pictures.detach(), normals.defined() ? normals.detach() : normals};
}

std::string hash_of(const at::Tensor& truth, const at::Tensor& alpha) {
  const at::Tensor bytes = at::cat({truth, alpha}).clamp(0, 1).mul(255).round().to(at::kByte).cpu().contiguous();
  return sha256_hex({reinterpret_cast<const char*>(bytes.data_ptr()), static_cast<std::size_t>(bytes.numel())});
}

}  // namespace

void note_lpips(Protocol& p, const Lpips* lpips) {
  if (lpips != nullptr) {
    p.lpips_net = lpips->net();
    p.lpips_sha256 = lpips->sha256();
    p.lpips_absent.clear();
  } else if (p.lpips_absent.empty()) {
    p.lpips_absent = "not asked for";
  }
}

void set_samples(ImageRow& row, std::vector<Scores> scores, std::size_t count) {
  const auto first_baseline = scores.begin() + static_cast<std::ptrdiff_t>(count);
  if (count > 1) row.samples.assign(scores.begin(), first_baseline);
  Scores mean = scores.front();
  for (std::size_t k = 0; k < kMetrics; ++k) {
    double above_first = 0;  // so that the mean of equal samples is theirs
    for (const Scores& sample : row.samples) above_first += sample[k] - scores.front()[k];
    mean[k] += above_first / static_cast<double>(count);
  }
  row.scores.assign(first_baseline, scores.end());
  row.scores.insert(row.scores.begin(), mean);
}

void set_embeddings(ImageRow& row, const EmbeddedView& embedded, std::size_t count) {
  row.embeddings.clear();
  if (embedded.pictures.empty()) return;
  const auto keep = [&](const Embedding& one) { row.embeddings.emplace_back(one.begin(), one.end()); };
  keep(embedded.truth);
  keep(embedded.pictures.front());
  for (std::size_t i = 1; i < row.scores.size(); ++i) keep(embedded.pictures.at(count + i - 1));
}

// Counts and hashes of the whole list: functions of the sorted rows alone.
void finish_report(EvaluationReport& report) {
  auto& rows = report.images;
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return sort_key(a) < sort_key(b); });
  std::set<std::string> vehicles;
  std::set<std::pair<std::string, std::int64_t>> subsets;
  std::string subset_list, truths;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const ImageRow& row = rows[i];
    if (i > 0 && sort_key(rows[i - 1]) == sort_key(row)) {
      fail("vehicle {}, sample {}, view {}° was scored twice; give each process its own share of the samples", row.id,
           row.sample, azimuth_of(row.slot));
    }
    vehicles.insert(row.id);
    subsets.insert({row.id, row.sample});
    subset_list += fmt::format("{}\t{}\t{}\t{}\t{}\n", row.id, row.sample, row.slot, fmt::join(row.references, ","),
                               fmt::join(row.targets, ","));
    truths += row.truth_sha256 + "\n";
  }
  Protocol& protocol = report.protocol;
  protocol.vehicles = static_cast<std::int64_t>(vehicles.size());
  protocol.subset_count = static_cast<std::int64_t>(subsets.size());
  protocol.images = static_cast<std::int64_t>(rows.size());
  protocol.subsets_sha256 = sha256_hex(subset_list);
  protocol.truth_sha256 = sha256_hex(truths);
}

std::vector<Scores> score_pictures(const at::Tensor& all, const at::Tensor& truth, const at::Tensor& alpha,
                                   const Lpips* lpips) {
  at::Tensor pictures;
  const Distinct kinds = distinct_pictures(all, pictures);
  const std::int64_t M = pictures.size(0);
  const at::Tensor truths = truth.unsqueeze(0).expand_as(pictures);
  const at::Tensor weights = alpha.unsqueeze(0).expand({M, 1, alpha.size(1), alpha.size(2)});
  const at::Tensor absent = at::full({M}, kUndefined, at::kDouble);
  const bool has_ssim = too_small_for_ssim(pictures.size(3), pictures.size(2)).empty();
  const bool has_uniform = std::min(pictures.size(3), pictures.size(2)) >= kUniformSsimWindow;
  const at::Tensor gradient = covered_gradient(truth, alpha);
  const DetailWindows details = detail_windows(gradient, alpha);
  const at::Tensor map = has_ssim ? ssim_map(pictures, truths) : at::Tensor();
  std::array<at::Tensor, kPictureMetrics> columns = {
      psnr(pictures, truths),
      foreground_psnr(pictures, truths, weights),
      has_ssim ? mean_of_ssim_map(map) : absent,
      has_ssim ? foreground_of_ssim_map(map, weights) : absent,
      lpips != nullptr ? lpips->distance(pictures, truth.unsqueeze(0)) : absent,
      has_ssim ? ssim_grey(pictures, truths) : absent,
      has_uniform ? ssim_uniform(pictures, truths) : absent,
      l2(pictures, truths),
      gradient_psnr(pictures, truth, gradient),
      detail_psnr(pictures, truth, details),
      lpips != nullptr ? detail_lpips(pictures, truth, details, *lpips) : absent};
  Scores undefined;
  undefined.fill(kUndefined);
  std::vector<Scores> scores(M, undefined);
  for (std::size_t k = 0; k < kPictureMetrics; ++k) {
    const auto column = columns[k].accessor<double, 1>();
    for (std::int64_t m = 0; m < M; ++m) scores[m][k] = column[m];
  }
  return of_all(kinds, scores);
}

namespace {

struct OwnedScores {
  at::Tensor pictures, normals;  // the model's first, [B,V,3,H,W]
  std::vector<ImageRow> rows;
};

// Of the view (b, v) by each method that says normals.
void score_normals(const std::vector<at::Tensor>& methods, const Batch& batch, std::int64_t b, std::int64_t v,
                   std::vector<Scores>& scores) {
  for (std::size_t m = 0; m < methods.size(); ++m) {
    if (!methods[m].defined()) continue;
    const NormalError error = normal_error(methods[m][b][v], batch.normals[b][v], batch.alpha[b][v]);
    scores[m][kNormalError] = error.mean;
    scores[m][kNormalErrorMedian] = error.median;
  }
}

OwnedScores score_batch(const Predictors& samples, const Batch& batch, const EvaluateOptions& options,
                        bool round_to_8_bits, const Lpips* lpips) {
  const at::NoGradGuard no_grad;
  OwnedScores result;
  const ScoringNets& nets = options.nets;
  std::vector<at::Tensor> methods, normals;
  EvaluationTimes* const times = options.times;
  for (const Predictor& predictor : samples) {
    const TimeSpent spent(times != nullptr ? &times->model : nullptr);
    Prediction predicted = checked_prediction(predictor, batch);
    methods.push_back(std::move(predicted.pictures));
    normals.push_back(std::move(predicted.normals));
  }
  const TimeSpent spent(times != nullptr ? &times->scores : nullptr);
  result.pictures = methods.front();
  if (options.baselines) {
    for (const std::string& name : kBaselines) {
      methods.push_back(baseline_pictures(name, batch));
      normals.push_back(baseline_normals(name, batch));
    }
  }
  if (batch.normals.defined()) result.normals = normals.front();
  if (options.oracle) methods.push_back(checked_prediction(options.oracle, batch).pictures);
  const auto scored = [&](const at::Tensor& x) { return round_to_8_bits ? rounded_to_8_bits(x) : x.clamp(0, 1); };
  const at::Tensor is_target = batch.is_target.cpu(), is_reference = batch.is_reference.cpu();
  for (std::int64_t b = 0; b < batch.size(); ++b) {
    ImageRow row;
    row.id = batch.ids[b];
    row.sample = batch.samples[b];
    row.category = batch.category_name(b);
    std::vector<bool> given(Batch::kViews);
    for (std::int64_t v = 0; v < Batch::kViews; ++v) {
      given[v] = is_reference[b][v].item<bool>();
      if (given[v]) row.references.push_back(v);
      if (is_target[b][v].item<bool>()) row.targets.push_back(v);
    }
    std::vector<Embedding> of_references;
    for (const std::int64_t v : row.references) {
      if (nets.identity) of_references.push_back(nets.identity->embedding(scored(batch.colour[b][v])));
    }
    for (const std::int64_t v : row.targets) {
      if (given[v]) fail("{}: view {}° is a reference and a target at once", row.id, azimuth_of(v));
      for (std::size_t k = 0; k < samples.size(); ++k) {
        const bool finite_normals = !normals[k].defined() || at::isfinite(normals[k][b][v]).all().item<bool>();
        if (!finite_normals || !at::isfinite(methods[k][b][v]).all().item<bool>())
          fail("{}: the model gave values that are not finite for the view {}°", row.id, azimuth_of(v));
      }
      std::vector<at::Tensor> pictures;
      for (const at::Tensor& method : methods) pictures.push_back(method[b][v].to(at::kFloat));
      const at::Tensor truth = scored(batch.colour[b][v]), alpha = batch.alpha[b][v];
      row.slot = v;
      row.case_name = case_of(v, given);
      row.truth_sha256 = hash_of(truth, alpha);
      row.prediction_sha256 = picture_sha256(rgb_picture(pictures.front()));
      const at::Tensor shown = scored(at::stack(pictures));
      std::vector<Scores> scores = score_pictures(shown, truth, alpha, lpips);
      const EmbeddedView embedded = score_by_nets(nets, shown, truth, of_references, scores);
      if (batch.normals.defined()) score_normals(normals, batch, b, v, scores);
      if (options.oracle) {
        row.oracle = scores.back();
        scores.pop_back();
      }
      set_samples(row, std::move(scores), samples.size());
      set_embeddings(row, embedded, samples.size());
      result.rows.push_back(row);
    }
  }
  return result;
}

}  // namespace

at::Tensor BatchScored::of(const ImageRow& row, const at::Tensor& all) const {
  const auto found = std::ranges::find(batch.samples, row.sample);
  return all[found - batch.samples.begin()][row.slot];
}

EvaluationReport evaluate(const Predictors& samples, const NextBatch& next, const Protocol& protocol,
                          const Lpips* lpips, const EvaluateOptions& options) {
  const auto at_once = static_cast<std::size_t>(std::max<std::int64_t>(1, options.batches_at_once));
  const KeepTorchThreads keep;
  if (at_once > 1) use_one_torch_thread();  // for what is left to this thread, such as on_batch's pictures
  EvaluationReport report;
  report.protocol = protocol;
  Protocol& p = report.protocol;
  p.samples = static_cast<std::int64_t>(samples.size());
  note_nets(p, options.nets);
  bool first = true;
  std::vector<Batch> batches;
  do {
    batches.clear();
    while (batches.size() < at_once) {
      std::optional<Batch> batch = next();
      if (!batch) break;
      if (batch->size() == 0) continue;
      agree(p, *batch, first);
      if (first) {
        p.ssim_absent = too_small_for_ssim(p.width, p.height);
        if (lpips != nullptr) p.lpips_absent = too_small_for(*lpips, p.width, p.height);
        if (const auto& st = options.nets.st_lpips) p.st_lpips_absent = too_small_for(*st, p.width, p.height);
        if (!p.lpips_absent.empty()) lpips = nullptr;
        note_lpips(p, lpips);
      }
      first = false;
      batches.push_back(std::move(*batch));
    }
    const auto score = [&](std::size_t i) {
      return score_batch(samples, batches[i], options, p.round_to_8_bits, lpips);
    };
    std::vector<OwnedScores> scored;
    if (at_once > 1) {
      scored = side_by_side(batches.size(), score);
    } else if (!batches.empty()) {
      scored.push_back(score(0));
    }
    for (std::size_t i = 0; i < scored.size(); ++i) {
      if (options.on_batch) options.on_batch({batches[i], scored[i].pictures, scored[i].rows, scored[i].normals});
      if (options.on_scored) options.on_scored(p, scored[i].rows);
      std::move(scored[i].rows.begin(), scored[i].rows.end(), std::back_inserter(report.images));
    }
  } while (batches.size() == at_once);
  note_lpips(p, lpips);
  finish_report(report);
  return report;
}

EvaluationReport merge(const std::vector<EvaluationReport>& reports) {
  EvaluationReport merged;
  bool first = true;
  for (const EvaluationReport& report : reports) {
    if (report.images.empty()) continue;
    if (first) {
      merged = report;
      first = false;
      continue;
    }
    Protocol of_report = report.protocol, of_merged = merged.protocol;
    // What finish_report() fills in differs between shares.
    for (Protocol* p : {&of_report, &of_merged}) {
      p->vehicles = p->subset_count = p->images = 0;
      p->subsets_sha256 = p->truth_sha256 = {};
    }
    if (const Json a = protocol_to_json(of_merged), b = protocol_to_json(of_report); a != b) {
      const std::string difference = unlike(a, b);
      fail("shares of one evaluation have unlike protocols: {}", difference.empty() ? "another sampler" : difference);
    }
    if (method_count(report) != method_count(merged)) fail("only some shares of one evaluation have baselines");
    merged.images.insert(merged.images.end(), report.images.begin(), report.images.end());
    merged.sets.clear();
  }
  if (first && !reports.empty()) merged = reports.front();
  finish_report(merged);
  return merged;
}

std::size_t method_count(const EvaluationReport& report) {
  return report.images.empty() ? 0 : report.images.front().scores.size();
}

}  // namespace spinfill

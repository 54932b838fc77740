// SPDX-License-Identifier: Apache-2.0
#include "metrics/evaluation_set.h"

#include <ATen/core/grad_mode.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "core/log.h"
#include "core/side_by_side.h"
#include "data/identity/reference_identity.h"
#include "data/open_data_set.h"
#include "data/priors/stored_priors.h"

namespace spinfill {

namespace {

// "targets' true cameras (5 sets) and cameras estimated from the references (3 sets)"
std::string guidance_in_words(const SamplerConfig& sampler) {
  std::string text = fmt::format("guidance {}", sampler.guidance);
  if (sampler.guidance_far > 0) text += fmt::format(" to {}", sampler.guidance_far);
  if (sampler.guidance_min > 0) text += fmt::format(" above noise {}", sampler.guidance_min);
  if (sampler.guidance_max > 0) text += fmt::format(" up to noise {}", sampler.guidance_max);
  return text;
}

std::string in_words(const TargetCameras& cameras) {
  std::vector<std::pair<const char*, std::int64_t>> kinds = {
      {"targets' true cameras", cameras.stated},
      {"cameras estimated from the references", cameras.estimated},
      {"the canonical turntable's cameras", cameras.turntable}};
  std::erase_if(kinds, [](const auto& kind) { return kind.second == 0; });
  if (kinds.size() == 1) return kinds.front().first;
  std::vector<std::string> parts;
  for (const auto& [words, sets] : kinds) parts.push_back(fmt::format("{} ({} sets)", words, sets));
  return fmt::format("{}", fmt::join(parts, " and "));
}

}  // namespace

std::vector<std::int64_t> share_of(const std::vector<std::int64_t>& all, std::int64_t rank, std::int64_t world) {
  std::vector<std::int64_t> share;
  for (auto i = static_cast<std::size_t>(rank); i < all.size(); i += static_cast<std::size_t>(world))
    share.push_back(all[i]);
  return share;
}

EvaluationSet::EvaluationSet(const DataConfig& data, const EvaluationConfig& evaluation, const std::string& split,
                             std::int64_t limit)
    : config_(data),
      evaluation_(evaluation),
      data_(open_data_set(data.path, split, data.links())),
      pictures_(std::make_shared<PictureCache>(0, open_store(data))) {
  const std::int64_t count = data_.size();
  if (count == 0) fail("{}: the split '{}' holds no vehicle", data.path, split);
  if (limit > 0 && limit < count) {
    std::vector<std::int64_t> chosen;
    for (std::int64_t i = 0; i < limit; ++i) chosen.push_back(i * count / limit);
    data_ = data_.chosen(chosen);
  }
  tell_of_stated_identities(data_, config_.identity);
  cameras_ = count_target_cameras(data_, config_);
  if (cameras_.anew > 0) {
    log_info(
        "{}: {} of {} sets state cameras that were estimated from all of their pictures: they are estimated anew from "
        "the references of each sample, so that no target's silhouette is known",
        data.path, cameras_.anew, data_.size());
  }
  if (evaluation.given.empty()) {
    samples_ =
        evaluation_samples(data_, config_, static_cast<std::uint64_t>(evaluation.subset_seed), evaluation.subsets);
  } else {
    Slots given;
    for (const std::int64_t azimuth : evaluation.given)
      given.set(static_cast<std::size_t>(nearest_slot(static_cast<double>(azimuth))));
    samples_ = evaluation_samples_given(data_, given);
  }
  if (!scores_normals()) return;
  require_normals(data_);
  for (SampleSpec& spec : samples_)
    spec.normals = evaluation_.reference_normals ? NormalViews::all : NormalViews::targets;
}

bool EvaluationSet::scores_normals() const {
  return config_.normals && evaluation_.normals;
}

std::int64_t EvaluationSet::batches() const {
  const auto samples = static_cast<std::int64_t>(samples_.size());
  return (samples + evaluation_.batch_sets - 1) / evaluation_.batch_sets;
}

std::vector<std::int64_t> EvaluationSet::all_batches() const {
  std::vector<std::int64_t> all(static_cast<std::size_t>(batches()));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

std::span<const SampleSpec> EvaluationSet::samples_of(std::int64_t batch) const {
  const auto first = static_cast<std::size_t>(batch * evaluation_.batch_sets);
  const std::size_t count = std::min(static_cast<std::size_t>(evaluation_.batch_sets), samples_.size() - first);
  return std::span(samples_).subspan(first, count);
}

Batch EvaluationSet::batch(std::int64_t index) const {
  Batch batch = make_batch(data_, samples_of(index), config_, pictures_.get());
  batch.priors = stored_priors(batch.prior_inputs(), config_.priors, pictures_->store());
  return batch;
}

NextBatch EvaluationSet::stream(std::int64_t at_once, std::vector<std::int64_t> batches, EvaluationTimes* times) const {
  std::vector<Batch> made;  // the latest at_once, of which those before `next` are moved out
  return [this, at_once, batches = std::move(batches), times, made,
          next = std::int64_t{0}]() mutable -> std::optional<Batch> {
    const auto all = std::ssize(batches);
    const auto own = [&](std::int64_t i) {
      const TimeSpent spent(times != nullptr ? &times->inputs : nullptr);
      return batch(batches[static_cast<std::size_t>(i)]);
    };
    if (next == all) return std::nullopt;
    if (next % at_once == 0) {
      if (at_once == 1) {
        made = {own(next)};
      } else {
        made = side_by_side(static_cast<std::size_t>(std::min(at_once, all - next)), [&](std::size_t i) {
          const at::NoGradGuard no_grad;
          return own(next + static_cast<std::int64_t>(i));
        });
      }
    }
    return std::move(made[static_cast<std::size_t>(next++ % at_once)]);
  };
}

Protocol EvaluationSet::protocol(const SamplerConfig& sampler, std::uint64_t sampling_seed) const {
  Protocol protocol;
  protocol.data = config_.path;
  protocol.split = data_.split().empty() ? kNoSplits : data_.split();
  protocol.subset_seed = static_cast<std::uint64_t>(evaluation_.subset_seed);
  protocol.subsets = fmt::format("{} views missing, {} subsets a vehicle and count, balanced over azimuths",
                                 fmt::join(config_.missing, ", "), evaluation_.subsets);
  if (!config_.references.empty()) {
    protocol.subsets = fmt::format("{} views given, {} subsets a vehicle and count, balanced over azimuths",
                                   fmt::join(config_.references, ", "), evaluation_.subsets);
  }
  if (!evaluation_.given.empty())
    protocol.subsets =
        fmt::format("the views at {} degrees given, all others asked for", fmt::join(evaluation_.given, ", "));
  const PriorConfig& priors = config_.priors;
  protocol.cameras = in_words(cameras_);
  protocol.normals = scores_normals();
  protocol.conditions =
      fmt::format("{}{}, hull of {} voxels{}, {}{}", protocol.cameras, config_.cues ? ", with cues" : "", priors.grid,
                  priors.mirror ? "" : " without its mirror image",
                  !priors.plan_box  ? "flanks unbounded"
                  : priors.sections ? "flanks by sections and plan box"
                                    : "flanks by plan box",
                  priors.sharp ? ", sharp colours" : "");
  if (protocol.normals && evaluation_.reference_normals) protocol.conditions += ", the references' normals given";
  const bool unseen = sampler.places == SampledPlaces::unseen;
  protocol.sampler = sampler.steps == 1
                         ? "one step" + (sampler.guided().any() ? ", " + guidance_in_words(sampler) : "")
                         : fmt::format("{}, {}, start {}, {}{}", name_of(sampler.solver), name_of(sampler.mode),
                                       sampler.start, guidance_in_words(sampler),
                                       unseen ? fmt::format(", where unseen (seen: {})", sampler.seen_steps) : "");
  protocol.steps = sampler.steps;
  protocol.sampling_seed = sampling_seed;
  return protocol;
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "train/trainer.h"

#include <ATen/ATen.h>

#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include "core/error.h"
#include "core/log.h"
#include "core/progress.h"
#include "core/signals.h"
#include "data/loader.h"
#include "model/device.h"
#include "model/weights.h"
#include "train/checkpoint.h"
#include "train/early_stop.h"
#include "train/optimizer.h"
#include "train/run_folder.h"
#include "train/run_log.h"
#include "train/step.h"
#include "train/validation.h"

namespace spinfill {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::vector<at::Tensor> tensors(const Denoiser& denoiser) {
  std::vector<at::Tensor> list;
  for (auto& [name, tensor] : denoiser.parameters()) list.push_back(tensor.detach());
  return list;
}

std::vector<at::Tensor> trained(const Denoiser& denoiser) {
  std::vector<at::Tensor> list;
  for (auto& [name, tensor] : denoiser.trained_parameters()) list.push_back(tensor);
  return list;
}

// What is not trained is the same in the averaged model: one memory for both.
void share_frozen(const Denoiser& averaged, const Denoiser& denoiser) {
  const auto own = averaged.parameters(), other = denoiser.parameters();
  for (std::size_t i = 0; i < own.size(); ++i) {
    if (!other[i].second.requires_grad()) at::Tensor(own[i].second).set_data(other[i].second.detach());
  }
}

std::string trained_text(const Denoiser& denoiser) {
  std::int64_t count = 0;
  for (const at::Tensor& tensor : trained(denoiser)) count += tensor.numel();
  return count == denoiser.parameter_count() ? "" : fmt::format(" ({} trained)", count);
}

// Everything that a step changes, as the first rank has it.
void share_state(Ranks& ranks, const Denoiser& denoiser, const Denoiser& averaged, const AdamW& optimizer,
                 std::int64_t& step, BestValidation& best, EarlyStop& early_stop, bool& validation_owed) {
  if (ranks.world() == 1) return;
  ranks.copy_from_first(tensors(denoiser));
  ranks.copy_from_first(tensors(averaged));
  std::vector<at::Tensor> moments;
  for (const auto& [name, tensor] : optimizer.state()) moments.push_back(tensor);
  ranks.copy_from_first(moments);
  const Json own = {
      {"step", step}, {"best", best.to_json()}, {"early_stop", early_stop.to_json()}, {"owed", validation_owed}};
  const Json counters = Json::parse(ranks.from_first(own.dump()));
  step = counters.at("step").get<std::int64_t>();
  best = BestValidation::from_json(counters.at("best"));
  early_stop.load(counters);
  validation_owed = counters.at("owed").get<bool>();
}

// Of all ranks' vehicles those of micro-batches whose own loss was not finite; all, where only the sum of gradients was
// not.
std::string culprits(Ranks& ranks, const std::vector<std::string>& suspects, const std::vector<Batch>& micro_batches) {
  const auto of_all_ranks = [&](const std::vector<std::string>& own) {
    std::vector<std::string> parts = ranks.gather(fmt::format("{}", fmt::join(own, ", ")));
    std::erase(parts, "");
    return fmt::format("{}", fmt::join(parts, ", "));
  };
  if (const std::string named = of_all_ranks(suspects); !named.empty()) return named;
  std::vector<std::string> ids;
  for (const Batch& batch : micro_batches) ids.insert(ids.end(), batch.ids.begin(), batch.ids.end());
  return of_all_ranks(ids);
}

// Micro-batches of a step that a rank makes.
std::int64_t accumulation_of(const TrainConfig& config, int world) {
  const std::int64_t micro_batches = config.batch_sets / config.micro_batch_sets;
  if (micro_batches % world != 0) {
    fail_usage(
        "train.batch_sets {} with train.micro_batch_sets {} makes {} micro-batches a step, which {} processes cannot "
        "share evenly: change one of the three",
        config.batch_sets, config.micro_batch_sets, micro_batches, world);
  }
  return micro_batches / world;
}

}  // namespace

TrainResult train(const RunConfig& config, const fs::path& run, bool resume, Ranks& ranks) {
  const std::int64_t accumulation = accumulation_of(config.train, ranks.world());
  const at::Device device = choose_device(config.train.device, ranks.place().local_rank);
  set_compute_threads(config);
  const auto seed = static_cast<std::uint64_t>(config.seed);
  const StopSignals signals;
  ranks.require_equal("configuration", to_json(config).dump());

  // ---- Data: vehicles of the training split; a fixed list of (vehicle, subset) pairs for validation.
  DataSet data = open_data_set(config.data.path, "train");
  const std::int64_t own_sets = data.size();
  const bool replays = !config.data.replay.path.empty();
  if (replays) data = joined(data, open_data_set(config.data.replay.path, "train"));
  ranks.at(0, "reading data");
  const Validation validation(config, device, ranks);
  const PerceptualDistance perceptual = perceptual_distance(config, device);

  // ---- The run folder: a new one, or one that goes on. Not before here, so that a wrong path leaves none behind.
  if (ranks.first()) open_run_folder(run, config, resume);

  // ---- Model, averaged copy, optimiser.
  Denoiser denoiser(config.model, seed, device);
  if (!config.train.init_from.empty()) load_weights(config.train.init_from, denoiser);
  Denoiser averaged(config.model, seed, device);
  choose_trained(denoiser, config);
  choose_trained(averaged, config);
  denoiser.set_channels_last(config.train.channels_last);
  load_state(averaged, denoiser.state(), "initial weights");
  share_frozen(averaged, denoiser);
  AdamW optimizer(named_parameters(denoiser), config.optimizer);
  const auto weights = trained(denoiser), averaged_weights = trained(averaged);
  // Where a sample may have no reference, the network's share for references may have no gradient.
  const bool overlap = std::ranges::count(config.data.references, 0) + std::ranges::count(config.data.missing, 8) == 0;
  GradientExchange gradients(ranks, trained(denoiser), overlap);

  // ---- Resume: counters say where every random stream stands. All ranks start from what the first one read.
  std::int64_t step = 0;
  BestValidation best;
  EarlyStop early_stop(config.train.early_stop);
  bool validation_owed = true;  // before step 1: what fails there should not fail after hours
  ranks.at(0, "reading the checkpoint");
  if (resume && ranks.first()) {
    const auto checkpoint = newest_valid_checkpoint(run);
    if (checkpoint) {
      load_state(denoiser, checkpoint->weights, "checkpoint weights");
      load_state(averaged, checkpoint->ema, "checkpoint averaged weights");
      optimizer.load_state(checkpoint->optimizer, "checkpoint optimiser");
      step = checkpoint->step;
      best = BestValidation::from_json(checkpoint->progress);
      early_stop.load(checkpoint->progress);
      validation_owed = checkpoint->progress.value("validation_owed", false);
      log_info("resumed at step {}", step);
    } else if (!list_checkpoints(run).empty()) {
      fail("{}: no checkpoint is whole; nothing to resume from", run.string());
    } else {
      log_warning("{}: no checkpoint was saved yet; starting at step 0", run.string());
    }
  }
  share_state(ranks, denoiser, averaged, optimizer, step, best, early_stop, validation_owed);
  std::optional<RunLog> log;  // of the first rank
  if (ranks.first()) log.emplace(run, step, to_yaml(config));
  log_info("{} parameters{}, {} training vehicles{}, {} on {}{}", denoiser.parameter_count(), trained_text(denoiser),
           own_sets, replays ? fmt::format(" and {} replayed", data.size() - own_sets) : "", run.string(), device.str(),
           ranks.world() > 1 ? fmt::format(", {} processes", ranks.world()) : "");

  // Whether this is the best so far. Cut short by a signal it stays owed.
  const auto validate = [&] {
    ranks.at(step, "validation");
    std::optional<Json> row = validation.score(averaged, step, run / "samples");
    validation_owed = !row;
    if (row && early_stop.on()) {
      early_stop.update(row->at("validation").at("psnr").get<double>(), step);
      (*row)["stale_validations"] = early_stop.stale();
    }
    if (row && log) {
      log->add(*row);
      log->add_samples(step);
    }
    return row && best.update(*row, step);
  };
  const auto save = [&] {
    ranks.at(step, "saving a checkpoint");
    Json progress = best.to_json();
    progress["validation_owed"] = validation_owed;
    if (early_stop.on()) progress["early_stop"] = early_stop.to_json();
    if (ranks.first()) {
      save_checkpoint(run, {step, progress, denoiser.state(), averaged.state(), optimizer.state()});
      prune_checkpoints(run, config.train.keep_last, best.step, config.train.keep_every);
    }
    ranks.any(false);  // no rank goes on, or ends, before it is saved
  };
  const auto stopped = [&] {
    log_info("stopped at step {} after saving; go on with: spinfill train --resume --out {}", step, run.string());
    return TrainResult{step, true};
  };

  const auto ended_early = [&] {
    log_info(
        "ended at step {}: validation PSNR did not rise by more than {} dB for {} validations; best at step {} with "
        "{:.2f} dB; a larger train.early_stop.patience with --resume goes on",
        step, config.train.early_stop.min_delta, early_stop.stale(), best.step, best.psnr);
    return TrainResult{step, false, true};
  };

  if (validation_owed) {
    validate();
    if (step > 0 || validation_owed) save();
    if (validation_owed) return stopped();
  }
  if (early_stop.on() && step < config.train.steps && ranks.any(early_stop.ended())) return ended_early();

  TrainingStream stream;
  stream.seed = seed;
  stream.batch_size = config.train.micro_batch_sets;
  stream.rank = ranks.rank();
  stream.world = ranks.world();
  if (replays) stream.own_sets = own_sets;
  Loader loader(training_batches(data, config.data, stream), step * accumulation, config.train.steps * accumulation,
                config.data.loader);
  Progress progress("train", config.train.steps, "steps", step);
  auto window_start = Clock::now();
  double window_wait = loader.waited_seconds();
  std::int64_t window_views = 0, window_steps = 0, skipped_in_row = 0;

  while (step < config.train.steps) {
    // ---- Next batch: pure function of (seed, step); the ranks share a step's micro-batches in turn.
    ranks.at(step, "waiting for data");
    std::vector<Batch> micro_batches;
    for (std::int64_t i = 0; i < accumulation; ++i) micro_batches.push_back(loader.next().value());
    for (const Batch& batch : micro_batches) window_views += batch.is_target.sum().item<std::int64_t>();

    // ---- Forward, backward, update.
    const std::string phase = loss_options_at(config, step).mode;
    const double rate = learning_rate_at(config.optimizer, step, config.train.steps);
    ranks.at(step, "forward, backward, update");
    const StepStatistics statistics =
        train_step(denoiser, optimizer, micro_batches, config, step, ranks, gradients, perceptual);
    ++step;
    ++window_steps;

    // ---- A step that is not finite changes nothing; too many in a row end the run.
    if (!statistics.finite) {
      const std::string named = culprits(ranks, statistics.suspects, micro_batches);
      if (ranks.first()) {
        log_warning("step {}: loss {} with gradient norm {} was skipped; vehicles: {}", step, statistics.loss,
                    statistics.gradient_norm, named);
      }
      if (++skipped_in_row >= config.train.max_skipped_steps) {
        fail(
            "step {}: {} steps in a row were not finite; lower optimizer.learning_rate or look at the vehicles named "
            "above; the last checkpoint stands",
            step, skipped_in_row);
      }
    } else {
      skipped_in_row = 0;
      update_ema(averaged_weights, weights, ema_decay_at(config.train.ema_decay, step));
    }

    // ---- Log.
    if (step % config.train.log_every == 0 || step == config.train.steps || !statistics.finite) {
      const double seconds = seconds_since(window_start);
      const double waited = loader.waited_seconds() - window_wait;
      const Json row = {{"step", step},
                        {"loss", statistics.finite ? Json(statistics.loss) : Json()},
                        {"mse", statistics.finite ? Json(statistics.squared_error) : Json()},
                        {"phase", phase},
                        {"learning_rate", rate},
                        {"gradient_norm", statistics.finite ? Json(statistics.gradient_norm) : Json()},
                        {"skipped", !statistics.finite},
                        {"views_per_second", static_cast<double>(window_views) / seconds},
                        {"seconds_per_step", seconds / static_cast<double>(window_steps)},
                        {"waiting_share", waited / seconds}};
      if (log) log->add(row);
      window_start = Clock::now();
      window_wait = loader.waited_seconds();
      window_views = window_steps = 0;
    }
    progress.update(step, fmt::format("loss {:.4f}, {:.1f} views/s", statistics.loss,
                                      static_cast<double>(window_views) / std::max(1e-9, seconds_since(window_start))));

    // ---- Validate, save, stop.
    const bool last = step == config.train.steps;
    bool improved = false;
    if (step % config.train.validate_every == 0 || last) {
      const auto paused = Clock::now();
      improved = validate();
      window_start += Clock::now() - paused;
    }
    const bool stop = (ranks.any(StopSignals::requested()) && !last) || validation_owed;
    const bool end = early_stop.on() && !last && !stop && ranks.any(early_stop.ended());
    if (step % config.train.checkpoint_every == 0 || improved || last || stop || end) {
      const auto paused = Clock::now();
      save();
      window_start += Clock::now() - paused;
    }
    if (stop) {
      progress.finish();
      return stopped();
    }
    if (end) {
      progress.finish();
      return ended_early();
    }
  }
  return {step};
}

TrainResult train(const RunConfig& config, const fs::path& run, bool resume) {
  Ranks alone;
  return train(config, run, resume, alone);
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "train/trainer.h"

#include <ATen/ATen.h>

#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include "core/error.h"
#include "core/files/json.h"
#include "core/log.h"
#include "core/progress.h"
#include "core/signals.h"
#include "core/tensors/freed_memory.h"
#include "data/open_data_set.h"
#include "model/denoiser/weights.h"
#include "model/device.h"
#include "run/run_folder.h"
#include "run/run_log.h"
#include "train/checkpoints/checkpoint.h"
#include "train/checkpoints/checkpoint_writer.h"
#include "train/checkpoints/training_state.h"
#include "train/early_stop.h"
#include "train/step/device_feed.h"
#include "train/step/optimizer.h"
#include "train/step/step.h"
#include "train/validation.h"

namespace spinfill {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string trained_text(const Denoiser& denoiser) {
  std::int64_t count = 0;
  for (const auto& [name, tensor] : denoiser.trained_parameters()) count += tensor.numel();
  return count == denoiser.parameter_count() ? "" : fmt::format(" ({} trained)", count);
}

// Of all ranks' vehicles those of micro-batches whose own loss was not finite; all, where only the sum of gradients was
// not.
std::string culprits(Ranks& ranks, const StepStatistics& statistics) {
  const auto of_all_ranks = [&](const std::vector<std::string>& own) {
    std::vector<std::string> parts = ranks.gather(fmt::format("{}", fmt::join(own, ", ")));
    std::erase(parts, "");
    return fmt::format("{}", fmt::join(parts, ", "));
  };
  const std::string named = of_all_ranks(statistics.suspects);
  return named.empty() ? of_all_ranks(statistics.vehicles) : named;
}

}  // namespace

TrainResult train(const RunConfig& config, const fs::path& run, bool resume, Ranks& ranks) {
  const std::int64_t accumulation = accumulation_of(config.train, ranks.world());
  const at::Device device = choose_device(config.train.device, ranks.place().local_rank);
  set_compute_threads(config);
  keep_freed_memory();
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
  const MakeRecording recording = recording_of(config.train, device);

  // ---- The run folder: a new one, or one that goes on. Not before here, so that a wrong path leaves none behind.
  if (ranks.first()) open_run_folder(run, config, resume);

  // ---- Model, averaged weights, optimiser.
  Denoiser denoiser(config.model, seed, device);
  if (!config.train.init_from.empty()) load_weights(config.train.init_from, denoiser);
  choose_trained(denoiser, config);
  set_up_for_training(denoiser, config.train);
  TrainingState state(denoiser, config, ranks);

  // ---- Resume: counters say where every random stream stands. All ranks start from what the first one read.
  ranks.at(0, "reading the checkpoint");
  std::optional<Checkpoint> checkpoint;
  if (resume && ranks.first()) {
    checkpoint = newest_valid_checkpoint(run);
    if (!checkpoint && !list_checkpoints(run).empty())
      fail("{}: no checkpoint is whole; nothing to resume from", run.string());
    if (!checkpoint) log_warning("{}: no checkpoint was saved yet; starting at step 0", run.string());
  }
  state.start_from(checkpoint ? &*checkpoint : nullptr);
  const Json counters = Json::parse(ranks.from_first(checkpoint ? checkpoint->progress.dump() : "{}"));
  std::int64_t step = state.step();
  BestValidation best = BestValidation::from_json(counters);
  EarlyStop early_stop(config.train.early_stop);
  early_stop.load(counters);
  // Before step 1: what fails there should not fail after hours.
  bool validation_owed = counters.value("validation_owed", step == 0);
  if (checkpoint) log_info("resumed at step {}", step);
  checkpoint.reset();
  std::optional<RunLog> log;  // of the first rank
  if (ranks.first()) log.emplace(run, step, to_yaml(config));
  log_info("{} parameters{}, {} training vehicles{}, {} on {}{}", denoiser.parameter_count(), trained_text(denoiser),
           own_sets, replays ? fmt::format(" and {} replayed", data.size() - own_sets) : "", run.string(), device.str(),
           ranks.world() > 1 ? fmt::format(", {} processes", ranks.world()) : "");

  // Whether this is the best so far. Cut short by a signal it stays owed.
  const auto validate = [&] {
    ranks.at(step, "validation");
    std::optional<Json> row = validation.score(state.averaged(), step, run / "samples");
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
  CheckpointWriter writer(run, config.train, ranks);
  const auto save = [&] {
    ranks.at(step, "saving a checkpoint");
    Json progress = best.to_json();
    progress["validation_owed"] = validation_owed;
    if (early_stop.on()) progress["early_stop"] = early_stop.to_json();
    writer.begin(state.share(step, progress), best.step);
  };
  const auto stopped = [&] {
    writer.finish();
    log_info("stopped at step {} after saving; go on with: spinfill train --resume --out {}", step, run.string());
    return TrainResult{step, true};
  };

  const auto ended_early = [&] {
    writer.finish();
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
  DeviceFeed feed(data, config.data, stream, step * accumulation, config.train.steps * accumulation, device);
  TrainingStep training(denoiser, state.optimizer(), config, ranks, state.gradients(), perceptual, recording);
  Progress progress("train", config.train.steps, "steps", step);
  auto window_start = Clock::now();
  double window_wait = feed.waited_seconds();
  std::int64_t window_views = 0, window_steps = 0, skipped_in_row = 0;
  double views_per_second = 0;  // of the last window

  while (step < config.train.steps) {
    // ---- Batches are a pure function of (seed, step); the ranks share a step's micro-batches in turn.
    const MicroBatches micro_batches(accumulation, [&] {
      ranks.at(step, "waiting for data");
      Batch batch = feed.next();
      ranks.at(step, "forward, backward, update");
      return batch;
    });

    // ---- Forward, backward, update.
    const std::string phase = name_of(loss_options_at(config, step).mode);
    const double rate = learning_rate_at(config.optimizer, step, config.train.steps);
    const StepStatistics statistics = training.make(micro_batches, step);
    ++step;
    ++window_steps;
    window_views += statistics.views;

    // ---- A step that is not finite changes nothing; too many in a row end the run.
    if (!statistics.finite) {
      const std::string named = culprits(ranks, statistics);
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
      state.average(ema_decay_at(config.train.ema_decay, step));
    }

    // ---- Log.
    if (step % config.train.log_every == 0 || step == config.train.steps || !statistics.finite) {
      const double seconds = seconds_since(window_start);
      const double waited = feed.waited_seconds() - window_wait;
      views_per_second = static_cast<double>(window_views) / seconds;
      const Json row = {{"step", step},
                        {"loss", statistics.finite ? Json(statistics.loss) : Json()},
                        {"mse", statistics.finite ? Json(statistics.squared_error) : Json()},
                        {"phase", phase},
                        {"learning_rate", rate},
                        {"gradient_norm", statistics.finite ? Json(statistics.gradient_norm) : Json()},
                        {"skipped", !statistics.finite},
                        {"views_per_second", views_per_second},
                        {"seconds_per_step", seconds / static_cast<double>(window_steps)},
                        {"waiting_share", waited / seconds},
                        {"peak_bytes", peak_bytes(device)}};
      if (log) log->add(row);
      window_start = Clock::now();
      window_wait = feed.waited_seconds();
      window_views = window_steps = 0;
    }
    progress.update(step, fmt::format("loss {:.4f}{}", statistics.loss,
                                      views_per_second > 0 ? fmt::format(", {:.1f} views/s", views_per_second) : ""));

    // ---- Validate, save, stop.
    writer.look();
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
  writer.finish();
  return {step};
}

TrainResult train(const RunConfig& config, const fs::path& run, bool resume) {
  Ranks alone;
  return train(config, run, resume, alone);
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "train/trainer.h"

#include <fmt/ranges.h>

#include <algorithm>
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
#include "train/checkpoints/training_state.h"
#include "train/milestones.h"
#include "train/step/cuda_graph.h"
#include "train/step/device_feed.h"
#include "train/step/schedule.h"
#include "train/step/set_up.h"
#include "train/step/step.h"
#include "train/step/threads.h"
#include "train/step_log.h"
#include "train/validation.h"

namespace spinfill {
namespace {

// One run, and this process's part in it.
struct Run {
  const RunConfig& config;
  const fs::path& folder;
  Ranks& ranks;
  at::Device device;
  RunLog* log = nullptr;  // of the first rank
};

// Vehicles of the training split, those of data.replay after the run's own.
struct TrainingData {
  DataSet set;
  std::int64_t own_sets;
  bool replays;
};

// Their samples take longer to make than those of other sets, so one line says why.
void tell_of_estimates(const DataSet& data, const DataConfig& config) {
  constexpr std::int64_t kLookedAt = 256;  // of shards, each description is read
  std::vector<std::int64_t> some;
  const std::int64_t count = std::min(kLookedAt, data.size());
  for (std::int64_t i = 0; i < count; ++i) some.push_back(i * data.size() / count);
  const std::int64_t found = count_estimated_anew(data.chosen(some), config);
  if (found == 0) return;
  log_info(
      "{}: {} of {} sets looked at state cameras that were estimated from all of their pictures: they are estimated "
      "anew from the references of each sample, about half a second each; data.loader.cache_folder keeps them",
      data.folder().string(), found, count);
}

TrainingData open_training_data(const DataConfig& config) {
  DataSet own = open_data_set(config.path, "train");
  const std::int64_t own_sets = own.size();
  tell_of_estimates(own, config);
  if (config.replay.path.empty()) return {std::move(own), own_sets, false};
  const DataSet replayed = open_data_set(config.replay.path, "train");
  tell_of_estimates(replayed, config);
  return {joined(own, replayed), own_sets, true};
}

// The model with its initial weights.
Denoiser open_denoiser(const RunConfig& config, at::Device device) {
  const auto seed = static_cast<std::uint64_t>(config.seed);
  Denoiser denoiser(config.model, seed, device);
  if (!config.train.init_from.empty()) load_weights(config.train.init_from, denoiser);
  choose_trained(denoiser, config.train, seed);
  set_up_for_training(denoiser, config.train);
  return denoiser;
}

std::string trained_text(const Denoiser& denoiser) {
  std::int64_t count = 0;
  for (const at::Tensor& tensor : trained_tensors(denoiser)) count += tensor.numel();
  return count == denoiser.parameter_count() ? "" : fmt::format(" ({} trained)", count);
}

// All ranks take what the first one reads: a resumed run's newest whole checkpoint, or the initial weights.
TrainingProgress start(TrainingState& state, const Run& run, bool resume) {
  run.ranks.at(0, "reading the checkpoint");
  std::optional<Checkpoint> checkpoint;
  if (resume && run.ranks.first()) {
    checkpoint = newest_valid_checkpoint(run.folder);
    if (!checkpoint && !list_checkpoints(run.folder).empty())
      fail("{}: no checkpoint is whole; nothing to resume from", run.folder.string());
    if (!checkpoint) log_warning("{}: no checkpoint was saved yet; starting at step 0", run.folder.string());
  }
  state.start_from(checkpoint ? &*checkpoint : nullptr);
  if (checkpoint) log_info("resumed at step {}", state.step());
  const Json progress = to_json(checkpoint ? checkpoint->progress : TrainingProgress{});
  return progress_from_json(Json::parse(run.ranks.from_first(progress.dump())));
}

// The vehicles, of all ranks, in micro-batches whose own loss was not finite; all vehicles where only the sum of
// gradients was not.
std::string culprits(Ranks& ranks, const StepStatistics& statistics) {
  const auto of_all_ranks = [&](const std::vector<std::string>& own) {
    std::vector<std::string> parts = ranks.gather(fmt::format("{}", fmt::join(own, ", ")));
    std::erase(parts, "");
    return fmt::format("{}", fmt::join(parts, ", "));
  };
  const std::string named = of_all_ranks(statistics.suspects);
  return named.empty() ? of_all_ranks(statistics.vehicles) : named;
}

// A step that is not finite changes nothing; too many in a row, which `in_row` counts, end the run.
void look_at(const StepStatistics& statistics, std::int64_t step, std::int64_t& in_row, const Run& run) {
  if (statistics.finite) {
    in_row = 0;
    return;
  }
  const std::string named = culprits(run.ranks, statistics);
  if (run.ranks.first()) {
    log_warning("step {}: loss {} with gradient norm {} was skipped; vehicles: {}", step, statistics.loss,
                statistics.gradient_norm, named);
  }
  if (++in_row >= run.config.train.max_skipped_steps) {
    fail(
        "step {}: {} steps in a row were not finite; lower optimizer.learning_rate or look at the vehicles named "
        "above; the last checkpoint stands",
        step, in_row);
  }
}

TrainResult stopped(Milestones& milestones, std::int64_t step, const Run& run) {
  milestones.finish();
  log_info("stopped at step {} after saving; go on with: spinfill train --resume --out {}", step, run.folder.string());
  return {step, true};
}

TrainResult ended_early(Milestones& milestones, std::int64_t step, const Run& run) {
  milestones.finish();
  log_info(
      "ended at step {}: validation PSNR did not rise by more than {} dB for {} validations; best at step {} with "
      "{:.2f} dB; a larger train.early_stop.patience with --resume goes on",
      step, run.config.train.early_stop.min_delta, milestones.stale_validations(), milestones.best().step,
      milestones.best().psnr);
  return {step, false, true};
}

// Steps from `step` to the last one, or until the run is stopped or ended early.
TrainResult make_steps(const Run& run, std::int64_t step, DeviceFeed& feed, TrainingStep& training,
                       TrainingState& state, Milestones& milestones) {
  const TrainConfig& config = run.config.train;
  const std::int64_t accumulation = accumulation_of(config, run.ranks.world());
  Progress progress("train", config.steps, "steps", step);
  StepLog speed(feed.waited_seconds());
  std::int64_t skipped_in_row = 0;
  while (step < config.steps) {
    // ---- Batches are a pure function of (seed, step); the ranks share a step's micro-batches in turn.
    const MicroBatches micro_batches(accumulation, [&] {
      run.ranks.at(step, "waiting for data");
      Batch batch = feed.next();
      run.ranks.at(step, "forward, backward, update");
      return batch;
    });

    // ---- Forward, backward, update; the averaged weights follow.
    const std::string phase = name_of(loss_options_at(run.config.loss, config, step).mode);
    const double rate = learning_rate_at(run.config.optimizer, step, config.steps);
    const StepStatistics statistics = training.make(micro_batches, step);
    ++step;
    look_at(statistics, step, skipped_in_row, run);
    if (statistics.finite) state.average(ema_decay_at(config.ema_decay, step));

    // ---- Log.
    const bool last = step == config.steps;
    speed.add(statistics);
    if (step % config.log_every == 0 || last || !statistics.finite) {
      const Json row = speed.row(step, statistics, phase, rate, feed.waited_seconds(), peak_bytes(run.device));
      if (run.log != nullptr) run.log->add(row);
    }
    progress.update(step, speed.note(statistics));

    // ---- Validate, save, stop.
    milestones.look();
    bool improved = false;
    if (step % config.validate_every == 0 || last) speed.leave_out([&] { improved = milestones.validate(step); });
    const bool stop = (run.ranks.any(StopSignals::requested()) && !last) || milestones.validation_owed();
    const bool end = !last && !stop && milestones.ended_early();
    if (step % config.checkpoint_every == 0 || improved || last || stop || end)
      speed.leave_out([&] { milestones.save(step); });
    if (stop || end) {
      progress.finish();
      return stop ? stopped(milestones, step, run) : ended_early(milestones, step, run);
    }
  }
  milestones.finish();
  return {step};
}

}  // namespace

TrainResult train(const RunConfig& config, const fs::path& folder, bool resume, Ranks& ranks) {
  const std::int64_t accumulation = accumulation_of(config.train, ranks.world());
  Run run{config, folder, ranks, choose_device(config.train.device, ranks.place().local_rank)};
  set_compute_threads(config.train, config.data.loader);
  keep_freed_memory();
  const StopSignals signals;
  ranks.require_equal("configuration", to_json(config).dump());

  // ---- Data: vehicles of the training split; a fixed list of (vehicle, subset) pairs for validation.
  const TrainingData data = open_training_data(config.data);
  ranks.at(0, "reading data");
  const Validation validation(config, run.device, ranks);
  const PerceptualDistance perceptual = perceptual_distance(config.loss, config.evaluation.lpips, run.device);
  const MakeRecording recording = recording_of(config.train, run.device);

  // ---- The run folder: a new one, or the resumed one. Opened only now, so that a wrong path leaves none behind.
  if (ranks.first()) open_run_folder(folder, config, resume);

  // ---- Model, averaged weights, optimiser. A checkpoint's counters say where every random stream stands.
  const Denoiser denoiser = open_denoiser(config, run.device);
  TrainingState state(denoiser, config, ranks);
  const TrainingProgress progress = start(state, run, resume);
  const std::int64_t step = state.step();
  std::optional<RunLog> log;
  if (ranks.first()) run.log = &log.emplace(folder, step, to_yaml(config));
  log_info("{} parameters{}, {} training vehicles{}, {} on {}{}", denoiser.parameter_count(), trained_text(denoiser),
           data.own_sets, data.replays ? fmt::format(" and {} replayed", data.set.size() - data.own_sets) : "",
           folder.string(), run.device.str(), ranks.world() > 1 ? fmt::format(", {} processes", ranks.world()) : "");

  // ---- Validation before step 1, or where a signal cut one short. Its errors should appear now, not after hours.
  Milestones milestones(config, folder, validation, state, run.log, ranks, progress);
  if (milestones.validation_owed()) {
    milestones.validate(step);
    if (step > 0 || milestones.validation_owed()) milestones.save(step);
    if (milestones.validation_owed()) return stopped(milestones, step, run);
  }
  if (step < config.train.steps && milestones.ended_early()) return ended_early(milestones, step, run);

  // ---- Steps.
  TrainingStream stream = training_stream(config, ranks);
  if (data.replays) stream.own_sets = data.own_sets;
  DeviceFeed feed(data.set, config.data, stream, step * accumulation, config.train.steps * accumulation, run.device);
  TrainingStep training(denoiser, state.optimizer(), config, ranks, state.gradients(), perceptual, recording);
  return make_steps(run, step, feed, training, state, milestones);
}

}  // namespace spinfill

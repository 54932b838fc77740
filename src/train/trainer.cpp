// SPDX-License-Identifier: Apache-2.0
#include "train/trainer.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <type_traits>

#include "core/cores.h"
#include "core/error.h"
#include "core/files/files.h"
#include "core/files/json.h"
#include "core/log.h"
#include "core/progress.h"
#include "core/side_by_side.h"
#include "core/signals.h"
#include "core/stopwatch.h"
#include "core/tensors/freed_memory.h"
#include "model/device.h"
#include "run/run_folder.h"
#include "run/run_lock.h"
#include "run/run_log.h"
#include "run/run_paths.h"
#include "train/checkpoints/checkpoint.h"
#include "train/checkpoints/training_state.h"
#include "train/milestones.h"
#include "train/run_start.h"
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
  RunLog* log = nullptr;  // of the first rank, this and the next
  RunLock* lock = nullptr;
};

// What takes minutes, such as reading data: a stop signal cuts it short, and all ranks then leave alike.
template <class Read>
auto unless_stopped(Ranks& ranks, const Read& read) {
  std::unique_ptr<std::invoke_result_t<Read>> result;
  try {
    result.reset(new std::invoke_result_t<Read>(read()));
  } catch (const Stopped&) {
  }
  if (ranks.any(!result || StopSignals::requested())) throw Stopped();
  return result;
}

std::string trained_text(const Denoiser& denoiser) {
  std::int64_t count = 0;
  for (const at::Tensor& tensor : trained_tensors(denoiser)) count += tensor.numel();
  return count == denoiser.parameter_count() ? "" : fmt::format(" ({} trained)", count);
}

// All ranks take the state of the first one's checkpoint, or its initial weights.
TrainingProgress start(TrainingState& state, const Run& run, const std::optional<Checkpoint>& checkpoint) {
  run.ranks.at(0, "reading the checkpoint");
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
  double seconds_per_step = 0;  // of the last one
  std::int64_t skipped_in_row = 0;
  while (step < config.steps) {
    // ---- Batches are a pure function of (seed, step); the ranks share a step's micro-batches in turn.
    const Stopwatch watch;
    StopSignals::will(fmt::format("saving after step {}", step + 1), seconds_per_step);
    const MicroBatches micro_batches(accumulation, [&] {
      run.ranks.at(step, "waiting for data");
      Batch batch = feed.next();
      run.ranks.at(step, "forward, backward, update");
      return batch;
    });

    // ---- Forward, backward, update; the averaged weights follow.
    const std::string phase = phase_at(run.config.loss, config, step);
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
    seconds_per_step = watch.seconds();
    if (run.lock != nullptr) run.lock->require_held();
    milestones.look();
    bool improved = false;
    if (milestones.validation_due(step)) speed.leave_out([&] { improved = milestones.validate(step); });
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

void leave_to_start(const RunConfig& config, const fs::path& folder) {
  if (!is_run(folder)) {
    check_run_folder(folder, config, /*resume=*/false);
    make_folder(folder);
    const RunLock lock(folder);
    open_run_folder(folder, to_yaml(config), std::nullopt);  // what it reads is noted when it starts
  }
  log_info("stopped before the first step; nothing is lost; go on with: spinfill train --resume --out {}",
           folder.string());
}

TrainResult train(const RunConfig& config, const fs::path& folder, bool resume, Ranks& ranks,
                  const ReadTeacher& read_teacher) {
  const std::int64_t accumulation = accumulation_of(config.train, ranks.world());
  Run run{config, folder, ranks, choose_device(config.train.device, ranks.place().local_rank)};
  set_compute_threads(config.train, config.data.loader);
  const std::string cores = too_few_cores(config.train, config.data.loader, processors(), allowed_cores());
  if (ranks.place().local_rank == 0 && !cores.empty()) log_warning("{}", cores);
  keep_freed_memory();
  std::optional<RunConfig> before;  // of a resumed run, on the first rank
  if (ranks.first()) before = check_run_folder(folder, config, resume);
  ranks.require_equal("configuration", to_json(config).dump());
  std::unique_ptr<RunLock> lock;
  const auto take_lock = [&] {
    if (ranks.first() && !lock) lock = std::make_unique<RunLock>(folder);
    run.lock = lock.get();
  };
  unless_stopped(ranks, [&] { return resume && is_run(folder) && (take_lock(), true); });

  // ---- What it goes on from.
  std::optional<Checkpoint> checkpoint;  // of the first rank
  if (before) checkpoint = checkpoint_to_resume(folder, config.train);

  // ---- Data: vehicles of the training split; a fixed list of (vehicle, subset) pairs for validation.
  const auto read = unless_stopped(ranks, [&] { return open_training_data(config.data); });
  const TrainingData& data = *read;
  ranks.at(0, "reading data");
  const std::shared_ptr<Autoencoder> autoencoder = open_autoencoder(config.model, folder, resume);
  keep_latents(*autoencoder, config);
  const auto identity = open_identity(config, folder, resume);
  RunConfig reading = config;  // what batches are made by: with the network's file as it was found
  if (identity) reading.data.identity = identity->config();
  const std::optional<TensorMap> learnt =
      open_teacher(config, folder, resume, *autoencoder, identity.get(), read_teacher);
  const TensorMap* weights_of_teacher = learnt ? &*learnt : nullptr;
  std::optional<RunInputs> inputs;  // of the first rank
  if (ranks.first())
    inputs = inputs_of(config, data, *autoencoder, weights_of_teacher, identity.get(), checkpoint.has_value());
  if (before) check_run_inputs(folder, *before, config, *inputs);
  const std::optional<Teacher> teacher = make_teacher(config, run.device, weights_of_teacher, autoencoder);
  const auto validation =
      unless_stopped(ranks, [&] { return Validation(reading, run.device, ranks, teacher ? &*teacher : nullptr); });
  const PerceptualDistance perceptual = perceptual_distance(config, run.device);
  const MakeRecording recording = recording_of(config.train, run.device);

  // ---- Model, averaged weights, optimiser. A checkpoint's counters say where every random stream stands.
  const Denoiser denoiser =
      open_denoiser(config, run.device, ranks.first() && !checkpoint, autoencoder, weights_of_teacher);

  // ---- The run folder: a new one, or the resumed one. Opened only now, so that a wrong path leaves none behind.
  unless_stopped(ranks, [&] {
    if (!ranks.first()) return false;
    if (!resume) make_folder(folder);
    if (!resume || is_run(folder)) take_lock();
    open_run_folder(folder, to_yaml(config), inputs);
    keep_autoencoder(folder, *autoencoder);
    if (learnt) keep_teacher(folder, *learnt);
    if (identity) keep_identity(folder, *identity);
    if (before && checkpoint) tell_schedule(*before, config, checkpoint->step);
    return true;
  });
  TrainingState state(denoiser, config, ranks);
  const TrainingProgress progress = start(state, run, checkpoint);
  checkpoint.reset();
  const std::int64_t step = state.step();
  if (ranks.any(StopSignals::requested())) throw Stopped();
  std::optional<RunLog> log;
  if (ranks.first()) run.log = &log.emplace(folder, step, to_yaml(config));
  log_info("{} parameters{}, {} training vehicles{}, {} on {}{}", denoiser.parameter_count(), trained_text(denoiser),
           data.own.size(), data.replays ? fmt::format(" and {} replayed", data.replayed.size()) : "", folder.string(),
           run.device.str(), ranks.world() > 1 ? fmt::format(", {} processes", ranks.world()) : "");

  // ---- Validation before step 1, or where a signal cut one short. Its errors should appear now, not after hours.
  Milestones milestones(config, folder, *validation, state, run.log, ranks, progress);
  if (milestones.validation_owed()) {
    milestones.validate(step);
    if (step > 0 || milestones.validation_owed()) milestones.save(step);
    if (milestones.validation_owed()) return stopped(milestones, step, run);
  }
  if (step == config.train.steps) log_info("all {} steps are made; a larger train.steps with --resume goes on", step);
  if (step < config.train.steps && milestones.ended_early()) return ended_early(milestones, step, run);

  // ---- Steps.
  TrainingStream stream = training_stream(config, ranks);
  if (data.replays) stream.own_sets = data.own.size();
  DeviceFeed feed(data.set, reading.data, stream, step * accumulation, config.train.steps * accumulation, run.device);
  TrainingStep training(denoiser, state.optimizer(), config, ranks, state.gradients(), perceptual, recording,
                        teacher ? &*teacher : nullptr);
  return make_steps(run, step, feed, training, state, milestones);
}

}  // namespace spinfill

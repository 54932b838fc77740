// SPDX-License-Identifier: Apache-2.0
#include "train/trainer.h"

#include <ATen/ATen.h>

#include <chrono>
#include <cmath>

#include "core/error.h"
#include "core/log.h"
#include "core/progress.h"
#include "core/signals.h"
#include "data/loader.h"
#include "model/device.h"
#include "model/weights.h"
#include "train/checkpoint.h"
#include "train/metrics_log.h"
#include "train/optimizer.h"
#include "train/run_folder.h"
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

}  // namespace

TrainResult train(const RunConfig& config, const fs::path& run, bool resume) {
  const at::Device device = choose_device(config.train.device);
  set_compute_threads(config);
  const auto seed = static_cast<std::uint64_t>(config.seed);
  const StopSignals signals;

  // ---- Data: vehicles of the training split; a fixed list of (vehicle, subset) pairs for validation.
  const DataSet data = open_data_set(config.data.path, "train");
  const Validation validation(config, device);
  const PerceptualDistance perceptual = perceptual_distance(config, device);

  // ---- The run folder: a new one, or one that goes on. Not before here, so that a wrong path leaves none behind.
  open_run_folder(run, config, resume);

  // ---- Model, averaged copy, optimiser.
  Denoiser denoiser(config.model, seed, device);
  if (!config.train.init_from.empty()) load_weights(config.train.init_from, denoiser);
  denoiser.set_channels_last(config.train.channels_last);
  Denoiser averaged(config.model, seed, device);
  load_state(averaged, denoiser.state(), "initial weights");
  AdamW optimizer(named_parameters(denoiser), config.optimizer);
  const auto weights = tensors(denoiser);
  const auto averaged_weights = tensors(averaged);

  // ---- Resume: counters say where every random stream stands.
  std::int64_t step = 0;
  BestValidation best;
  if (resume) {
    const auto checkpoint = newest_valid_checkpoint(run);
    if (checkpoint) {
      load_state(denoiser, checkpoint->weights, "checkpoint weights");
      load_state(averaged, checkpoint->ema, "checkpoint averaged weights");
      optimizer.load_state(checkpoint->optimizer, "checkpoint optimiser");
      step = checkpoint->step;
      best = BestValidation::from_json(checkpoint->progress);
      log_info("resumed at step {}", step);
    } else if (!list_checkpoints(run).empty()) {
      fail("{}: no checkpoint is whole; nothing to resume from", run.string());
    } else {
      log_warning("{}: no checkpoint was saved yet; starting at step 0", run.string());
    }
  }
  MetricsLog metrics(run / "metrics.jsonl", step);
  log_info("{} parameters, {} training vehicles, {} on {}", denoiser.parameter_count(), data.size(), run.string(),
           device.str());

  const auto validate = [&] {
    const Json row = validation.score(averaged, step, run / "samples");
    metrics.add(row);
    return best.update(row, step);
  };
  const auto save = [&] {
    save_checkpoint(run, {step, best.to_json(), denoiser.state(), averaged.state(), optimizer.state()});
    prune_checkpoints(run, config.train.keep_last, best.step, config.train.keep_every);
  };

  // ---- Validation once before step 1: what fails there should not fail after hours. It is nobody's best.
  if (step == 0) validate();

  const std::int64_t accumulation = config.train.batch_sets / config.train.micro_batch_sets;
  TrainingStream stream;
  stream.seed = seed;
  stream.batch_size = config.train.micro_batch_sets;
  Loader loader(training_batches(data, config.data, stream), step * accumulation, config.train.steps * accumulation,
                config.data.loader);
  Progress progress("train", config.train.steps, "steps", step);
  auto window_start = Clock::now();
  double window_wait = loader.waited_seconds();
  std::int64_t window_views = 0, window_steps = 0, skipped_in_row = 0;
  TrainResult result{step, false};

  while (step < config.train.steps) {
    // ---- Next batch: pure function of (seed, step).
    std::vector<Batch> micro_batches;
    for (std::int64_t i = 0; i < accumulation; ++i) micro_batches.push_back(loader.next().value());
    std::string ids;
    for (const Batch& batch : micro_batches) {
      window_views += batch.is_target.sum().item<std::int64_t>();
      ids += fmt::format("{}{}", ids.empty() ? "" : ", ", fmt::join(batch.ids, ", "));
    }

    // ---- Forward, backward, update.
    const std::string phase = loss_options_at(config, step).mode;
    const double rate = learning_rate_at(config.optimizer, step, config.train.steps);
    const StepStatistics statistics = train_step(denoiser, optimizer, micro_batches, config, step, perceptual);
    ++step;
    ++window_steps;

    // ---- A step that is not finite changes nothing; too many in a row end the run.
    if (!statistics.finite) {
      log_warning("step {}: loss {} with gradient norm {} was skipped; vehicles: {}", step, statistics.loss,
                  statistics.gradient_norm, ids);
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
      metrics.add({{"step", step},
                   {"loss", statistics.finite ? Json(statistics.loss) : Json()},
                   {"mse", statistics.finite ? Json(statistics.squared_error) : Json()},
                   {"phase", phase},
                   {"learning_rate", rate},
                   {"gradient_norm", statistics.finite ? Json(statistics.gradient_norm) : Json()},
                   {"skipped", !statistics.finite},
                   {"views_per_second", static_cast<double>(window_views) / seconds},
                   {"seconds_per_step", seconds / static_cast<double>(window_steps)},
                   {"waiting_share", waited / seconds}});
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
    const bool stop = StopSignals::requested() && !last;
    if (step % config.train.checkpoint_every == 0 || improved || last || stop) {
      const auto paused = Clock::now();
      save();
      window_start += Clock::now() - paused;
    }
    if (stop) {
      progress.finish();
      log_info("stopped at step {} after saving; go on with: spinfill train --resume --out {}", step, run.string());
      result.stopped = true;
      break;
    }
  }
  result.step = step;
  return result;
}

}  // namespace spinfill

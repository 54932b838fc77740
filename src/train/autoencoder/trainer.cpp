// SPDX-License-Identifier: Apache-2.0
#include "train/autoencoder/trainer.h"

#include <cmath>
#include <memory>
#include <optional>

#include "core/error.h"
#include "core/files/files.h"
#include "core/files/place_note.h"
#include "core/log.h"
#include "core/progress.h"
#include "core/side_by_side.h"
#include "core/signals.h"
#include "core/stopwatch.h"
#include "core/tensors/freed_memory.h"
#include "data/open_data_set.h"
#include "metrics/picture_size.h"
#include "model/autoencoder/autoencoder.h"
#include "run/run_folder.h"
#include "run/run_kind.h"
#include "run/run_lock.h"
#include "run/run_log.h"
#include "run/run_paths.h"
#include "train/autoencoder/result.h"
#include "train/autoencoder/start.h"
#include "train/autoencoder/state.h"
#include "train/autoencoder/step.h"
#include "train/autoencoder/validation.h"
#include "train/checkpoints/checkpoint_writer.h"
#include "train/step/schedule.h"

namespace spinfill {
namespace {

Json finite(double value) {
  return std::isfinite(value) ? Json(value) : Json();
}

// One run, from its folder to the result.
class AutoencoderRun {
 public:
  AutoencoderRun(const AutoencoderRunConfig& config, fs::path folder, std::string version, at::Device device)
      : config_(config), folder_(std::move(folder)), version_(std::move(version)), device_(device) {}

  AutoencoderResult train(bool resume) {
    check_autoencoder_folder(folder_, config_, resume);
    std::unique_ptr<RunLock> lock;
    if (resume) lock = std::make_unique<RunLock>(folder_);

    // ---- What it goes on from, data, weights.
    std::optional<Checkpoint> checkpoint;
    if (resume) checkpoint = newest_autoencoder_checkpoint(folder_, config_.train.steps);
    const DataSet data = open_named_data_set("data.path", config_.data.path, "train", config_.data.links());
    const PictureCrops crops(data, config_.data, static_cast<std::uint64_t>(config_.seed));
    if (crops.pictures() == 0) fail("{}: split train holds no picture", config_.data.path);
    const std::optional<AutoencoderFile> file = beginning_weights(config_, checkpoint.has_value());
    inputs_.data = content_of(data);
    if (file) inputs_.autoencoder = file->content_hash();
    latents_of_ = whose_latents(file);
    const PerceptualDistance perceptual = autoencoder_perceptual(config_, device_, inputs_);
    compare_inputs(file.has_value());
    const AutoencoderValidation validation(config_, device_);
    AutoencoderState state(open_trained_autoencoder(config_, file, folder_, device_), config_);
    if (checkpoint) state.start_from(*checkpoint);
    const std::int64_t step = checkpoint ? checkpoint->step : 0;
    progress_ = checkpoint ? checkpoint->progress : TrainingProgress{};
    checkpoint.reset();
    end_if_stopped();

    // ---- The run's folder, opened only now, so that a wrong path leaves none behind.
    make_folder(folder_);
    if (!lock) lock = std::make_unique<RunLock>(folder_);
    open_folder();
    Json architecture = to_json(state.autoencoder().architecture());
    architecture[kLatentsOf] = latents_of_;
    write_json_atomic(run_architecture_path(folder_), architecture);
    if (step > 0) log_info("resumed at step {}", step);
    tell(state, crops);
    RunLog log(folder_, step, to_yaml(config_));
    log_ = &log;
    TrainConfig of_writer;
    of_writer.keep_last = config_.train.keep_last;
    of_writer.keep_every = config_.train.keep_every;
    of_writer.max_failed_saves = config_.train.max_failed_saves;
    Ranks alone;
    CheckpointWriter writer(folder_, of_writer, alone);
    const AutoencoderResult result = steps(step, state, crops, validation, perceptual, writer, *lock);
    writer.finish();
    write_result(state, result.step);
    if (result.stopped)
      log_info("stopped at step {} after saving; go on with: spinfill train-autoencoder --resume --out {}", result.step,
               folder_.string());
    return result;
  }

  void open_folder() {
    const bool known = inputs_.data.vehicles > 0;
    open_run_folder(folder_, to_yaml(config_), known ? std::optional(inputs_) : std::nullopt);
  }

 private:
  Json whose_latents(const std::optional<AutoencoderFile>& file) const {
    if (config_.train.part == AutoencoderPart::all) return {};
    if (file) return file->latents_hash();
    return read_json(run_architecture_path(folder_), 1 << 20).value(kLatentsOf, Json());  // resumed
  }

  // Weights that are gone are those that were noted.
  void compare_inputs(bool has_file) {
    const std::optional<RunInputs> noted = is_run(folder_) ? read_run_inputs(folder_) : std::nullopt;
    if (!noted) return;
    if (!has_file) inputs_.autoencoder = noted->autoencoder;
    require_same_inputs(*noted, inputs_, folder_);
  }

  void tell(const AutoencoderState& state, const PictureCrops& crops) const {
    std::int64_t all = 0, trained = 0;
    for (const auto& [name, tensor] : state.autoencoder().parameters()) all += tensor.numel();
    for (const auto& [name, tensor] : state.autoencoder().trained()) trained += tensor.numel();
    log_info("{} parameters, {} trained; {} training pictures; {} on {}", all, trained, crops.pictures(),
             folder_.string(), device_.str());
  }

  AutoencoderResult steps(std::int64_t step, AutoencoderState& state, const PictureCrops& crops,
                          const AutoencoderValidation& validation, const PerceptualDistance& perceptual,
                          CheckpointWriter& writer, const RunLock& lock) {
    const AutoencoderTrainConfig& train = config_.train;
    const auto save = [&] {
      StopSignals::will(fmt::format("ending when the checkpoint of step {} is written", step));
      writer.begin(state.share(step, progress_));
    };
    const auto validate = [&] {
      StopSignals::will("saving at once; --resume does this validation again");
      const auto scores = validation.score(state.averaged(), step, folder_);
      progress_.validation_owed = !scores;
      if (!scores) return false;
      log_->add(to_json(*scores));
      if (train.sample_pictures > 0) log_->add_samples(step);
      // Vehicles are what it is for: their errors choose.
      return step > 0 && progress_.best.update(scores->mean[1], step);
    };

    // ---- Validation before step 1, or where a signal cut one short.
    if (validation.exists() && progress_.validation_owed.value_or(step == 0)) {
      const bool improved = validate();
      if (*progress_.validation_owed && step == 0) throw Stopped();
      if (improved || *progress_.validation_owed) save();
      if (*progress_.validation_owed) return {step, true};
    }
    if (step == train.steps) log_info("all {} steps are made; a larger train.steps with --resume goes on", step);

    AutoencoderSteps maker(state, crops, config_, perceptual, step);
    Progress progress("train-autoencoder", train.steps, "steps", step);
    Stopwatch window;
    double seconds_per_step = 0, left_out = 0, waited = 0;
    std::int64_t skipped = 0, since = step;
    while (step < train.steps) {
      // ---- Forward, backward, update; the averaged weights follow.
      const Stopwatch watch;
      StopSignals::will(fmt::format("saving after step {}", step + 1), seconds_per_step);
      const double rate = learning_rate_at(config_.optimizer, step, train.steps);
      const AutoencoderStatistics made = maker.make(step);
      ++step;
      look_at(made, step, skipped, maker);
      if (made.finite) state.average(ema_decay_at(train.ema_decay, step));

      // ---- Log.
      const bool last = step == train.steps;
      if (step % train.log_every == 0 || last || !made.finite) {
        const double seconds = window.seconds() - left_out;
        Json row = row_of(made, step, rate);
        row["pictures_per_second"] = static_cast<double>((step - since) * train.batch_pictures) / seconds;
        row["waiting_share"] = (maker.waited_seconds() - waited) / seconds;
        row["peak_bytes"] = peak_bytes(device_);
        log_->add(row);
        window.restart();
        left_out = 0;
        since = step;
        waited = maker.waited_seconds();
      }
      progress.update(step, fmt::format("loss {:.4f}", made.terms.loss));

      // ---- Validate, save, stop.
      seconds_per_step = watch.seconds();
      const Stopwatch between;
      lock.require_held();
      writer.look();
      bool improved = false;
      if (validation.exists() && (last || step % train.validate_every == 0)) improved = validate();
      const bool stop = (StopSignals::requested() && !last) || progress_.validation_owed.value_or(false);
      if (step % train.checkpoint_every == 0 || improved || last || stop) save();
      left_out += between.seconds();
      if (stop) {
        progress.finish();
        return {step, true};
      }
    }
    return {step};
  }

  // A step that is not finite changes nothing; too many in a row, which `in_row` counts, end the run.
  void look_at(const AutoencoderStatistics& made, std::int64_t step, std::int64_t& in_row,
               const AutoencoderSteps& maker) const {
    if (made.finite) {
      in_row = 0;
      return;
    }
    log_warning("step {}: loss {} with gradient norm {} was skipped; pictures: {}", step, made.terms.loss,
                made.gradient_norm, maker.pictures_of(step - 1));
    if (++in_row >= config_.train.max_skipped_steps) {
      fail(
          "step {}: {} steps in a row were not finite; lower optimizer.learning_rate or look at the pictures named "
          "above; the last checkpoint stands",
          step, in_row);
    }
  }

  static Json row_of(const AutoencoderStatistics& made, std::int64_t step, double rate) {
    const AutoencoderTerms& terms = made.terms;
    Json row = {{"step", step}, {"loss", finite(terms.loss)}, {"l1", finite(terms.l1)}};
    const auto add = [&](const char* name, double value) {
      if (!std::isnan(value)) row[name] = finite(value);
    };
    add("lpips", terms.lpips);
    add("kl", terms.kl);
    add("adversarial", terms.adversarial);
    add("discriminator", terms.discriminator);
    add("adaptive_weight", terms.adaptive);
    row["learning_rate"] = rate;
    row["gradient_norm"] = finite(made.gradient_norm);
    row["skipped"] = !made.finite;
    return row;
  }

  void write_result(const AutoencoderState& state, std::int64_t last) const {
    AutoencoderFile file = state.averaged();
    std::int64_t step = last;
    if (config_.train.result == AutoencoderChoice::best && progress_.best.step >= 0 && progress_.best.step != last) {
      step = progress_.best.step;
      const Checkpoint best = read_checkpoint(checkpoint_folder(folder_, step));
      for (auto& [name, tensor] : file.tensors) {
        const auto averaged = best.ema.find(name);
        tensor = averaged != best.ema.end() ? averaged->second : best.weights.at(name);
      }
    }
    Json settings = to_json(config_);
    for (const char* of_machine : {"path", "follow_links", "cache_mib"}) settings["data"].erase(of_machine);
    settings["model"].erase("autoencoder_from");
    settings.erase("evaluation");
    write_trained_autoencoder(
        folder_, file,
        {{"by", "spinfill " + version_},
         {"step", step},
         {"weights", "averaged"},
         {"autoencoder_from_sha256", inputs_.autoencoder.empty() ? Json() : Json(inputs_.autoencoder)},
         {"data", {{"vehicles", inputs_.data.vehicles}, {"ids_sha256", inputs_.data.ids_sha256}}},
         {kLatentsOf, latents_of_},
         {"lpips_sha256", inputs_.lpips.empty() ? Json() : Json(inputs_.lpips)},
         {"settings", settings}});
    log_info("{} and {}: the autoencoder of step {}", run_autoencoder_path(folder_).string(),
             (folder_ / "diffusers").string(), step);
  }

  AutoencoderRunConfig config_;
  fs::path folder_;
  std::string version_;
  at::Device device_;
  RunInputs inputs_;
  TrainingProgress progress_;
  RunLog* log_ = nullptr;
  Json latents_of_;  // content hash of the autoencoder whose latents these stay; null where they change
};

}  // namespace

AutoencoderResult train_autoencoder(const AutoencoderRunConfig& config, const fs::path& folder, bool resume,
                                    const std::string& version) {
  keep_freed_memory();
  AutoencoderRun run(config, folder, version, choose_device(config.train.device));
  try {
    return run.train(resume);
  } catch (const Stopped&) {
    // What is left of a run that was stopped before its first step, so that --resume starts it.
    if (!is_run(folder)) run.open_folder();
    log_info("stopped before the first step; nothing is lost; go on with: spinfill train-autoencoder --resume --out {}",
             folder.string());
    return {0, true};
  }
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "train/run_start.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/files/place_note.h"
#include "core/files/sha256.h"
#include "core/log.h"
#include "data/batches/model_pictures.h"
#include "data/batches/samples.h"
#include "data/identity/reference_identity.h"
#include "data/open_data_set.h"
#include "data/spins/set_cameras.h"
#include "metrics/lpips.h"
#include "model/denoiser/weights.h"
#include "run/run_paths.h"
#include "train/step/schedule.h"
#include "train/step/set_up.h"
#include "train/teacher_weights.h"

namespace spinfill {
namespace {

// Their samples take longer to make than those of other sets, so one line says why.
void tell_of_estimates(const DataSet& data, const DataConfig& config) {
  constexpr std::int64_t kLookedAt = 256;  // of shards, each description is read
  std::vector<std::int64_t> some;
  const std::int64_t count = std::min(kLookedAt, data.size());
  for (std::int64_t i = 0; i < count; ++i) some.push_back(i * data.size() / count);
  const std::int64_t found = count_target_cameras(data.chosen(some), config).anew;
  if (found == 0) return;
  log_info(
      "{}: {} of {} sets looked at state cameras that were estimated from all of their pictures: they are estimated "
      "anew from the references of each sample, about half a second each; data.loader.cache_folder keeps them",
      data.folder().string(), found, count);
}

}  // namespace

TrainingData open_training_data(const DataConfig& config) {
  const auto open = [&](const char* key, const std::string& path) {
    DataSet set = open_named_data_set(key, path, "train", config.links());
    require_samples(set, config);
    if (config.depth) require_depth(set, config);
    if (config.normals) require_normals(set);
    tell_of_estimates(set, config);
    tell_of_stated_identities(set, config.identity);
    return set;
  };
  TrainingData data;
  data.own = data.set = open("data.path", config.path);
  if (config.replay.path.empty()) return data;
  data.replays = true;
  data.replayed = open("data.replay.path", config.replay.path);
  if (fs::equivalent(config.path, config.replay.path))
    fail_usage("data.replay.path: {} is data.path itself: name the older data set, or leave it empty",
               config.replay.path);
  data.set = joined(data.own, data.replayed);
  return data;
}

std::optional<Checkpoint> checkpoint_to_resume(const fs::path& run, const TrainConfig& config) {
  std::optional<Checkpoint> checkpoint = newest_valid_checkpoint(run);
  if (!checkpoint && !list_checkpoints(run).empty())
    fail("{}: no checkpoint is whole; nothing to resume from", run.string());
  if (!checkpoint) log_warning("{}: no checkpoint was saved yet; starting at step 0", run.string());
  if (checkpoint && checkpoint->step > config.steps) {
    fail_usage("{}: train.steps is {}, but {} steps are made already; give no fewer", run.string(), config.steps,
               checkpoint->step);
  }
  return checkpoint;
}

RunInputs inputs_of(const RunConfig& config, const TrainingData& data, const Autoencoder& autoencoder,
                    const TensorMap* teacher, const IdentityModel* identity, bool has_checkpoint) {
  const ContentRead read{config.data.depth, config.data.normals};
  RunInputs inputs{content_of(data.own, read), {}, {}, {}};
  if (data.replays) inputs.replay = content_of(data.replayed, read);
  const fs::path& init = config.train.init_from;
  if (!init.empty() && fs::exists(init)) {
    inputs.init_from = sha256_file(init);
  } else if (!init.empty() && !has_checkpoint) {
    fail("train.init_from: {}: there is no such file{}", init.string(), place_note(init));
  } else if (!init.empty()) {
    log_info("train.init_from: {} is gone; the checkpoint stands for it", init.string());
  }
  if (config.loss.lpips > 0 || config.loss.close_up_lpips > 0) {
    const LpipsChoice lpips = choose_lpips(config.evaluation.lpips, at::kCPU);
    if (lpips.lpips) inputs.lpips = lpips.lpips->sha256();  // else the loss refuses it
  }
  if (autoencoder.file() != nullptr) inputs.autoencoder = autoencoder.file()->content_hash();
  if (teacher != nullptr) inputs.teacher = content_hash(*teacher);
  if (identity != nullptr) inputs.identity = identity->sha256();
  return inputs;
}

std::shared_ptr<Autoencoder> open_autoencoder(const ModelConfig& config, const fs::path& run, bool resume) {
  ModelConfig found = config;
  const fs::path kept = run_autoencoder_path(run);
  if (resume && !config.in_pixels() && !fs::exists(config.autoencoder_from) && fs::exists(kept)) {
    log_info("model.autoencoder_from: {} is gone; {} stands for it", config.autoencoder_from, kept.string());
    found.autoencoder_from = kept.string();
  }
  return make_autoencoder(found);
}

void keep_latents(Autoencoder& autoencoder, const RunConfig& config) {
  auto* trained = dynamic_cast<LatentAutoencoder*>(&autoencoder);
  if (trained == nullptr || config.data.loader.cache_folder.empty()) return;
  if (config.data.augment.draws_colours() || config.train.cuda_graphs) {
    log_info("latents are computed in each step and not kept: {}",
             config.train.cuda_graphs ? "a recorded step reads no files (train.cuda_graphs)"
                                      : "data.augment draws new colours and backgrounds for each sample");
    return;
  }
  trained->keep_latents(open_store(config.data));
}

void keep_autoencoder(const fs::path& run, const Autoencoder& autoencoder) {
  const fs::path path = run_autoencoder_path(run);
  if (autoencoder.file() != nullptr && !fs::exists(path)) save_autoencoder(path, *autoencoder.file());
}

std::shared_ptr<const IdentityModel> open_identity(const RunConfig& config, const fs::path& run, bool resume) {
  IdentityConfig found = config.data.identity;
  if (found.model.empty()) return nullptr;
  const fs::path kept = run_identity_path(run);
  if (resume && !fs::exists(found.model) && fs::exists(kept)) {
    log_info("data.identity.model: {} is gone; {} stands for it", found.model, kept.string());
    found.model = kept.string();
  }
  auto network = IdentityModel::load(found, "data.identity");
  if (const std::string wrong = unfit_for(config.model.identity_dim, *network); !wrong.empty())
    fail_usage("{}: set model.identity_dim to {}", wrong, network->dimensions());
  return network;
}

void keep_identity(const fs::path& run, const IdentityModel& identity) {
  const fs::path path = run_identity_path(run);
  if (!fs::exists(path)) write_file_atomic(path, identity.bytes());
}

Denoiser open_denoiser(const RunConfig& config, at::Device device, bool reads_initial,
                       const std::shared_ptr<Autoencoder>& autoencoder, const TensorMap* teacher) {
  const auto seed = static_cast<std::uint64_t>(config.seed);
  Denoiser denoiser(config.model, seed, device, autoencoder);
  if (reads_initial && !config.train.init_from.empty()) {
    load_weights(config.train.init_from, denoiser);
  } else if (reads_initial && teacher != nullptr) {
    load_state(denoiser, *teacher, config.distill.teacher);
  }
  choose_trained(denoiser, config.train, seed);
  set_up_for_training(denoiser, config.train);
  return denoiser;
}

void tell_schedule(const RunConfig& before, const RunConfig& now, std::int64_t step) {
  if (before.train.steps == now.train.steps || step == 0 || step == now.train.steps) return;
  const auto share = [](const RunConfig& c) { return c.train.regression_share * static_cast<double>(c.train.steps); };
  const bool mixed = !now.distils() && now.loss.mode != LossMode::regression && now.train.regression_share < 1;
  log_info(
      "train.steps goes from {} to {}, which stretches the schedule: the learning rate goes from {:.3g} (step {}) to "
      "{:.3g} (step {}){}",
      before.train.steps, now.train.steps, learning_rate_at(before.optimizer, step - 1, before.train.steps), step,
      learning_rate_at(now.optimizer, step, now.train.steps), step + 1,
      mixed ? fmt::format(", regression alone ends at step {:.0f} instead of {:.0f}", std::ceil(share(now)),
                          std::ceil(share(before)))
            : "");
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

#include "data/identity/identity_model.h"
#include "data/sets/data_set.h"
#include "model/denoiser/denoiser.h"
#include "run/run_config.h"
#include "run/run_inputs.h"
#include "train/checkpoints/checkpoint.h"

namespace spinfill {

// What a run begins or goes on with.

// Vehicles of the training split; `set` holds the run's own, then those of data.replay.
struct TrainingData {
  DataSet own, replayed, set;
  bool replays = false;
};
// Errors name the key (exit 2: empty; 3: no such folder) or the set that gives no samples.
TrainingData open_training_data(const DataConfig& config);

// The newest whole checkpoint, for the first rank to read for all; empty where none was saved yet, which a warning
// says. It is looked for before the initial weights, which a run that has one needs no more.
// Exit 3: there are some, but none is whole; exit 2: fewer train.steps than are made already.
std::optional<Checkpoint> checkpoint_to_resume(const std::filesystem::path& run, const TrainConfig& config);

// What the run reads, by content, for the first rank to compare. Initial weights that are gone are no matter where a
// checkpoint stands for them, else an error (exit 3). `teacher`: its weights, or null; `identity`: data.identity's
// network, or null.
RunInputs inputs_of(const RunConfig& config, const TrainingData& data, const Autoencoder& autoencoder,
                    const TensorMap* teacher, const IdentityModel* identity, bool has_checkpoint);

// The autoencoder: that of model.autoencoder_from, or where it is gone the one that a run to be resumed keeps.
std::shared_ptr<Autoencoder> open_autoencoder(const ModelConfig& config, const std::filesystem::path& run, bool resume);
// The latents of views are kept in data.loader.cache_folder where one is named and pictures come more than once.
void keep_latents(Autoencoder& autoencoder, const RunConfig& config);
// Keeps it in the run's folder, where it is not yet: for the first rank.
void keep_autoencoder(const std::filesystem::path& run, const Autoencoder& autoencoder);

// The network of data.identity, null where none is named: that of data.identity.model, or where it is gone the one that
// a run to be resumed keeps. Exit 2 where its vectors are not as long as model.identity_dim says.
std::shared_ptr<const IdentityModel> open_identity(const RunConfig& config, const std::filesystem::path& run,
                                                   bool resume);
// Keeps its file in the run's folder, where it is not yet: for the first rank.
void keep_identity(const std::filesystem::path& run, const IdentityModel& identity);

// The model; with its initial weights (train.init_from, else the teacher's) where it begins with them and this rank
// reads them for all.
Denoiser open_denoiser(const RunConfig& config, at::Device device, bool reads_initial,
                       const std::shared_ptr<Autoencoder>& autoencoder, const TensorMap* teacher);

// More steps on resuming stretch the schedule: a line says what that does to the next step.
void tell_schedule(const RunConfig& before, const RunConfig& now, std::int64_t step);

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "infer/load_run.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "core/error.h"
#include "core/files/files.h"
#include "core/files/sha256.h"
#include "core/log.h"
#include "core/text.h"
#include "run/checkpoint_files.h"
#include "run/run_inputs.h"
#include "run/run_kind.h"
#include "run/run_paths.h"

namespace spinfill {
namespace {

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

std::vector<std::int64_t> steps_of(const fs::path& run) {
  std::vector<std::int64_t> steps;
  for (const CheckpointEntry& entry : list_checkpoints(run)) steps.push_back(entry.step);
  if (steps.empty()) fail("{}: holds no checkpoint yet; wait for the first or train longer", run.string());
  return steps;
}

CheckpointState read_state(const fs::path& run, std::int64_t step) {
  return read_checkpoint_state(checkpoint_folder(run, step));
}

CheckpointState choose_checkpoint(const fs::path& run, const std::string& choice) {
  const auto steps = steps_of(run);
  if (choice == "latest") return read_state(run, steps.back());
  if (choice == "best") {
    const std::int64_t step = read_state(run, steps.back()).progress.best.step;
    if (step < 0) {
      log_info("{}: was not validated, so no step is best: its newest, {}, is taken", run.string(), steps.back());
      return read_state(run, steps.back());
    }
    if (!std::binary_search(steps.begin(), steps.end(), step)) {
      fail("{}: validation was best at step {}, which has no checkpoint; choose --checkpoint latest or one of {}",
           run.string(), step, fmt::join(steps, ", "));
    }
    return read_state(run, step);
  }
  const auto step = whole_number(choice);
  if (!step) fail_usage("step '{}' is not best, latest or a number", choice);
  if (!std::binary_search(steps.begin(), steps.end(), *step)) {
    fail_usage("{}: has no checkpoint of step {}; there are {}", run.string(), *step, fmt::join(steps, ", "));
  }
  return read_state(run, *step);
}

// The folder's own name, never its path: provenance travels to other machines.
std::string folder_name(const fs::path& folder) {
  fs::path path = folder.lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  if (path.filename() == "." || path.filename() == "..") path = fs::weakly_canonical(path);
  const std::string name = path.filename().string();
  if (!is_utf8(name)) fail("{}: its name is not UTF-8, so reports cannot hold it: rename the folder", name);
  return name;
}

// A latent model's autoencoder, which the run keeps.
std::string kept_autoencoder(const fs::path& run, const ModelConfig& model) {
  if (model.in_pixels()) return {};
  const fs::path path = run_autoencoder_path(run);
  if (!fs::exists(path))
    fail("{}: is missing; training wrote it beside config.yaml, and the model's latents mean nothing without it",
         path.string());
  return path.string();
}

// The network that computes identity vectors, which the run keeps.
std::string kept_identity(const fs::path& run, const DataConfig& data) {
  if (data.identity.model.empty()) return {};
  const fs::path path = run_identity_path(run);
  if (!fs::exists(path))
    fail("{}: is missing; training wrote it beside config.yaml, and the model's identity vectors come from it",
         path.string());
  if (const auto inputs = read_run_inputs(run); inputs && inputs->identity != sha256_file(path))
    fail("{}: is not the network that this run was trained with; put it back", path.string());
  return path.string();
}

}  // namespace

LoadedModel load_run(const fs::path& run, const RunChoice& choice, at::Device device) {
  if (!is_run(run)) {
    fail_usage("{}: is not a run (no config.yaml); name the folder that train --out wrote", run.string());
  }
  require_kind(run, RunKind::model);
  RunConfig config = load_config<RunConfig>(run_config_path(run));
  const CheckpointState checkpoint = choose_checkpoint(run, choice.step);
  const std::string part = choice.weights == RunWeights::ema ? "ema" : "weights";
  config.model.autoencoder_from = kept_autoencoder(run, config.model);
  config.data.identity.model = kept_identity(run, config.data);
  auto identity = load_identity(config);
  std::string hash;
  const TensorMap state = read_checkpoint_part(checkpoint, part, &hash);
  Denoiser denoiser =
      build_denoiser(config.model, state, fmt::format("{}: {}", checkpoint.folder.string(), part), device);
  Json provenance = {{"source", "run"},
                     {"name", folder_name(run)},
                     {"run", folder_name(run)},
                     {"step", checkpoint.step},
                     {"weights", name_of(choice.weights)},
                     {"weights_sha256", hash},
                     {"data_set", config.data.path.empty() ? "" : folder_name(config.data.path)},
                     {"seed", config.seed},
                     {"parameters", denoiser.parameter_count()}};
  if (const AutoencoderFile* file = denoiser.autoencoder().file()) {
    const std::string own = file->content_hash();
    if (const auto inputs = read_run_inputs(run);
        inputs && inputs->autoencoder != own && inputs->autoencoder != file->latents_hash())
      fail("{}: is not the autoencoder that this run was trained with, nor its decoder trained further; put it back",
           file->where);
    provenance["autoencoder_sha256"] = own;
  }
  if (identity) provenance["identity_sha256"] = identity->sha256();
  if (config.train.lora.rank > 0) provenance["merged_adapters_of_rank"] = config.train.lora.rank;
  if (config.distils()) provenance["distilled_to_steps"] = config.sampler.steps;
  if (const double weight = config.loss.lpips + config.loss.close_up_lpips; weight > 0)
    provenance["lpips_in_loss"] = weight;
  if (const BestValidation& best = checkpoint.progress.best; best.step == checkpoint.step) {
    provenance[config.distils() ? "validation_teacher_psnr" : "validation_psnr"] = best.psnr;
    if (!best.conditions.empty()) provenance["validation_conditions"] = best.conditions;
  }
  return {std::move(denoiser), std::move(config), std::move(provenance), std::move(identity)};
}

}  // namespace spinfill

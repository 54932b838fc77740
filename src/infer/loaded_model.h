// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <c10/core/Device.h>

#include <memory>
#include <string>

#include "core/files/json.h"
#include "core/tensors/safetensors.h"
#include "data/identity/identity_model.h"
#include "model/denoiser/denoiser.h"
#include "run/run_config.h"

namespace spinfill {

// A model that is ready to run, wherever it came from: the same struct serves evaluate, export and complete.
struct LoadedModel {
  Denoiser denoiser;
  RunConfig config;  // of the run; from a bundle: data (without its path), model and sampler, else the defaults
  // What it is, for reports: "source" ("run" or "bundle"), "name" (folder), "run", "step", "weights" ("ema" or "raw"),
  // "weights_sha256" (of the run's file), "data_set", "seed", "parameters"; of a bundle also "dtype", and "precision"
  // unless the network computes in float32; "identity_sha256" with the network below.
  Json provenance;
  std::shared_ptr<const IdentityModel> identity = {};  // computes identity vectors (data.identity); null: none does
};

// The network that data.identity names, which must give the model's vectors; null where it names none. Exit 3.
std::shared_ptr<const IdentityModel> load_identity(const RunConfig& config);

// From now on the network computes in this type, with weights in it; its inputs, the noise and the autoencoder stay
// float32. Provenance says so where it is not float32.
void compute_in(LoadedModel& model, Precision precision);

// "demo, step 1200, ema weights"
std::string describe(const LoadedModel& model);

// Builds the model and loads the weights, which are checked against the configuration before anything of the model's
// size is allocated.
Denoiser build_denoiser(const ModelConfig& config, const TensorMap& state, const std::string& where, at::Device device);

}  // namespace spinfill

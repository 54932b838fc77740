// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/config/config.h"
#include "core/files/json.h"
#include "data/config.h"
#include "infer/parity.h"
#include "model/config.h"
#include "model/sampling/sampler.h"

namespace spinfill {

// manifest.json of an exported model's folder, and the files it lists (docs/bundle.md).
inline constexpr int kBundleVersion = 1;
inline constexpr const char* kBundleModel = "model.safetensors";
inline constexpr const char* kBundleAutoencoder =
    "autoencoder.safetensors";                                   // of latent models (model/autoencoder/files.h)
inline constexpr const char* kBundleIdentity = "identity.onnx";  // of models that data.identity gives their vectors
inline constexpr const char* kBundleInputs = "parity/inputs.safetensors";
inline constexpr const char* kBundleOutputs = "parity/outputs.safetensors";

enum class BundleDtype { fp32, bf16, fp16 };  // of the stored weights
template <>
inline constexpr Named<BundleDtype> kNamesOf<BundleDtype>[] = {
    {BundleDtype::fp32, "fp32"}, {BundleDtype::bf16, "bf16"}, {BundleDtype::fp16, "fp16"}};

// The part of a run's configuration that goes with its model. model.autoencoder_from is empty: the bundle has the file.
// data.identity.model is kBundleIdentity, where there is such a network.
struct BundleConfig {
  DataConfig data;
  ModelConfig model;
  SamplerConfig sampler;
  void bind(Fields& f);
};

// A parity case with the pictures that it must give.
struct StoredParity {
  ParityCase parity;
  at::Tensor pictures;  // [T,3,H,W]
};

// The manifest, its own hash and those of the files checked. Each corruption is one error (exit 3) that names the file
// and what is wrong.
Json read_manifest(const std::filesystem::path& folder);

// A manifest with these fields; adds the format, the files with their hashes and its own hash. Returns it.
Json write_manifest(const std::filesystem::path& folder, BundleDtype dtype, const BundleConfig& config,
                    const Json& provenance, const Json& parity);

// Parts of a manifest from read_manifest. `targets`: the pictures of each case.
BundleConfig config_of(const Json& manifest, const std::filesystem::path& folder);
std::vector<StoredParity> parity_of(const Json& manifest, const std::filesystem::path& folder, std::int64_t targets,
                                    const DataConfig& data, const ModelConfig& model);

// A field of a JSON object; one that is missing or of another kind is an error (exit 3): export it again.
std::string text_field(const Json& json, const char* name, const std::string& where);
const Json& object_field(const Json& json, const char* name, const std::string& where);

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "infer/bundle.h"

#include <ATen/ATen.h>

#include "core/error.h"
#include "core/files/files.h"
#include "core/tensors/safetensors.h"
#include "infer/bundle_manifest.h"
#include "model/denoiser/weights.h"

namespace spinfill {

LoadedModel load_bundle(const fs::path& folder, at::Device device) {
  const Json manifest = read_manifest(folder);
  const std::string where = (folder / "manifest.json").string();
  const BundleConfig config = config_of(manifest, folder);
  const std::string dtype = text_field(manifest, "dtype", where);
  if (!value_named<BundleDtype>(dtype)) fail("{}: dtype '{}' is not fp32, bf16 or fp16", where, dtype);
  const fs::path path = folder / kBundleModel;
  const Safetensors file = read_safetensors(path);
  for (const auto& [name, tensor] : file.tensors) {
    if (tensor.scalar_type() != parse_dtype(dtype)) {
      fail("{}: tensor '{}' is {}, the manifest says {}", path.string(), name, at::toString(tensor.scalar_type()),
           dtype);
    }
  }
  LoadedModel model{build_denoiser(config.model, file.tensors, path.string(), device), {}, {}, {}};
  model.config.data = config.data;
  model.config.model = config.model;
  model.config.sampler = config.sampler;
  model.identity = load_identity(model.config);
  model.provenance = object_field(object_field(manifest, "provenance", where), "training", where);
  for (const char* name : {"name", "weights", "weights_sha256"})
    text_field(model.provenance, name, where + " provenance.training");
  if (!model.provenance.contains("step")) fail("{}: field 'provenance.training.step' is missing", where);
  model.provenance["source"] = "bundle";
  model.provenance["dtype"] = dtype;
  model.provenance["model_sha256"] = manifest["files"][kBundleModel]["sha256"];
  return model;
}

std::vector<ParityReport> verify_bundle(const fs::path& folder, at::Device device) {
  const LoadedModel model = load_bundle(folder, device);
  const Json manifest = read_manifest(folder);
  const std::string inputs = (folder / kBundleInputs).string();
  const Batch batch = parity_batch(read_safetensors(inputs).tensors, model, inputs);
  const std::int64_t targets = batch.is_target.sum().item<std::int64_t>();
  std::vector<ParityReport> reports;
  for (const StoredParity& stored : parity_of(manifest, folder, targets, model.config.data, model.config.model)) {
    const at::Tensor pictures = run_parity_case(model.denoiser, batch, stored.parity);
    const Agreement agreement = compare_pictures(pictures, stored.pictures);
    const Agreement delivered =
        delivered_agreement(model.denoiser, batch, model.config.data.priors, stored.parity, pictures);
    reports.push_back({stored.parity.name, agreement, kMachineToleranceDb, delivered});
    if (!(agreement.agreement_db >= kMachineToleranceDb)) {
      fail_check(
          "{}: this machine's pictures ({}) agree with the exported ones to {:.1f} dB only, less than {} dB; do not "
          "use the bundle here",
          folder.string(), stored.parity.name, agreement.agreement_db, kMachineToleranceDb);
    }
    if (!(delivered.max_abs <= kDeliveredTolerance)) {
      fail_check(
          "{}: what complete delivers on this machine ({}) is not what is scored: off by {:.1f} of 255 levels; do not "
          "use the bundle here",
          folder.string(), stored.parity.name, 255 * delivered.max_abs);
    }
  }
  return reports;
}

}  // namespace spinfill

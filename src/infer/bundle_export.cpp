// SPDX-License-Identifier: Apache-2.0
#include "infer/bundle_export.h"

#include <ATen/ATen.h>

#include <cmath>

#include "core/error.h"
#include "core/files/atomic_folder.h"
#include "core/files/files.h"
#include "core/files/sha256.h"
#include "core/tensors/safetensors.h"
#include "infer/bundle.h"
#include "model/denoiser/weights.h"

namespace spinfill {
namespace {

// How far rounding the weights may move the fixture's pictures, as PSNR between the two. Measured with the small model
// after 20 steps of training: 105 dB (fp16) and 87 dB (bf16). The bounds leave room for models that do more.
double dtype_tolerance_db(BundleDtype dtype) {
  switch (dtype) {
    case BundleDtype::fp16: return 55;
    case BundleDtype::bf16: return 38;
    case BundleDtype::fp32: break;
  }
  return 100;  // equal up to 10⁻⁵
}

// JSON has no infinity: results that are equal are said to agree to 999 dB.
double finite_db(double db) {
  return std::isfinite(db) ? db : std::copysign(999.0, db);
}

double psnr_db(const at::Tensor& pictures, const at::Tensor& truth) {
  return finite_db(compare_pictures(pictures, truth).agreement_db);
}

// What metrics.json says about these very weights.
Json evaluation_provenance(const fs::path& path, const Json& provenance) {
  const Json report = read_json(path);
  const std::string where = path.string();
  const Json& model = object_field(report, "model", where);
  const std::string scored = text_field(model, "weights_sha256", where + " model");
  if (Json(scored) != provenance.at("weights_sha256")) {
    fail_check(
        "{}: scored other weights (step {}) than those to be exported (step {}); evaluate these and export again",
        where, model.value("step", Json("?")).dump(), provenance.at("step").dump());
  }
  Json out = {{"metrics_sha256", sha256_file(path)}};
  for (const char* name : {"protocol", "overall", "by_missing"}) {
    if (report.contains(name)) out[name] = report[name];
  }
  return out;
}

Json provenance_of(const LoadedModel& source, const ExportOptions& options) {
  Json provenance = {{"training", source.provenance}};
  if (!options.metrics.empty()) provenance["evaluation"] = evaluation_provenance(options.metrics, source.provenance);
  provenance["exported_by"] = "spinfill " + options.version;
  return provenance;
}

// What goes into the bundle: no path of the training machine.
BundleConfig travelling_config(const LoadedModel& source) {
  BundleConfig config{source.config.data, source.config.model, source.config.sampler};
  config.data.path.clear();
  config.data.follow_links = false;
  config.data.replay.path.clear();
  config.data.loader.cache_folder.clear();
  config.model.autoencoder_from.clear();
  config.data.identity.model = source.identity ? kBundleIdentity : "";
  return config;
}

// The outputs that the bundle must give are those of the source's weights, rounded to the stored type. Writes them and
// returns the manifest's section on them.
Json write_outputs(const fs::path& folder, const LoadedModel& source, const Denoiser& rounded, const Batch& batch,
                   BundleDtype dtype) {
  const at::Tensor truth = parity_truth(batch);
  TensorMap outputs;
  Json cases = Json::array();
  for (const ParityCase& parity : parity_cases()) {
    const at::Tensor original = run_parity_case(source.denoiser, batch, parity);
    outputs[parity.name] = run_parity_case(rounded, batch, parity);
    const Agreement agreement = compare_pictures(original, outputs[parity.name]);
    if (!(agreement.agreement_db >= dtype_tolerance_db(dtype))) {
      fail_check(
          "export: rounding the weights to {} moves the parity pictures ({}) to {:.1f} dB of the source's, less than "
          "{} dB; choose a finer --dtype",
          name_of(dtype), parity.name, agreement.agreement_db, dtype_tolerance_db(dtype));
    }
    cases.push_back({{"name", parity.name},
                     {"seed", parity.seed},
                     {"sampler", to_json(parity.sampler)},
                     {"from_source",
                      {{"agreement_db", finite_db(agreement.agreement_db)},
                       {"max_abs", agreement.max_abs},
                       {"psnr_source", psnr_db(original, truth)},
                       {"psnr_bundle", psnr_db(outputs[parity.name], truth)}}}});
  }
  write_safetensors(folder / kBundleOutputs, outputs);
  return {{"tolerance_db", kMachineToleranceDb}, {"cases", cases}};
}

// Checks what a user will load: the files themselves, by the loader that everyone uses. On this machine the pictures
// must be equal but for rounding.
void check_reloaded(const fs::path& folder, const Batch& batch, const BundleConfig& config, at::Device device) {
  const DataConfig& data = config.data;
  const LoadedModel reloaded = load_bundle(folder, device);
  const std::int64_t targets = batch.is_target.sum().item<std::int64_t>();
  for (const StoredParity& stored : parity_of(read_manifest(folder), folder, targets, data, config.model)) {
    const at::Tensor pictures = run_parity_case(reloaded.denoiser, batch, stored.parity);
    const Agreement agreement = compare_pictures(pictures, stored.pictures);
    if (!(agreement.max_abs <= 1e-5)) {
      fail_check(
          "export: the written bundle does not give the source's pictures ({}: off by {:.2g}); nothing was exported",
          stored.parity.name, agreement.max_abs);
    }
    const Agreement delivered = delivered_agreement(reloaded.denoiser, batch, data.priors, stored.parity, pictures);
    if (!(delivered.max_abs <= kDeliveredTolerance)) {
      fail_check(
          "export: what complete would deliver is not what is scored ({}: off by {:.1f} of 255 levels); nothing was "
          "exported",
          stored.parity.name, 255 * delivered.max_abs);
    }
  }
}

}  // namespace

OutputFolder bundle_folder(const fs::path& out, const ExportOptions& options) {
  return {out, "export", options.replace, {options.run, options.metrics}};
}

ExportResult export_bundle(const LoadedModel& source, const fs::path& out, const ExportOptions& options) {
  const Json provenance = provenance_of(source, options);
  const BundleConfig config = travelling_config(source);
  const at::Device device = source.denoiser.device();

  AtomicFolder folder(bundle_folder(out, options));
  make_folder(folder.path() / "parity");
  const TensorMap rounded = cast_state(source.denoiser.state(), parse_dtype(name_of(options.dtype)));
  write_safetensors(folder.path() / kBundleModel, rounded, {{"format", "pt"}});
  // As it was read: rounding it would cost what it can show.
  if (const AutoencoderFile* file = source.denoiser.autoencoder().file())
    save_autoencoder(folder.path() / kBundleAutoencoder, *file);
  if (source.identity) write_file_atomic(folder.path() / kBundleIdentity, source.identity->bytes());
  write_safetensors(folder.path() / kBundleInputs, make_parity_inputs(source));

  const Batch batch = parity_batch(read_safetensors(folder.path() / kBundleInputs).tensors, source, kBundleInputs);
  const Denoiser expected = build_denoiser(source.config.model, rounded, kBundleModel, device);
  const Json parity = write_outputs(folder.path(), source, expected, batch, options.dtype);
  ExportResult result;
  result.manifest = write_manifest(folder.path(), options.dtype, config, provenance, parity);
  check_reloaded(folder.path(), batch, config, device);
  for (const auto& [name, file] : result.manifest["files"].items()) result.bytes += file["bytes"].get<std::uint64_t>();
  result.bytes += fs::file_size(folder.path() / "manifest.json");
  folder.commit();
  return result;
}

}  // namespace spinfill

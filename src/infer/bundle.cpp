// SPDX-License-Identifier: Apache-2.0
#include "infer/bundle.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/files/atomic_folder.h"
#include "core/files/sha256.h"
#include "core/log.h"
#include "core/signals.h"
#include "model/denoiser/weights.h"

namespace spinfill {
namespace {

constexpr const char* kFormat = "spinfill-bundle";
constexpr const char* kModel = "model.safetensors";
constexpr const char* kInputs = "parity/inputs.safetensors";
constexpr const char* kOutputs = "parity/outputs.safetensors";
constexpr const char* kFiles[] = {kModel, kInputs, kOutputs};

// Two machines, or a CPU and a GPU, differ by rounding alone: rms 10⁻³ of the range of colours.
constexpr double kMachineToleranceDb = 60;

// How far rounding the weights may move the fixture's pictures, as PSNR between the two. Measured with the small model
// after 20 steps of training: 105 dB (fp16) and 87 dB (bf16). The bounds leave room for models that do more.
double dtype_tolerance_db(const std::string& dtype) {
  if (dtype == "fp16") return 55;
  if (dtype == "bf16") return 38;
  return 100;  // fp32: equal up to 10⁻⁵
}

struct BundleConfig {
  DataConfig data;
  ModelConfig model;
  SamplerConfig sampler;
  void bind(Fields& f) {
    f.group("data", data, "Pictures, turntable, priors");
    f.group("model", model, "The denoiser");
    f.group("sampler", sampler, "How views are generated unless asked otherwise");
  }
};

// JSON has no infinity: results that are equal are said to agree to 999 dB.
double finite_db(double db) {
  return std::isfinite(db) ? db : std::copysign(999.0, db);
}

std::string own_hash(Json manifest) {
  manifest.erase("sha256");
  return sha256_hex(manifest.dump());
}

void stop_if_asked() {
  if (StopSignals::requested()) fail("stopped by a signal; nothing was written");
}

std::string text_field(const Json& json, const char* name, const std::string& where) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_string())
    fail("{}: field '{}' is missing or no text; export it again", where, name);
  return found->get<std::string>();
}

const Json& object_field(const Json& json, const char* name, const std::string& where) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_object())
    fail("{}: field '{}' is missing or no object; export it again", where, name);
  return *found;
}

BundleConfig config_of(const Json& manifest, const fs::path& folder) {
  const std::string where = (folder / "manifest.json").string();
  try {
    return from_json<BundleConfig>(object_field(manifest, "config", where), where + " config");
  } catch (const Error& error) {
    throw Error(ExitCode::runtime, error.what());  // a damaged bundle, not the user's configuration
  }
}

struct StoredParity {
  ParityCase parity;
  at::Tensor pictures;  // [T,3,H,W]
};

std::vector<StoredParity> read_parity(const Json& manifest, const fs::path& folder, std::int64_t targets,
                                      const DataConfig& data) {
  const std::string where = (folder / "manifest.json").string();
  const Json& section = object_field(manifest, "parity", where);
  const auto cases = section.find("cases");
  if (cases == section.end() || !cases->is_array() || cases->empty())
    fail("{}: field 'parity.cases' lists no case", where);
  const TensorMap outputs = read_safetensors(folder / kOutputs).tensors;
  std::vector<StoredParity> stored;
  for (const Json& item : *cases) {
    if (!item.is_object()) fail("{}: field 'parity.cases' holds something else than objects", where);
    StoredParity one;
    one.parity.name = text_field(item, "name", where);
    const auto seed = item.find("seed");
    if (seed == item.end() || !seed->is_number_unsigned())
      fail("{}: parity case '{}' has no seed", where, one.parity.name);
    one.parity.seed = seed->get<std::uint64_t>();
    one.parity.sampler = from_json<SamplerConfig>(object_field(item, "sampler", where), where + " parity");
    const auto found = outputs.find(one.parity.name);
    const std::vector<std::int64_t> shape = {targets, 3, data.height, data.width};
    if (found == outputs.end() || found->second.scalar_type() != at::kFloat ||
        found->second.sizes() != at::IntArrayRef(shape)) {
      fail("{}: has no tensor '{}' of float32 [{}]", (folder / kOutputs).string(), one.parity.name,
           fmt::join(shape, ","));
    }
    one.pictures = found->second;
    stored.push_back(std::move(one));
  }
  return stored;
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

double psnr_db(const at::Tensor& pictures, const at::Tensor& truth) {
  return finite_db(compare_pictures(pictures, truth).agreement_db);
}

}  // namespace

ExportResult export_bundle(const LoadedModel& source, const fs::path& out, const ExportOptions& options) {
  const at::ScalarType dtype = parse_dtype(options.dtype);
  Json provenance = {{"training", source.provenance}};
  if (!options.metrics.empty()) provenance["evaluation"] = evaluation_provenance(options.metrics, source.provenance);
  provenance["exported_by"] = "spinfill " + options.version;
  BundleConfig config{source.config.data, source.config.model, source.config.sampler};
  config.data.path.clear();
  config.data.replay.path.clear();
  config.data.loader.cache_folder.clear();

  AtomicFolder folder(out, options.replace);
  make_folder(folder.path() / "parity");
  const TensorMap rounded = cast_state(source.denoiser.state(), dtype);
  write_safetensors(folder.path() / kModel, rounded, {{"format", "pt"}});
  write_safetensors(folder.path() / kInputs, make_parity_inputs(config.data, config.model));
  stop_if_asked();

  // The outputs that the bundle must give are those of the source's weights, rounded to the stored type.
  const Batch batch =
      parity_batch(read_safetensors(folder.path() / kInputs).tensors, config.data, config.model, kInputs);
  const at::Tensor truth = parity_truth(batch);
  const Denoiser expected = build_denoiser(config.model, rounded, kModel, source.denoiser.device());
  TensorMap outputs;
  Json cases = Json::array();
  for (const ParityCase& parity : parity_cases()) {
    const at::Tensor original = run_parity_case(source.denoiser, batch, parity);
    outputs[parity.name] = run_parity_case(expected, batch, parity);
    stop_if_asked();
    const Agreement agreement = compare_pictures(original, outputs[parity.name]);
    if (!(agreement.agreement_db >= dtype_tolerance_db(options.dtype))) {
      fail_check(
          "export: rounding the weights to {} moves the parity pictures ({}) to {:.1f} dB of the source's, less than "
          "{} dB; choose a finer --dtype",
          options.dtype, parity.name, agreement.agreement_db, dtype_tolerance_db(options.dtype));
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
  write_safetensors(folder.path() / kOutputs, outputs);

  Json manifest = {{"format", kFormat}, {"version", kBundleVersion}, {"dtype", options.dtype}};
  manifest["config"] = to_json(config);
  manifest["provenance"] = provenance;
  manifest["parity"] = {{"tolerance_db", kMachineToleranceDb}, {"cases", cases}};
  ExportResult result;
  for (const char* name : kFiles) {
    const std::uint64_t bytes = fs::file_size(folder.path() / name);
    manifest["files"][name] = {{"bytes", bytes}, {"sha256", sha256_file(folder.path() / name)}};
    result.bytes += bytes;
  }
  manifest["sha256"] = own_hash(manifest);
  write_json_atomic(folder.path() / "manifest.json", manifest);

  // What a user will load is what is checked: from the files, by the loader that everyone uses, here to the last bit
  // but for rounding.
  const LoadedModel reloaded = load_bundle(folder.path(), source.denoiser.device());
  for (const StoredParity& stored :
       read_parity(read_manifest(folder.path()), folder.path(), truth.size(0), config.data)) {
    stop_if_asked();
    const Agreement agreement =
        compare_pictures(run_parity_case(reloaded.denoiser, batch, stored.parity), stored.pictures);
    if (!(agreement.max_abs <= 1e-5)) {
      fail_check(
          "export: the written bundle does not give the source's pictures ({}: off by {:.2g}); nothing was exported",
          stored.parity.name, agreement.max_abs);
    }
  }
  result.bytes += fs::file_size(folder.path() / "manifest.json");
  stop_if_asked();
  folder.commit();
  result.manifest = std::move(manifest);
  return result;
}

Json read_manifest(const fs::path& folder) {
  const fs::path path = folder / "manifest.json";
  const std::string where = path.string();
  if (!fs::exists(path))
    fail_usage("{}: is not a bundle (no manifest.json); name the folder that export wrote", folder.string());
  Json manifest = read_json(path, 16 << 20);
  if (!manifest.is_object() || manifest.value("format", Json()) != Json(kFormat)) {
    fail("{}: is not a spinfill bundle's manifest", where);
  }
  if (manifest.value("version", Json()) != Json(kBundleVersion)) {
    fail("{}: bundle version {} is not known here, only {}; use the program that wrote it or export again", where,
         manifest.value("version", Json()).dump().substr(0, 20), kBundleVersion);
  }
  if (text_field(manifest, "sha256", where) != own_hash(manifest)) {
    fail("{}: does not match its own hash; it was changed or damaged, export again", where);
  }
  const Json& files = object_field(manifest, "files", where);
  if (files.size() != std::size(kFiles)) fail("{}: field 'files' must list {}", where, fmt::join(kFiles, ", "));
  for (const char* name : kFiles) {
    const Json& entry = object_field(files, name, where + " files");
    const fs::path file = path_inside(folder, name, where);
    std::error_code error;
    const auto bytes = fs::file_size(file, error);
    if (error) fail("{}: is missing or cannot be read: {}", file.string(), error.message());
    if (entry.value("bytes", Json()) != Json(bytes)) {
      fail("{}: has {} bytes, the manifest says {}; copy the bundle again", file.string(), bytes,
           entry.value("bytes", Json()).dump());
    }
    if (text_field(entry, "sha256", where + " files") != sha256_file(file)) {
      fail("{}: does not match its hash in the manifest; copy the bundle again", file.string());
    }
  }
  return manifest;
}

LoadedModel load_bundle(const fs::path& folder, at::Device device) {
  const Json manifest = read_manifest(folder);
  const std::string where = (folder / "manifest.json").string();
  const BundleConfig config = config_of(manifest, folder);
  const std::string dtype = text_field(manifest, "dtype", where);
  if (dtype != "fp32" && dtype != "bf16" && dtype != "fp16")
    fail("{}: dtype '{}' is not fp32, bf16 or fp16", where, dtype);
  const fs::path path = folder / kModel;
  const Safetensors file = read_safetensors(path);
  for (const auto& [name, tensor] : file.tensors) {
    if (tensor.scalar_type() != parse_dtype(dtype)) {
      fail("{}: tensor '{}' is {}, the manifest says {}", path.string(), name, at::toString(tensor.scalar_type()),
           dtype);
    }
  }
  LoadedModel model{build_denoiser(config.model, file.tensors, path.string(), device), {}, {}};
  model.config.data = config.data;
  model.config.model = config.model;
  model.config.sampler = config.sampler;
  model.provenance = object_field(object_field(manifest, "provenance", where), "training", where);
  for (const char* name : {"name", "weights", "weights_sha256"})
    text_field(model.provenance, name, where + " provenance.training");
  if (!model.provenance.contains("step")) fail("{}: field 'provenance.training.step' is missing", where);
  model.provenance["source"] = "bundle";
  model.provenance["dtype"] = dtype;
  model.provenance["model_sha256"] = manifest["files"][kModel]["sha256"];
  return model;
}

std::vector<ParityReport> verify_bundle(const fs::path& folder, at::Device device) {
  const LoadedModel model = load_bundle(folder, device);
  const Json manifest = read_manifest(folder);
  const std::string inputs = (folder / kInputs).string();
  const Batch batch = parity_batch(read_safetensors(inputs).tensors, model.config.data, model.config.model, inputs);
  const std::int64_t targets = batch.is_target.sum().item<std::int64_t>();
  std::vector<ParityReport> reports;
  for (const StoredParity& stored : read_parity(manifest, folder, targets, model.config.data)) {
    const Agreement agreement =
        compare_pictures(run_parity_case(model.denoiser, batch, stored.parity), stored.pictures);
    reports.push_back({stored.parity.name, agreement, kMachineToleranceDb});
    if (!(agreement.agreement_db >= kMachineToleranceDb)) {
      fail_check(
          "{}: this machine's pictures ({}) agree with the exported ones to {:.1f} dB only, less than {} dB; do not "
          "use the bundle here",
          folder.string(), stored.parity.name, agreement.agreement_db, kMachineToleranceDb);
    }
  }
  return reports;
}

}  // namespace spinfill

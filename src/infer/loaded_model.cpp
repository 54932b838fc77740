// SPDX-License-Identifier: Apache-2.0
#include "infer/loaded_model.h"

#include <fmt/format.h>

#include "model/denoiser/weights.h"

namespace spinfill {

Denoiser build_denoiser(const ModelConfig& config, const TensorMap& state, const std::string& where,
                        at::Device device) {
  Denoiser shapes(config, 0, at::kMeta);
  load_state(shapes, state, where);
  Denoiser denoiser(config, 0, at::kCPU);  // with its own autoencoder: that of the shapes has no memory
  load_state(denoiser, state, where);
  denoiser.to(device);
  return denoiser;
}

std::string describe(const LoadedModel& model) {
  const Json& p = model.provenance;
  std::string text = fmt::format("{}, step {}, {} weights", p.at("name").get<std::string>(), p.at("step").dump(),
                                 p.at("weights").get<std::string>());
  if (p.at("source") == "bundle") text += fmt::format(", bundle in {}", p.at("dtype").get<std::string>());
  if (p.contains("precision")) text += fmt::format(", computed in {}", p.at("precision").get<std::string>());
  return text;
}

void compute_in(LoadedModel& model, Precision precision) {
  if (precision == Precision::fp32) return;
  model.denoiser.to(dtype_of(precision));
  model.provenance["precision"] = name_of(precision);
}

}  // namespace spinfill

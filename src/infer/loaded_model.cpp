// SPDX-License-Identifier: Apache-2.0
#include "infer/loaded_model.h"

#include <fmt/format.h>

#include "core/error.h"
#include "data/identity/reference_identity.h"
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

std::shared_ptr<const IdentityModel> load_identity(const RunConfig& config) {
  if (config.data.identity.model.empty()) return nullptr;
  auto network = IdentityModel::load(config.data.identity, "data.identity");
  if (const std::string wrong = unfit_for(config.model.identity_dim, *network); !wrong.empty())
    fail("{}: it is not the network that this model was trained with", wrong);
  return network;
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

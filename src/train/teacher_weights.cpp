// SPDX-License-Identifier: Apache-2.0
#include "train/teacher_weights.h"

#include <ATen/ATen.h>

#include "core/error.h"
#include "core/files/content_store.h"
#include "core/files/place_note.h"
#include "core/log.h"
#include "model/sampling/guided_denoiser.h"
#include "run/run_paths.h"

namespace spinfill {
namespace {

// What D(x; σ) depends on, apart from the weights, and which conditions it may lack.
Json architecture_of(const ModelConfig& model) {
  Json json = to_json(model);
  for (const char* of_training : {"noise_mean", "noise_std", "noise_shift", "loss_weight_clip"})
    json.erase(of_training);
  json.erase("autoencoder_from");  // compared by content
  return json;
}

void require_same_model(const TeacherModel& teacher, const RunConfig& config, const Autoencoder& autoencoder,
                        const IdentityModel* identity) {
  const Json theirs = architecture_of(teacher.model), ours = architecture_of(config.model);
  for (const auto& [key, value] : theirs.items()) {
    if (ours.at(key) == value) continue;
    fail_usage("distill.teacher: {} has model.{} {}, this run {}: give the student its teacher's model section",
               config.distill.teacher, key, value.dump(), ours.at(key).dump());
  }
  if (teacher.autoencoder != (autoencoder.file() != nullptr ? autoencoder.file()->content_hash() : "")) {
    fail_usage("distill.teacher: {} has another autoencoder than model.autoencoder_from names: give the teacher's",
               config.distill.teacher);
  }
  if (teacher.identity != (identity != nullptr ? identity->fingerprint() : "")) {
    fail_usage("distill.teacher: {} has its identity vectors from {}: give this run the teacher's data.identity",
               config.distill.teacher,
               teacher.identity.empty() ? "no network" : "another network, or another input of it");
  }
}

}  // namespace

std::optional<TensorMap> open_teacher(const RunConfig& config, const fs::path& run, bool resume,
                                      const Autoencoder& autoencoder, const IdentityModel* identity,
                                      const ReadTeacher& read) {
  if (!config.distils()) return std::nullopt;
  const fs::path folder = config.distill.teacher, kept = run_teacher_path(run);
  if (fs::exists(folder)) {
    TeacherModel teacher = read(folder);
    require_same_model(teacher, config, autoencoder, identity);
    require_guidable(teacher.model, {config.distill.guidance, config.distill.guidance});
    return std::move(teacher.weights);
  }
  if (!resume) fail("distill.teacher: {}: there is no such folder{}", folder.string(), place_note(folder));
  if (!fs::exists(kept)) {
    fail("distill.teacher: {} is gone, and so is its copy {}: put one of them back", folder.string(), kept.string());
  }
  log_info("distill.teacher: {} is gone; {} stands for it", folder.string(), kept.string());
  return read_safetensors(kept).tensors;
}

void keep_teacher(const fs::path& run, const TensorMap& weights) {
  const fs::path path = run_teacher_path(run);
  if (!fs::exists(path)) write_safetensors(path, weights);
}

std::string content_hash(const TensorMap& weights) {
  ContentKey key("teacher 1");
  for (const auto& [name, tensor] : weights) {
    const at::Tensor values = tensor.to(at::kCPU, at::kFloat).contiguous();
    key.add(name).add({static_cast<const char*>(values.const_data_ptr()), values.nbytes()});
  }
  return key.hex();
}

}  // namespace spinfill

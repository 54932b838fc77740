// SPDX-License-Identifier: Apache-2.0
#include "run/training_progress.h"

#include <cmath>

namespace spinfill {

bool BestValidation::update(double at_psnr, std::int64_t at_step, const std::string& under) {
  if (at_step == 0 || !std::isfinite(at_psnr) || (step >= 0 && at_psnr <= psnr)) return false;
  step = at_step;
  psnr = at_psnr;
  conditions = under;
  return true;
}

Json to_json(const TrainingProgress& progress) {
  Json json = {{"best_step", progress.best.step}, {"best_psnr", progress.best.psnr}};
  if (!progress.best.conditions.empty()) json["best_conditions"] = progress.best.conditions;
  if (progress.validation_owed) json["validation_owed"] = *progress.validation_owed;
  if (const auto& stale = progress.early_stop)
    json["early_stop"] = {{"psnr", stale->psnr ? Json(*stale->psnr) : Json()}, {"stale", stale->count}};
  return json;
}

TrainingProgress progress_from_json(const Json& json) {
  TrainingProgress progress;
  progress.best.step = json.value("best_step", progress.best.step);
  progress.best.psnr = json.value("best_psnr", progress.best.psnr);
  progress.best.conditions = json.value("best_conditions", progress.best.conditions);
  if (json.contains("validation_owed")) progress.validation_owed = json["validation_owed"].get<bool>();
  if (json.contains("early_stop")) {
    const Json& stored = json["early_stop"];
    progress.early_stop = StaleValidations{{}, stored.at("stale").get<std::int64_t>()};
    if (!stored.at("psnr").is_null()) progress.early_stop->psnr = stored["psnr"].get<double>();
  }
  return progress;
}

}  // namespace spinfill

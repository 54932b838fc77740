// SPDX-License-Identifier: Apache-2.0
#include "train/plan/plan.h"

#include <ATen/core/Tensor.h>

#include <cmath>

#include "model/denoiser/denoiser.h"
#include "train/plan/step_rate.h"
#include "train/plan/switches.h"

namespace spinfill {
namespace {

double needed_by(const RunConfig& config, const PlanTarget& target) {
  const auto tensors = static_cast<double>(training_memory(config, target).total());
  return tensors + memory_reserve(config.data.loader, target, tensors);
}

std::int64_t whole(double bytes) {
  return static_cast<std::int64_t>(std::llround(bytes));
}

std::optional<bool> fits(double bytes, const PlanTarget& target) {
  if (target.memory == 0) return std::nullopt;
  return bytes <= static_cast<double>(target.memory);
}

// Of the switches that lower `needed`.
std::vector<MemorySaving> savings(const RunConfig& config, const PlanTarget& target, double needed) {
  std::vector<MemorySaving> list;
  for (const MemorySwitch& one : memory_switches(target)) {
    RunConfig changed = config;
    if (!one.turn_on(changed)) continue;
    const double then = needed_by(changed, target);
    if (then >= needed) continue;
    list.push_back({one.name, one.how(changed), whole(needed - then), whole(then), fits(then, target)});
  }
  return list;
}

// Switches in turn, each as often as it can be used, until the run fits.
std::optional<std::vector<std::string>> advice(const RunConfig& config, const PlanTarget& target, double needed) {
  RunConfig changed = config;
  std::vector<std::string> sets;
  for (const MemorySwitch& one : memory_switches(target)) {
    bool used = false;
    while (needed > static_cast<double>(target.memory)) {
      RunConfig next = changed;
      if (!one.turn_on(next)) break;
      const double smaller = needed_by(next, target);
      if (smaller >= needed) break;
      changed = next;
      needed = smaller;
      used = true;
    }
    if (used) sets.push_back(one.how(changed));
  }
  if (needed > static_cast<double>(target.memory)) return std::nullopt;
  return sets;
}

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json to_json(const MemoryUse& use) {
  return {{"weights", use.weights},       {"averaged", use.averaged},
          {"moments", use.moments},       {"gradients", use.gradients},
          {"perceptual", use.perceptual}, {"teacher", use.teacher},
          {"exchange", use.exchange},     {"pass", use.pass},
          {"loader", use.loader}};
}

}  // namespace

Plan plan_training(const RunConfig& config, const PlanTarget& target) {
  Plan plan;
  plan.target = target;
  plan.tensors = training_memory(config, target);
  const auto tensors = static_cast<double>(plan.tensors.total());
  const double reserve = memory_reserve(config.data.loader, target, tensors), needed = tensors + reserve;
  plan.reserve_bytes = whole(reserve);
  plan.needed_bytes = whole(needed);
  plan.fits = fits(needed, target);
  plan.parameters = Denoiser(config.model, 1, at::kMeta).parameter_count();
  plan.switches = savings(config, target, needed);
  if (plan.fits == false) plan.advice = advice(config, target, needed);
  plan.steps = config.train.steps;
  plan.work = training_work(config);
  const StepRate rate = step_rate(config, target, plan.fits.value_or(false), plan.work.flops_per_step);
  if (const double all = rate.flops_per_second * target.processes; all > 0) {
    plan.seconds_per_step = plan.work.flops_per_step / all;
    plan.seconds = plan.work.flops / all;
    plan.rate_from = rate.from;
  }
  return plan;
}

Json to_json(const Plan& plan) {
  Json switches = Json::array();
  for (const MemorySaving& one : plan.switches) {
    switches.push_back({{"name", one.name},
                        {"set", one.set},
                        {"saves_bytes", one.saves_bytes},
                        {"needed_bytes", one.needed_bytes},
                        {"fits", or_null(one.fits)}});
  }
  return {{"fits", or_null(plan.fits)},
          {"needed_bytes", plan.needed_bytes},
          {"memory_bytes", plan.target.memory == 0 ? Json() : Json(plan.target.memory)},
          {"tensors_bytes", plan.tensors.total()},
          {"reserve_bytes", plan.reserve_bytes},
          {"tensors", to_json(plan.tensors)},
          {"parameters", plan.parameters},
          {"switches", switches},
          {"advice", or_null(plan.advice)},
          {"steps", plan.steps},
          {"flops_per_step", plan.work.flops_per_step},
          {"flops", plan.work.flops},
          {"seconds_per_step", or_null(plan.seconds_per_step)},
          {"seconds", or_null(plan.seconds)},
          {"rate_from", plan.seconds ? Json(plan.rate_from) : Json()},
          {"processes", plan.target.processes},
          {"device", plan.target.gpu ? "gpu" : "cpu"}};
}

}  // namespace spinfill

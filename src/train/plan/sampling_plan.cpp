// SPDX-License-Identifier: Apache-2.0
#include "train/plan/sampling_plan.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

#include "core/tensors/counted_memory.h"
#include "model/cost/meta_kernels.h"
#include "model/sampling/generate.h"
#include "model/sampling/reference_normals.h"
#include "train/plan/memory.h"
#include "train/step/set_up.h"

namespace spinfill {

SamplingPlan plan_sampling(const RunConfig& config, const PlanTarget& target, std::int64_t missing,
                           Precision precision) {
  const at::NoGradGuard no_grad;
  use_meta_kernels();
  SamplingPlan plan;
  plan.target = target;
  plan.precision = precision;
  plan.views = {Batch::kViews - missing, missing};
  CountedMemory memory(at::kMeta);
  Denoiser denoiser = random_denoiser(config, at::kMeta);
  denoiser.to(dtype_of(precision));
  plan.parameters = denoiser.parameter_count();
  plan.weights_bytes = memory.held();
  const Batch batch = blank_batch({plan.views}, config.data.height, config.data.width, at::kMeta);
  plan.batch_bytes = memory.held() - plan.weights_bytes;
  memory.reset_peak();
  {
    const FlopCounter counter;
    generate(denoiser, batch, config.sampler, 1);
    plan.flops = counter.flops().total();
  }
  plan.pass_bytes = memory.peak() - plan.weights_bytes - plan.batch_bytes;
  plan.evaluations = evaluations(missing, config.sampler, config.model);
  if (lacks_reference_normals(batch, config.sampler, config.model))
    plan.evaluations += evaluations(1, config.sampler, config.model);
  const auto tensors = static_cast<double>(plan.tensors_bytes());
  LoaderConfig no_loader;
  no_loader.cache_mib = 0;
  plan.reserve_bytes = std::llround(memory_reserve(no_loader, target, tensors));
  if (target.memory > 0) plan.fits = static_cast<std::uint64_t>(plan.needed_bytes()) <= target.memory;
  if (target.flops_per_second > 0) plan.seconds = plan.flops / (target.flops_per_second * target.utilisation);
  return plan;
}

Json to_json(const SamplingPlan& plan) {
  return {{"fits", plan.fits ? Json(*plan.fits) : Json()},
          {"needed_bytes", plan.needed_bytes()},
          {"memory_bytes", plan.target.memory == 0 ? Json() : Json(plan.target.memory)},
          {"tensors_bytes", plan.tensors_bytes()},
          {"reserve_bytes", plan.reserve_bytes},
          {"tensors", {{"weights", plan.weights_bytes}, {"batch", plan.batch_bytes}, {"pass", plan.pass_bytes}}},
          {"parameters", plan.parameters},
          {"precision", name_of(plan.precision)},
          {"references", plan.views.references},
          {"targets", plan.views.targets},
          {"evaluations", plan.evaluations},
          {"flops", plan.flops},
          {"seconds", plan.seconds ? Json(*plan.seconds) : Json()},
          {"device", plan.target.gpu ? "gpu" : "cpu"}};
}

}  // namespace spinfill

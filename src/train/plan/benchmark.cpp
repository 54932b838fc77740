// SPDX-License-Identifier: Apache-2.0
#include "train/plan/benchmark.h"

#include <ATen/Parallel.h>

namespace spinfill {
namespace {

void add_subject(Json& json, const BenchmarkSubject& subject) {
  json["parameters"] = subject.parameters;
  json["device"] = subject.device;
  json["threads"] = subject.threads;
}

Json per_step(const OperatorTime& time, std::int64_t steps) {
  const auto count = static_cast<double>(steps);
  Json json;
  if (!time.name.empty()) json["operator"] = time.name;
  json["kind"] = time.kind;
  json["seconds_per_step"] = time.seconds / count;
  json["calls_per_step"] = static_cast<double>(time.calls) / count;
  if (time.flops > 0) json["flops_per_second"] = time.flops / time.seconds;
  return json;
}

}  // namespace

BenchmarkSubject subject_of(const Denoiser& denoiser) {
  return {denoiser.parameter_count(), denoiser.device().str(), at::get_num_threads()};
}

Json to_json(const TrainingBenchmark& benchmark) {
  Json json = {{"seconds_per_step", benchmark.seconds_per_step},
               {"views_per_second", benchmark.views_per_second},
               {"flops_per_step", benchmark.flops_per_step},
               {"flops_per_second", benchmark.flops_per_second},
               {"peak_flops_per_second", benchmark.peak_flops_per_second},
               {"peak_of", benchmark.peak_of},
               {"peak_share", benchmark.peak_share}};
  if (benchmark.sheet_flops_per_second) {
    json["sheet_flops_per_second"] = *benchmark.sheet_flops_per_second;
    json["sheet_share"] = *benchmark.sheet_share;
  }
  json.update({{"peak_tensor_bytes", benchmark.peak_tensor_bytes},
               {"peak_bytes", benchmark.peak_bytes},
               {"waiting_share", benchmark.waiting_share},
               {"communication_share", benchmark.communication_share},
               {"loader_share", benchmark.loader_share},
               {"priors_share", benchmark.priors_share},
               {"batches_ready", benchmark.batches_ready},
               {"processes", benchmark.processes},
               {"steps", benchmark.steps}});
  add_subject(json, benchmark.subject);
  if (!benchmark.operators.empty()) {
    for (const OperatorTime& kind : by_kind(benchmark.operators))
      json["operator_kinds"].push_back(per_step(kind, benchmark.steps));
    for (const OperatorTime& time : benchmark.operators) json["operators"].push_back(per_step(time, benchmark.steps));
  }
  return json;
}

Json to_json(const SamplingBenchmark& benchmark) {
  Json json = {{"seconds_per_view", benchmark.seconds_per_view},
               {"seconds_per_step", benchmark.seconds_per_step},
               {"views_per_second", benchmark.views_per_second},
               {"peak_tensor_bytes", benchmark.peak_tensor_bytes},
               {"peak_bytes", benchmark.peak_bytes},
               {"joint_seconds_per_view", benchmark.joint_seconds_per_view},
               {"joint_over_cached", benchmark.joint_over_cached},
               {"priors_seconds", benchmark.priors_seconds},
               {"steps", benchmark.options.steps},
               {"missing", benchmark.options.missing},
               {"precision", name_of(benchmark.options.precision)}};
  add_subject(json, benchmark.subject);
  return json;
}

}  // namespace spinfill

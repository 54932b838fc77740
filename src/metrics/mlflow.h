// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "core/files/json.h"
#include "metrics/comparison.h"
#include "metrics/evaluation.h"

namespace spinfill {

// The body of MLflow's POST /api/2.0/mlflow/runs/log-batch without its run_id: {"tags": [{key, value}], "params":
// [{key, value}], "metrics": [{key, value, timestamp (ms), step}]}. A run's params may never change, so what does from
// night to night is in metrics and tags. The step is the checkpoint's, 0 where the model has none.
using MlflowTime = std::chrono::system_clock::time_point;

// The scores: psnr, psnr_low and psnr_high (its interval), psnr_minus_mirror-or-prior, by_category/bus/psnr …
Json mlflow_batch(const EvaluationReport& report, MlflowTime time);

// By it a file is known as one of these.
inline constexpr const char* kMlflowMark = "\"spinfill compare --mlflow\"";
// What became of them since the other report: compare/psnr, compare/psnr_low and compare/psnr_high (the difference and
// its interval), compare/regressions (how many); the verdicts are tags. `model` is the new report's.
Json mlflow_batch(const Comparison& comparison, const Json& model, MlflowTime time);

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "infer/load_run.h"

namespace spinfill {

// A bundle (it holds manifest.json) or a run (config.yaml); anything else is an error (exit 2). `choice` is for runs.
LoadedModel load_model(const std::filesystem::path& path, const RunChoice& choice = {}, at::Device device = at::kCPU);

}  // namespace spinfill

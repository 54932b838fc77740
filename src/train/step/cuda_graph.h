// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <c10/core/Device.h>

#include "run/run_config.h"
#include "train/step/recorded_pass.h"

namespace spinfill {

// Recordings as CUDA graphs, which share their memory: one is replayed at a time. Errors (exit 2): the device is no
// GPU, or the program was built without CUDA.
MakeRecording cuda_graphs(c10::Device device);
MakeRecording recording_of(const TrainConfig& train,
                           c10::Device device);  // these where train.cuda_graphs says so, else empty

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include "data/sets/view_set.h"

namespace spinfill {

// float32 [D] from identity_file_path, a safetensors file with the one tensor `identity`; undefined where there is
// none.
at::Tensor read_identity(const ViewSet& set);

}  // namespace spinfill

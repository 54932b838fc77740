// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/tensors/safetensors.h"

namespace torch::nn {
class Module;
}

namespace spinfill {

TensorMap parameters_by_name(const torch::nn::Module& network);

// Strict: copies `state` into the parameters of the same names (any dtype and device, cast). Missing, unexpected and
// mis-shaped keys and non-finite values are one error (exit 3), "WHERE: the weights do not fit WHAT: …; ADVICE", that
// names the first few keys and their count; nothing is changed then. Parameters without memory (kMeta) are only
// compared.
void copy_state(const TensorMap& parameters, const TensorMap& state, const std::string& where, const std::string& what,
                const std::string& advice);

}  // namespace spinfill

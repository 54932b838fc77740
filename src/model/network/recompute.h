// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

namespace spinfill {

// A part of a network as a function of tensors and of parameters that it holds itself.
using Segment = std::function<std::vector<at::Tensor>(const std::vector<at::Tensor>& inputs)>;

// Gradient checkpointing (Chen et al., "Training deep nets with sublinear memory cost", 2016): runs the segment and
// keeps its inputs alone; backward runs it again. Outputs and gradients are bit by bit those of segment(inputs), under
// the same autocast. The segment must draw no random numbers, must give the same number of tensors each time and is
// kept until backward: it owns all it refers to. `parameters` are those it holds; what does not require a gradient is
// left out. (They are inputs of the graph's node, so that none is left untrained where no input requires a gradient,
// and that a parameter of several segments is finished once.)
std::vector<at::Tensor> recomputed(Segment segment, const std::vector<at::Tensor>& inputs,
                                   const std::vector<at::Tensor>& parameters);

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "core/tensors/safetensors.h"

namespace spinfill {

// Whether a file's name ends as ONNX files do.
bool is_onnx_name(const std::string& path);

// The named weights (initializers) of an ONNX file, those of floating-point types, by their names in the graph; what
// the graph computes with them is not looked at. Copies. ONNX is Protocol Buffers: onnx.proto3 of
// https://github.com/onnx/onnx (ModelProto.graph = 7, GraphProto.initializer = 5, TensorProto.{dims 1, data_type 2,
// float_data 4, name 8, raw_data 9, double_data 10, data_location 14}) in the encoding of
// protobuf.dev/programming-guides/encoding. Errors (exit 3) name the file and the tensor: damaged, a size that does not
// fit its shape, weights in another file. `where` names the source.
TensorMap onnx_weights(std::string_view bytes, const std::string& where);

}  // namespace spinfill

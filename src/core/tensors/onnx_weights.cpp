// SPDX-License-Identifier: Apache-2.0
#include "core/tensors/onnx_weights.h"

#include <ATen/ATen.h>

#include <cstring>
#include <optional>

#include "core/error.h"

namespace spinfill {
namespace {

// One message of Protocol Buffers, field after field.
class Message {
 public:
  Message(std::string_view bytes, const std::string& where) : rest_(bytes), where_(where) {}

  // The next field; false at the end.
  bool next() {
    if (rest_.empty()) return false;
    const std::uint64_t key = varint();
    field = key >> 3;
    value = 0;
    bytes = {};
    switch (key & 7) {
      case 0: value = varint(); break;
      case 1: bytes = take(8); break;
      case 2: bytes = take(varint()); break;
      case 5: bytes = take(4); break;
      default: damaged();
    }
    length_delimited = (key & 7) == 2;
    return true;
  }
  std::string_view message() const {
    if (!length_delimited) damaged();
    return bytes;
  }

  std::uint64_t field = 0, value = 0;  // value: of integers
  std::string_view bytes;              // of everything else
  bool length_delimited = false;

  std::uint64_t varint() {
    std::uint64_t out = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      out |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return out;
    }
    damaged();
  }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view take(std::uint64_t count) {
    if (count > rest_.size()) damaged();
    const std::string_view out = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return out;
  }
  [[noreturn]] void damaged() const { fail("{}: not an ONNX file, or a damaged one", where_); }

  std::string_view rest_;
  const std::string& where_;
};

// TensorProto.DataType
std::optional<at::ScalarType> floating_type(std::uint64_t type) {
  switch (type) {
    case 1: return at::kFloat;
    case 10: return at::kHalf;
    case 11: return at::kDouble;
    case 16: return at::kBFloat16;
    default: return std::nullopt;
  }
}

void add_tensor(std::string_view bytes, const std::string& where, TensorMap& to) {
  std::vector<std::int64_t> shape;
  std::string name;
  std::string values;  // little-endian
  std::uint64_t type = 0;
  std::int64_t count = 1;
  const auto add_dimension = [&](std::uint64_t size) {
    if (size > (std::uint64_t{1} << 31) ||
        (size > 0 && count > (std::int64_t{1} << 31) / static_cast<std::int64_t>(size)))
      fail("{}: a tensor has too many values", where);
    shape.push_back(static_cast<std::int64_t>(size));
    count *= static_cast<std::int64_t>(size);
  };
  for (Message m(bytes, where); m.next();) {
    switch (m.field) {
      case 1:
        if (m.length_delimited) {
          for (Message packed(m.bytes, where); !packed.at_end();) add_dimension(packed.varint());
        } else {
          add_dimension(m.value);
        }
        break;
      case 2: type = m.value; break;
      case 4:
      case 10: values.append(m.bytes); break;
      case 8: name = m.message(); break;
      case 9: values = m.message(); break;
      case 14:
        if (m.value != 0) fail("{}: its weights lie in another file; save the ONNX with them inside", where);
        break;
      default: break;
    }
  }
  const auto scalar = floating_type(type);
  if (!scalar) return;
  if (static_cast<std::uint64_t>(count) * at::elementSize(*scalar) != values.size())
    fail("{}: {} has {} bytes, which do not fit its shape [{}]", where, name, values.size(), fmt::join(shape, ","));
  at::Tensor tensor = at::empty(shape, *scalar);
  if (!values.empty()) std::memcpy(tensor.mutable_data_ptr(), values.data(), values.size());
  if (!to.emplace(name, tensor).second) fail("{}: holds {} twice", where, name);
}

}  // namespace

bool is_onnx_name(const std::string& path) {
  return path.ends_with(".onnx");
}

TensorMap onnx_weights(std::string_view bytes, const std::string& where) {
  TensorMap out;
  bool graph_found = false;
  for (Message model(bytes, where); model.next();) {
    if (model.field != 7) continue;
    graph_found = true;
    for (Message graph(model.message(), where); graph.next();)
      if (graph.field == 5) add_tensor(graph.message(), where, out);
  }
  if (!graph_found) fail("{}: not an ONNX file, or a damaged one", where);
  return out;
}

}  // namespace spinfill

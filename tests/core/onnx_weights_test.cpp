// SPDX-License-Identifier: Apache-2.0
#include "core/tensors/onnx_weights.h"

#include <ATen/ATen.h>

#include "core/files/files.h"
#include "support/mutate.h"
#include "support/support.h"

namespace spinfill {
namespace {

std::string example() {
  return read_file(test::fixture("metrics/identity.onnx"));
}

// As tests/fixtures/metrics/make_identity.py made them.
TEST(OnnxWeights, AreThoseThatWereStored) {
  const TensorMap weights = onnx_weights(example(), "example");
  ASSERT_EQ(weights.size(), 4U);
  EXPECT_EQ(weights.at("conv").sizes(), (std::vector<std::int64_t>{5, 3, 3, 3}));
  EXPECT_EQ(weights.at("linear").sizes(), (std::vector<std::int64_t>{6, 60}));
  EXPECT_EQ(weights.at("linear_bias").scalar_type(), at::kFloat);
  std::uint32_t x = 12345 + 503;
  const at::Tensor linear = weights.at("linear").flatten();
  for (std::int64_t i = 0; i < linear.numel(); ++i) {
    x = 1664525 * x + 1013904223;
    EXPECT_EQ(linear[i].item<float>(), static_cast<float>((x >> 8) / 16777216.0 - 0.5));
  }
}

TEST(OnnxWeights, DamagedFilesAreErrors) {
  test::expect_error(ExitCode::runtime, {"f.onnx", "not an ONNX file"}, [] { onnx_weights("", "f.onnx"); });
  test::expect_error(ExitCode::runtime, {"f.onnx", "not an ONNX file"}, [] { onnx_weights("hello", "f.onnx"); });
  EXPECT_GT(test::mutate_and_try(example(), [](std::string_view bytes) { onnx_weights(bytes, "f.onnx"); }), 20);
  // A tensor of two values that holds one: TensorProto in GraphProto in ModelProto.
  const std::string tensor(
      "\x08\x02\x10\x01\x42\x01"
      "a"
      "\x4a\x04"
      "abcd",
      13);
  const std::string graph = std::string("\x2a\x0d", 2) + tensor, model = std::string("\x3a\x0f", 2) + graph;
  test::expect_error(ExitCode::runtime, {"f.onnx", "a has 4 bytes", "[2]"}, [&] { onnx_weights(model, "f.onnx"); });
}

}  // namespace
}  // namespace spinfill

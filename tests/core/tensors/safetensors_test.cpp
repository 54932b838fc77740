// SPDX-License-Identifier: Apache-2.0
#include "core/tensors/safetensors.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "core/error.h"
#include "core/files/files.h"
#include "support/mutate.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::expect_error;
using test::TemporaryFolder;

void expect_reference(const Safetensors& file) {
  const TensorMap& t = file.tensors;
  ASSERT_EQ(t.size(), 10u);
  EXPECT_EQ(file.metadata, (Metadata{{"format", "pt"}, {"note", "ä"}}));
  EXPECT_EQ(t.at("float64").scalar_type(), at::kDouble);
  EXPECT_EQ(t.at("float64").sizes(), (at::IntArrayRef{2, 2}));
  EXPECT_EQ(t.at("float64")[0][1].item<double>(), -2.25);
  EXPECT_EQ(t.at("float64")[1][0].item<double>(), 1e300);
  EXPECT_EQ(t.at("float64")[1][1].item<double>(), std::numeric_limits<double>::infinity());
  EXPECT_TRUE(at::equal(t.at("float32"), at::arange(6, at::kFloat).reshape({2, 3}) / 4));
  EXPECT_EQ(t.at("float16").scalar_type(), at::kHalf);
  EXPECT_EQ(t.at("float16")[1].item<float>(), -65504.0f);
  EXPECT_EQ(t.at("bfloat16").scalar_type(), at::kBFloat16);
  EXPECT_EQ(t.at("bfloat16")[1].item<float>(), -3.140625f);
  EXPECT_EQ(t.at("int64")[0].item<std::int64_t>(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(t.at("int64")[1].item<std::int64_t>(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(t.at("int32")[0].item<int>(), -7);
  EXPECT_EQ(t.at("uint8")[1].item<int>(), 255);
  EXPECT_TRUE(at::equal(t.at("bool"), at::tensor({1, 0, 1}).to(at::kBool)));
  EXPECT_EQ(t.at("scalar").dim(), 0);
  EXPECT_EQ(t.at("scalar").item<float>(), 42.0f);
  EXPECT_EQ(t.at("empty").sizes(), (at::IntArrayRef{0, 3}));
}

TEST(Safetensors, ReadsWhatPythonWrote) {
  const fs::path path = test::fixture("core/reference.safetensors");
  expect_reference(read_safetensors(path));
  expect_reference(parse_safetensors(read_file(path), "memory"));
}

TEST(Safetensors, WhatIsWrittenIsReadBack) {
  TemporaryFolder folder;
  const Safetensors original = read_safetensors(test::fixture("core/reference.safetensors"));
  write_safetensors(folder / "copy", original.tensors, original.metadata);
  expect_reference(read_safetensors(folder / "copy"));
  const std::string bytes = read_file(folder / "copy");
  std::uint64_t header = 0;
  std::memcpy(&header, bytes.data(), 8);
  EXPECT_EQ(header % 8, 0u);
}

TEST(Safetensors, StridedTensorsAreWrittenInOrder) {
  TemporaryFolder folder;
  const at::Tensor t = at::arange(6, at::kFloat).reshape({2, 3}).t();
  write_safetensors(folder / "f", {{"t", t}});
  EXPECT_TRUE(at::equal(read_safetensors(folder / "f").tensors.at("t"), t.contiguous()));
}

TEST(Safetensors, ChangingATensorNeverChangesTheFile) {
  TemporaryFolder folder;
  write_safetensors(folder / "f", {{"t", at::zeros({1000})}});
  const std::string before = read_file(folder / "f");
  at::Tensor kept;
  {
    Safetensors file = read_safetensors(folder / "f");
    kept = file.tensors.at("t");
  }
  kept.fill_(1);  // the mapping lives on with the tensor
  EXPECT_EQ(kept.sum().item<float>(), 1000);
  EXPECT_EQ(read_file(folder / "f"), before);
}

TEST(Safetensors, WriterRefusesWhatTheFormatLacks) {
  TemporaryFolder folder;
  expect_error(ExitCode::runtime, {"'c'", "type"}, [&] {
    write_safetensors(folder / "f", {{"c", at::zeros({1}, at::kComplexFloat)}});
  });
  expect_error(ExitCode::usage, {"__metadata__"}, [&] {
    write_safetensors(folder / "f", {{"__metadata__", at::zeros({1})}});
  });
  EXPECT_FALSE(fs::exists(folder / "f"));
}

std::string file_of(const std::string& header, std::size_t data_bytes) {
  const std::uint64_t size = header.size();
  std::string bytes(reinterpret_cast<const char*>(&size), 8);
  return bytes + header + std::string(data_bytes, '\0');
}

struct Violation {
  const char* what;
  std::string bytes;
  std::vector<std::string> message;
};

TEST(Safetensors, EveryHeaderViolationIsRefusedByName) {
  const auto one = [](const std::string& fields) { return R"({"t":{)" + fields + "}}"; };
  std::string huge(8, '\xff');
  const std::vector<Violation> violations = {
      {"empty file", "", {"too few"}},
      {"seven bytes", std::string(7, 'x'), {"too few"}},
      {"impossible header size", huge + "{}", {"cut off"}},
      {"header longer than the file", file_of("{}", 0).substr(0, 9), {"cut off"}},
      {"no object", file_of("[]", 0), {"begin with '{'"}},
      {"leading space", file_of(" {}", 0), {"begin with '{'"}},
      {"broken JSON", file_of("{\"t\":", 0), {"not valid JSON"}},
      {"duplicate key", file_of(R"({"t":1,"t":2})", 0), {"twice"}},
      {"entry is no object", file_of(R"({"t":1})", 0), {"'t'", "exactly"}},
      {"field missing", file_of(one(R"("dtype":"F32","shape":[1])"), 4), {"'t'", "exactly"}},
      {"field too many", file_of(one(R"("dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1)"), 4), {"exactly"}},
      {"unknown dtype", file_of(one(R"("dtype":"F33","shape":[1],"data_offsets":[0,4])"), 4), {"'t'", "F33"}},
      {"dtype is no text", file_of(one(R"("dtype":7,"shape":[1],"data_offsets":[0,4])"), 4), {"dtype"}},
      {"shape is no list", file_of(one(R"("dtype":"F32","shape":1,"data_offsets":[0,4])"), 4), {"'t'", "shape"}},
      {"negative size", file_of(one(R"("dtype":"F32","shape":[-1],"data_offsets":[0,4])"), 4), {"'t'", "shape"}},
      {"fractional size", file_of(one(R"("dtype":"F32","shape":[1.0],"data_offsets":[0,4])"), 4), {"shape"}},
      {"size overflow",
       file_of(one(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4])"), 4),
       {"'t'", "impossible shape"}},
      {"overflow behind a zero",
       file_of(one(R"("dtype":"F32","shape":[0,4294967296,4294967296],"data_offsets":[0,0])"), 0),
       {"'t'", "impossible shape"}},
      {"one offset", file_of(one(R"("dtype":"F32","shape":[1],"data_offsets":[0])"), 4), {"data_offsets"}},
      {"negative offset", file_of(one(R"("dtype":"F32","shape":[1],"data_offsets":[-4,0])"), 4), {"data_offsets"}},
      {"end before begin", file_of(one(R"("dtype":"F32","shape":[1],"data_offsets":[4,0])"), 4), {"data_offsets"}},
      {"wrong span", file_of(one(R"("dtype":"F32","shape":[2],"data_offsets":[0,4])"), 4), {"span 4 bytes", "need 8"}},
      {"hole at the start", file_of(one(R"("dtype":"F32","shape":[1],"data_offsets":[4,8])"), 8), {"'t'", "hole"}},
      {"overlap",
       file_of(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],)"
               R"("data_offsets":[4,8]}})",
               8),
       {"'b'", "overlap"}},
      {"data cut off", file_of(one(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])"), 3), {"cut off"}},
      {"data too long", file_of(one(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])"), 5), {"padded"}},
      {"metadata is no object", file_of(R"({"__metadata__":[]})", 0), {"__metadata__"}},
      {"metadata value is no text", file_of(R"({"__metadata__":{"a":1}})", 0), {"__metadata__"}},
  };
  TemporaryFolder folder;
  for (const Violation& violation : violations) {
    SCOPED_TRACE(violation.what);
    std::vector<std::string> message = violation.message;
    message.emplace_back("bad.safetensors");
    write_file_atomic(folder / "bad.safetensors", violation.bytes);
    expect_error(ExitCode::runtime, message, [&] { read_safetensors(folder / "bad.safetensors"); });
    expect_error(ExitCode::runtime, message, [&] { parse_safetensors(violation.bytes, "bad.safetensors"); });
  }
  EXPECT_NO_THROW(parse_safetensors(file_of(one(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])"), 4), "x"));
  expect_error(ExitCode::runtime, {"absent"}, [&] { read_safetensors(folder / "absent"); });
  expect_error(ExitCode::runtime, {"regular file"}, [&] { read_safetensors(folder.path()); });
}

TEST(Safetensors, HostileFilesAreRefusedOrRead) {
  const std::string valid = read_file(test::fixture("core/reference.safetensors"));
  const auto refused = test::mutate_and_try(valid, [](std::string_view bytes) {
    for (const auto& [name, tensor] : parse_safetensors(bytes, "memory").tensors) (void)tensor.numel();
  });
  EXPECT_GT(refused, test::fuzz_iterations() / 2);
}

}  // namespace
}  // namespace spinfill

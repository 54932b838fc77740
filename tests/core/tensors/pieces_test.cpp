// SPDX-License-Identifier: Apache-2.0
#include "core/tensors/pieces.h"
#include "core/files/sha256.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "support/mutate.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::expect_error;

class TensorPieces : public ::testing::Test {
 protected:
  // Elements begin … end − 1 of 0, 1, … 5 as a [2,3] matrix.
  static TensorPiece part(std::int64_t begin, std::int64_t end) {
    return {at::arange(begin, end, at::kFloat), begin, {2, 3}};
  }
  test::TemporaryFolder folder_;
};

TEST_F(TensorPieces, FilesTogetherAreTheWhole) {
  const TensorPiece count{at::full({1}, 7.0f), 0, {}}, empty{at::empty({0}), 0, {0, 4}};
  const std::string hash = write_pieces(folder_ / "a", {{"w", part(0, 4)}, {"count", count}, {"none", empty}});
  EXPECT_EQ(hash, sha256_file(folder_ / "a"));
  write_pieces(folder_ / "b", {{"w", part(4, 6)}, {"count", count}});
  for (const auto& order : {std::vector{folder_ / "a", folder_ / "b"}, std::vector{folder_ / "b", folder_ / "a"}}) {
    const TensorMap whole = read_pieces(order);
    ASSERT_EQ(whole.size(), 3u);
    EXPECT_TRUE(at::equal(whole.at("w"), at::arange(6, at::kFloat).view({2, 3})));
    EXPECT_EQ(whole.at("count").dim(), 0);
    EXPECT_EQ(whole.at("count").item<float>(), 7);
    EXPECT_EQ(whole.at("none").sizes(), (at::IntArrayRef{0, 4}));
  }
}

TEST_F(TensorPieces, WhatIsMissingOrElsewhereIsNamed) {
  write_pieces(folder_ / "a", {{"w", part(0, 2)}});
  write_pieces(folder_ / "c", {{"w", part(3, 6)}});
  expect_error(ExitCode::runtime, {"'w'", "element 2"}, [&] { read_pieces({folder_ / "a", folder_ / "c"}); });
  expect_error(ExitCode::runtime, {"'w'", "element 0"}, [&] { read_pieces({folder_ / "c"}); });
  write_pieces(folder_ / "b", {{"w", {at::zeros({4}), 2, {3, 2}}}});
  expect_error(ExitCode::runtime, {"'w'", "another shape"}, [&] { read_pieces({folder_ / "a", folder_ / "b"}); });
  for (const std::int64_t begin : {std::int64_t{-1}, std::int64_t{3}, std::numeric_limits<std::int64_t>::max()}) {
    write_pieces(folder_ / "d", {{"w", {at::zeros({4}), begin, {2, 3}}}});
    expect_error(ExitCode::runtime, {"'w'", "cannot be"}, [&] { read_pieces({folder_ / "d"}); });
  }
  const std::int64_t huge = std::int64_t{1} << 62;
  write_pieces(folder_ / "e", {{"w", {at::zeros({4}), 0, {huge, huge}}}});
  expect_error(ExitCode::runtime, {"'w'", "shape"}, [&] { read_pieces({folder_ / "e"}); });
  write_safetensors(folder_ / "f", {{"w", at::zeros({4})}});
  expect_error(ExitCode::runtime, {"pieces"}, [&] { read_pieces({folder_ / "f"}); });
  write_safetensors(folder_ / "g", {{"w", at::zeros({4})}}, {{"pieces", "{}"}});
  expect_error(ExitCode::runtime, {"'w'", "where it belongs"}, [&] { read_pieces({folder_ / "g"}); });
}

}  // namespace
}  // namespace spinfill

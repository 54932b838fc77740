// SPDX-License-Identifier: Apache-2.0
#include "metrics/set_distances.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <cmath>

#include "core/side_by_side.h"
#include "support/examples.h"

namespace spinfill {
namespace {

// As in tests/fixtures/metrics/make_sets.py.
std::vector<Embedding> embeddings(std::uint32_t which, std::int64_t n, std::int64_t d, double scale, double shift) {
  const at::Tensor values = sequence(which, {n, d}) * scale + shift;
  std::vector<Embedding> out;
  for (std::int64_t i = 0; i < n; ++i) {
    const double* row = values.const_data_ptr<double>() + i * d;
    out.emplace_back(row, row + d);
  }
  return out;
}

TEST(SetDistances, EqualTheReference) {
  const Json cases = read_json(test::fixture("metrics/sets.json"));
  ASSERT_EQ(cases.size(), 3U);
  for (const Json& expected : cases) {
    const auto n = expected["images"].get<std::int64_t>(), d = expected["dimensions"].get<std::int64_t>();
    const auto a = embeddings(expected["a"], n, d, 2, -1), b = embeddings(expected["b"], n, d, 1.5, -0.5);
    const SetDistances distances = set_distances(a, b);
    // With as few pictures as dimensions the reference's root of a singular product is known to half of the digits.
    EXPECT_NEAR(distances.fid, expected["fid"].get<double>(), n > d ? 1e-9 : 1e-5);
    EXPECT_NEAR(distances.kid, expected["kid"].get<double>(), 1e-10);
    EXPECT_EQ(distances.images, n);
    ASSERT_EQ(distances.kid_interval.has_value(), n > 2);
    for (std::size_t k = 0; distances.kid_interval && k < 2; ++k)
      EXPECT_NEAR((*distances.kid_interval)[k], expected["kid_interval"][k].get<double>(), 1e-9);
  }
}

// Views of one vehicle are alike whatever the model: only pairs of unlike vehicles count within a set.
TEST(SetDistances, OfGroupsEqualTheReference) {
  const Json expected = read_json(test::fixture("metrics/grouped_sets.json"));
  const auto n = expected["images"].get<std::int64_t>(), d = expected["dimensions"].get<std::int64_t>();
  const auto a = embeddings(expected["a"], n, d, 2, -1), b = embeddings(expected["b"], n, d, 1.5, -0.5);
  std::vector<std::string> groups;
  for (const Json& group : expected["groups"]) groups.push_back(fmt::format("car-{}", group.get<int>()));
  const SetDistances distances = set_distances(a, b, groups);
  EXPECT_NEAR(distances.kid, expected["kid"].get<double>(), 1e-10);
  for (std::size_t k = 0; k < 2; ++k)
    EXPECT_NEAR((*distances.kid_interval)[k], expected["kid_interval"][k].get<double>(), 1e-9);
  EXPECT_EQ(distances.fid, set_distances(a, b).fid);

  const SetDistances of_one = set_distances(a, b, std::vector<std::string>(14, "car"));
  EXPECT_TRUE(set_distances_to_json(of_one)["kid"].is_null());
  EXPECT_FALSE(of_one.kid_interval.has_value());
}

// Both ways to the root: by covariances, and by the pictures where these are fewer than the values.
TEST(SetDistances, FewPicturesGiveTheDistanceOfTheirCovariances) {
  const auto a = embeddings(770, 12, 11, 1, 0), b = embeddings(771, 12, 11, 2, 0.5);
  auto wide_a = a, wide_b = b;  // two values more that are always 0 change nothing
  for (auto* set : {&wide_a, &wide_b})
    for (Embedding& one : *set) one.insert(one.end(), {0, 0});
  EXPECT_NEAR(set_distances(a, b).fid, set_distances(wide_a, wide_b).fid, 1e-9);
}

TEST(SetDistances, OfLikeSetsAreNone) {
  const auto a = embeddings(730, 30, 5, 1, 0), b = embeddings(731, 30, 5, 1, 0);
  EXPECT_NEAR(set_distances(a, a).fid, 0, 1e-9);
  const SetDistances like = set_distances(a, b);
  EXPECT_LT((*like.kid_interval)[0], 0);
  EXPECT_GT((*like.kid_interval)[1], 0);
  EXPECT_GT((*set_distances(a, embeddings(732, 30, 5, 1, 1)).kid_interval)[0], 0);
  EXPECT_NE(set_distances_text(like).find("fewer than 2048"), std::string::npos);
}

TEST(SetDistances, NoBitDependsOnThreads) {
  const KeepTorchThreads keep;
  const auto a = embeddings(740, 64, 130, 1, 0), b = embeddings(741, 64, 130, 1, 0.1);
  at::set_num_threads(1);
  const Json first = set_distances_to_json(set_distances(a, b));
  at::set_num_threads(3);
  EXPECT_EQ(set_distances_to_json(set_distances(a, b)), first);
}

TEST(SetDistances, BadSetsAreNamed) {
  const auto a = embeddings(750, 3, 4, 1, 0), one = embeddings(751, 1, 4, 1, 0), longer = embeddings(752, 3, 5, 1, 0);
  test::expect_error(ExitCode::runtime, {"two or more", "1 and 1"}, [&] { set_distances(one, one); });
  test::expect_error(ExitCode::runtime, {"3 and 1"}, [&] { set_distances(a, one); });
  test::expect_error(ExitCode::runtime, {"5 and 4 values"}, [&] { set_distances(a, longer); });
}

}  // namespace
}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
// With one rank, whose slices are whole buckets; several ranks: cli/distributed_test.cpp.
#include "train/step/weight_shards.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "support/support.h"

namespace spinfill {
namespace {

std::vector<NamedParameter> parameters() {
  std::vector<NamedParameter> list;
  const std::vector<std::vector<std::int64_t>> shapes = {{3, 4}, {5}, {2, 3, 3, 3}, {1}, {7, 2}};
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    at::Tensor tensor = at::arange(at::ones(shapes[i]).numel(), at::kFloat).view(shapes[i]) / 10 - 1;
    if (tensor.dim() == 4) tensor = tensor.contiguous(at::MemoryFormat::ChannelsLast);
    list.push_back({fmt::format("p{}", i), tensor.requires_grad_(true)});
  }
  return list;
}

void give_gradients(const std::vector<NamedParameter>& list, double factor) {
  for (const NamedParameter& parameter : list) {
    const at::Tensor& tensor = parameter.tensor;
    tensor.mutable_grad() = (tensor.detach() * factor + 0.25).clone();
  }
}

TEST(WeightShards, StepsAreThoseOfTheWholeOptimiser) {
  const at::NoGradGuard no_grad;
  Ranks alone;
  const auto whole = parameters(), shared = parameters();
  WeightShards shards(alone, shared, 100);  // bytes: several buckets, one of a single larger parameter
  ASSERT_EQ(shards.pieces().size(), 5u);
  const OptimizerConfig config;
  AdamW optimizer(whole, config), of_pieces(shards.pieces(), config);
  for (int step = 1; step <= 3; ++step) {
    give_gradients(whole, step);
    give_gradients(shared, step);
    shards.take_gradients();
    for (const NamedParameter& parameter : shared) EXPECT_FALSE(parameter.tensor.grad().defined());
    EXPECT_NEAR(optimizer.gradient_norm().item<double>(), of_pieces.gradient_norm().item<double>(), 1e-5);
    optimizer.step(0.01);
    of_pieces.step(0.01);
    shards.publish();
    for (std::size_t i = 0; i < whole.size(); ++i)
      EXPECT_TRUE(at::allclose(whole[i].tensor, shared[i].tensor, 1e-6)) << i;
  }
  EXPECT_TRUE(shared[2].tensor.is_contiguous(at::MemoryFormat::ChannelsLast));
  // Moments by name and piece, as the whole optimiser names them.
  const TensorMap state = optimizer.state();
  for (const char* kind : AdamW::kKinds) {
    for (const auto& [name, piece] : shards.named(fmt::format("{}.", kind), of_pieces.state(kind))) {
      EXPECT_TRUE(at::allclose(piece.values.view(piece.shape), state.at(name), 1e-6)) << name;
    }
  }
  const TensorMap gathered = shards.gather(of_pieces.state("exp_avg"));
  EXPECT_TRUE(at::allclose(gathered.at("p2"), state.at("exp_avg.p2"), 1e-6));
  // And back into fresh pieces.
  AdamW fresh(shards.pieces(), config);
  for (const char* kind : AdamW::kKinds) shards.spread(state, fmt::format("{}.", kind), fresh.state(kind));
  for (const char* kind : AdamW::kKinds) {
    const auto expected = of_pieces.state(kind), got = fresh.state(kind);
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_TRUE(at::allclose(got[i], expected[i], 1e-6)) << kind << i;
  }
}

TEST(WeightShards, AStateThatDoesNotFitIsNamed) {
  const at::NoGradGuard no_grad;
  Ranks alone;
  WeightShards shards(alone, parameters());
  std::vector<at::Tensor> values;
  for (const NamedParameter& piece : shards.pieces()) values.push_back(piece.tensor.clone());
  TensorMap state;
  for (const NamedParameter& parameter : parameters()) state[parameter.name] = parameter.tensor.detach();
  shards.spread(state, "", values);
  state["p1"] = at::zeros({6});
  test::expect_error(ExitCode::runtime, {"'p1'", "another shape"}, [&] { shards.spread(state, "", values); });
  state.erase("p1");
  test::expect_error(ExitCode::runtime, {"'p1'", "missing"}, [&] { shards.spread(state, "", values); });
}

}  // namespace
}  // namespace spinfill

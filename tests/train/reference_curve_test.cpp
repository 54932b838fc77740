// SPDX-License-Identifier: Apache-2.0
// Ten training steps against the same ones in Python PyTorch: tests/fixtures/train/reference_curve.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include "core/files/files.h"
#include "core/tensors/safetensors.h"
#include "data/batches/loader.h"
#include "support/support.h"
#include "train/checkpoints/checkpoint.h"
#include "train/trainer.h"

namespace spinfill {
namespace {

fs::path stored(const std::string& name) {
  return test::fixture("train/reference_curve/" + name);
}

RunConfig reference_config() {
  auto config = load_config<RunConfig>(stored("config.yaml"));
  config.data.path = stored("vehicles").string();
  return config;
}

// The hull's maps of all views that are trained on, by sample and slot: [N,16,H,W]. Those behind them are of the
// flipped pictures, which the reference makes itself.
at::Tensor hull_maps(const RunConfig& config) {
  const DataSet data = open_data_set(config.data.path, "train");
  TrainingStream stream;
  stream.seed = static_cast<std::uint64_t>(config.seed);
  stream.batch_size = config.train.batch_sets;
  const MakeBatch make = training_batches(data, config.data, stream);
  std::vector<at::Tensor> maps;
  for (std::int64_t step = 0; step < config.train.steps; ++step) {
    const Batch batch = make(step);
    std::vector<at::Tensor> parts;
    for (std::size_t i = 0; i + 2 < PriorMaps::kParts.size(); ++i)
      parts.push_back(batch.priors.*PriorMaps::kParts[i].map);
    maps.push_back(at::cat(parts, 2).flatten(0, 1).index({(batch.is_reference | batch.is_target).flatten()}));
  }
  return at::cat(maps);
}

double max_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

TEST(ReferenceCurve, PriorsAreThoseItWasMadeFrom) {
  const at::Tensor expected = read_safetensors(stored("priors.safetensors")).tensors.at("maps");
  const at::Tensor maps = hull_maps(reference_config());
  ASSERT_EQ(maps.sizes(), expected.sizes());
  EXPECT_LT(max_difference(maps, expected), 1e-5) << "make the curve anew: make_curve.py says how";
}

TEST(ReferenceCurve, DISABLED_WritesPriors) {
  write_safetensors(stored("priors.safetensors"), {{"maps", hull_maps(reference_config())}});
}

// The whole trainer: pictures, priors, loss, accumulated gradients, clipping, schedule, AdamW, averaging.
TEST(ReferenceCurve, TrainingFollowsPyTorch) {
  const test::TemporaryFolder folder;
  const RunConfig config = reference_config();
  Ranks alone;
  ASSERT_EQ(train(config, folder / "run", false, alone).step, config.train.steps);
  const TensorMap expected = read_safetensors(stored("curve.safetensors")).tensors;

  constexpr std::array kColumns = {"loss", "mse", "gradient_norm", "learning_rate"};
  const at::Tensor curve = expected.at("curve");  // [steps, columns] float64
  std::istringstream lines(read_file(folder / "run" / "metrics.jsonl"));
  std::int64_t steps = 0;
  for (std::string line; std::getline(lines, line);) {
    const Json row = parse_json(line, "metrics.jsonl");
    if (row.contains("validation")) continue;
    for (std::size_t i = 0; i < kColumns.size(); ++i) {
      const double value = curve[steps][static_cast<std::int64_t>(i)].item<double>();
      EXPECT_NEAR(row.at(kColumns[i]).get<double>() / value, 1, 1e-5) << kColumns[i] << " of step " << steps + 1;
    }
    ++steps;
  }
  EXPECT_EQ(steps, curve.size(0));

  const Checkpoint last = newest_valid_checkpoint(folder / "run").value();
  ASSERT_EQ(1 + last.weights.size() + last.ema.size(), expected.size());
  double off = 0;
  for (const auto& [prefix, tensors] : {std::pair{"weights.", &last.weights}, std::pair{"ema.", &last.ema}}) {
    for (const auto& [name, tensor] : *tensors) {
      const double own = max_difference(tensor, expected.at(prefix + name));
      EXPECT_LT(own, 1e-5) << prefix << name;
      off = std::max(off, own);
    }
  }
  RecordProperty("largest_difference_of_weights", fmt::format("{:.2g}", off));
}

}  // namespace
}  // namespace spinfill

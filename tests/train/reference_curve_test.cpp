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
#include "core/files/json.h"
#include "core/tensors/safetensors.h"
#include "data/batches/loader.h"
#include "data/open_data_set.h"
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

// The hull's maps of all views that are trained on, by sample and slot: [N,16,H,W]. The maps after them are of the
// flipped pictures; the reference makes those itself.
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

// Leading channels, which are 0 off the hull; the colours after them are the background there.
constexpr std::int64_t kZeroOffHull = 8;
constexpr const char* kPriors = "priors.safetensors";

TEST(ReferenceCurve, PriorsAreThoseItWasMadeFrom) {
  const TensorMap priors = read_safetensors(stored(kPriors)).tensors;
  const at::Tensor maps = hull_maps(reference_config()), expected = maps.clone();
  ASSERT_EQ(maps.select(1, 0).sizes(), priors.at("on").sizes());
  expected.narrow(1, 0, kZeroOffHull).zero_();
  expected.permute({0, 2, 3, 1}).index_put_({priors.at("on")}, priors.at("values"));
  EXPECT_LT(max_difference(maps, expected), 1e-5) << "make the curve anew: make_curve.py says how";
}

TEST(ReferenceCurve, DISABLED_WritesPriors) {
  const at::Tensor maps = hull_maps(reference_config());
  const at::Tensor on = maps.narrow(1, 0, kZeroOffHull).ne(0).any(1);
  write_safetensors(stored(kPriors), {{"on", on}, {"values", maps.permute({0, 2, 3, 1}).index({on})}});
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
  double curve_off = 0, weights_off = 0;  // rounding: 32 bits here, 64 there
  for (std::string line; std::getline(lines, line);) {
    const Json row = parse_json(line, "metrics.jsonl");
    if (row.contains("validation")) continue;
    for (std::size_t i = 0; i < kColumns.size(); ++i) {
      const double value = curve[steps][static_cast<std::int64_t>(i)].item<double>();
      const double own = std::abs(row.at(kColumns[i]).get<double>() / value - 1);
      EXPECT_LT(own, 1e-5) << kColumns[i] << " of step " << steps + 1;
      curve_off = std::max(curve_off, own);
    }
    ++steps;
  }
  EXPECT_EQ(steps, curve.size(0));
  RecordProperty("largest_relative_difference", fmt::format("{:.2g}", curve_off));

  const Checkpoint last = newest_valid_checkpoint(folder / "run").value();
  ASSERT_EQ(1 + last.weights.size() + last.ema.size(), expected.size());
  for (const auto& [prefix, tensors] : {std::pair{"weights.", &last.weights}, std::pair{"ema.", &last.ema}}) {
    for (const auto& [name, tensor] : *tensors) {
      const double own = max_difference(tensor, expected.at(prefix + name));
      EXPECT_LT(own, 3e-6) << prefix << name;
      weights_off = std::max(weights_off, own);
    }
  }
  RecordProperty("largest_difference_of_weights", fmt::format("{:.2g}", weights_off));
}

}  // namespace
}  // namespace spinfill

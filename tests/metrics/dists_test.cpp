// SPDX-License-Identifier: Apache-2.0
#include "metrics/dists.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <cmath>

#include "core/files/sha256.h"
#include "core/side_by_side.h"
#include "metrics/report.h"
#include "support/examples.h"

namespace spinfill {
namespace {

const Json& dists_reference() {
  static const Json loaded = read_json(test::fixture("metrics/dists.json"));
  return loaded;
}
// Those of make_dists.py.
TensorMap example_dists_weights() {
  TensorMap tensors;
  std::uint32_t which = 2000;
  for (const auto& [key, shape] : dists_reference()["keys"].items()) {
    const auto sizes = shape.get<std::vector<std::int64_t>>();
    at::Tensor values = sequence(which++, sizes);
    if (key.ends_with(".bias")) values = 0.1 * (values - 0.5);
    if (key.ends_with(".weight"))
      values = (values - 0.5) * 2 * std::sqrt(9.0 / static_cast<double>(sizes[1] * sizes[2] * sizes[3]));
    tensors[key] = values.to(at::kFloat);
  }
  return tensors;
}

TEST(Dists, EqualsTheDistsPackage) {
  const Dists dists = Dists::from_tensors(example_dists_weights(), "example");
  ASSERT_EQ(dists_reference()["cases"].size(), 3U);
  for (const Json& expected : dists_reference()["cases"]) {
    const auto h = expected["height"].get<int>(), w = expected["width"].get<int>();
    const at::Tensor a = picture(expected["a"], h, w), b = picture(expected["b"], h, w);
    EXPECT_NEAR(dists.distance(a, b).item<double>(), expected["distance"].get<double>(), 1e-5);
    EXPECT_NEAR(dists.distance(a, at::full_like(a, 0.5)).item<double>(), expected["to_grey"].get<double>(), 1e-5);
    EXPECT_NEAR(dists.distance(a, a).item<double>(), 0, 1e-12);
  }
}

TEST(Dists, NoBitDependsOnThreadsOrCompany) {
  const Dists dists = Dists::from_tensors(example_dists_weights(), "example");
  const KeepTorchThreads keep;
  const at::Tensor truth = picture(1, 45, 61), pictures = at::cat({picture(2, 45, 61), picture(3, 45, 61)});
  at::set_num_threads(1);
  const at::Tensor first = dists.distance(pictures, truth);
  at::set_num_threads(3);
  EXPECT_TRUE(at::equal(dists.distance(pictures, truth), first));
  EXPECT_EQ(at::get_num_threads(), 3);
  EXPECT_EQ(dists.distance(pictures.narrow(0, 1, 1), truth).item<double>(), first[1].item<double>());
}

TEST(Dists, WrongWeightsAreNamed) {
  const TensorMap good = example_dists_weights();
  const auto load = [](const TensorMap& tensors) { Dists::from_tensors(tensors, "w.safetensors"); };
  TensorMap changed = good;
  changed["mean"] = at::zeros({1, 3, 1, 1});  // constants of the state dict
  changed["stage2.4.filter"] = at::zeros({64, 1, 3, 3});
  EXPECT_NO_THROW(load(changed));
  changed["extra"] = at::zeros({1});
  test::expect_error(ExitCode::runtime, {"w.safetensors", "DISTS has no extra"}, [&] { load(changed); });
  changed = good;
  changed.erase("beta");
  test::expect_error(ExitCode::runtime, {"w.safetensors", "DISTS lacks beta"}, [&] { load(changed); });
  changed = good;
  changed["alpha"] = at::zeros({1, 1474, 1, 1});
  test::expect_error(ExitCode::runtime, {"alpha", "[1,1474,1,1]", "[1,1475,1,1]"}, [&] { load(changed); });
  test::expect_error(ExitCode::runtime, {"/nowhere.safetensors", "no such file"},
                     [] { choose_dists({"/nowhere.safetensors"}, at::kCPU); });
  EXPECT_NE(choose_dists({}, at::kCPU).absent.find("evaluation.dists.weights"), std::string::npos);
  test::expect_error(ExitCode::runtime, {"[1,3,8,8]", "[1,3,8,9]"}, [&] {
    Dists::from_tensors(good, "x").distance(at::zeros({1, 3, 8, 8}), at::zeros({1, 3, 8, 9}));
  });
}

TEST(Dists, IsInTheReport) {
  const Batch batch = example_batch({3}, {{1}});
  const test::TemporaryFolder folder;
  const auto path = folder / "dists.safetensors";
  write_safetensors(path, example_dists_weights());
  EvaluateOptions options;
  options.nets.dists = choose_dists({path.string()}, at::kCPU).dists;
  const EvaluationReport report = evaluate(example_model(0.1), batches_of({batch}), {}, nullptr, options);
  const Json json = report_to_json(report);
  EXPECT_EQ(json["protocol"]["dists_weights_sha256"], sha256_file(path));
  const double own = json["images"][0]["dists"].get<double>(),
               nearest = json["images"][0]["baselines"]["nearest"]["dists"].get<double>();
  EXPECT_GT(own, 0);
  EXPECT_LT(own, nearest);
  EXPECT_EQ(report_to_json(report_from_json(json, "here")), json);
  EXPECT_NE(report_table(report).find("DISTS, weights"), std::string::npos);
  EXPECT_FALSE(higher_is_better(kDists));
}

}  // namespace
}  // namespace spinfill

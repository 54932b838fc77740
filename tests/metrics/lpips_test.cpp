// SPDX-License-Identifier: Apache-2.0
#include "metrics/lpips.h"
#include "core/files/json.h"
#include "core/files/sha256.h"
#include "metrics/report.h"

#include <ATen/ATen.h>

#include <cmath>
#include <cstdlib>
#include <opencv2/imgcodecs.hpp>

#include "core/files/files.h"
#include "support/examples.h"

namespace spinfill {
namespace {

class LpipsNets : public ::testing::TestWithParam<std::string> {};

TEST_P(LpipsNets, EqualTheLpipsPackage) {
  const Json expected = lpips_reference(GetParam());
  const Lpips lpips = Lpips::from_tensors(example_lpips_weights(GetParam()), "example");
  EXPECT_EQ(lpips.net(), GetParam());
  EXPECT_EQ(lpips.smallest_size(), expected["smallest"].get<int>());
  for (const Json& score : expected["scores"]) {
    const auto h = score["height"].get<int>(), w = score["width"].get<int>();
    const at::Tensor a = picture(score["a"], h, w), b = picture(score["b"], h, w);
    const at::Tensor layers = lpips.per_layer(a, b);
    ASSERT_EQ(layers.size(1), static_cast<std::int64_t>(score["layers"].size()));
    ASSERT_EQ(layers.size(1), lpips.layers());
    for (std::int64_t l = 0; l < layers.size(1); ++l) {
      const double value = score["layers"][l].get<double>();
      EXPECT_NEAR(layers[0][l].item<double>(), value, 1e-5 * value + 1e-7) << "layer " << l;
    }
    EXPECT_NEAR(lpips.distance(a, b).item<double>(), score["distance"].get<double>(), 1e-6);
    EXPECT_EQ(lpips.distance(a, a).item<double>(), 0);
  }
}

// As a part of a loss: the same number, and its slope is that of finite differences; flat pictures, whose features can
// be all zero, have a finite one too.
TEST_P(LpipsNets, DifferentiableDistanceHasTheRightSlope) {
  const Lpips lpips = Lpips::from_tensors(example_lpips_weights(GetParam()), "example");
  const std::int64_t h = 40, w = 48;
  const at::Tensor truth = picture(2, h, w).to(at::kFloat);
  at::Tensor a = picture(1, h, w).to(at::kFloat).requires_grad_(true);
  const at::Tensor distance = lpips.differentiable_distance(a, truth);
  EXPECT_NEAR(distance.item<double>(), lpips.distance(a.detach(), truth).item<double>(), 1e-6);
  distance.sum().backward();
  const at::Tensor along = a.grad() / a.grad().norm();
  const double step = 0.02;
  const double rise =
      (lpips.distance(a.detach() + step * along, truth) - lpips.distance(a.detach() - step * along, truth))
          .item<double>() /
      (2 * step);
  EXPECT_NEAR(rise, a.grad().norm().item<double>(), 0.1 * a.grad().norm().item<double>());
  at::Tensor flat = at::full({1, 3, h, w}, 0.5f).requires_grad_(true);
  lpips.differentiable_distance(flat, truth).sum().backward();
  EXPECT_TRUE(at::isfinite(flat.grad()).all().item<bool>());
}

TEST_P(LpipsNets, SmallPicturesAreRefusedByTheirSize) {
  const Lpips lpips = Lpips::from_tensors(example_lpips_weights(GetParam()), "example");
  const std::int64_t size = lpips.smallest_size();
  const at::Tensor a = at::zeros({1, 3, size, size}), small = at::zeros({1, 3, size, size - 1});
  EXPECT_TRUE(at::isfinite(lpips.distance(a, at::ones_like(a))).all().item<bool>());
  test::expect_error(ExitCode::runtime, {lpips.title(), fmt::format("{}×{}", size, size), "got"},
                     [&] { lpips.distance(small, small); });
}

INSTANTIATE_TEST_SUITE_P(Nets, LpipsNets, ::testing::Values("squeeze", "alex", "vgg", "st-alex", "st-vgg"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(Lpips, OneTruthServesManyPictures) {
  const Lpips lpips = Lpips::from_tensors(example_lpips_weights("squeeze"), "example");
  const at::Tensor truth = picture(1, 20, 24), a = picture(2, 20, 24), b = picture(3, 20, 24);
  const at::Tensor both = lpips.distance(at::cat({a, b}), truth);
  EXPECT_NEAR(both[0].item<double>(), lpips.distance(a, truth).item<double>(), 1e-7);
  EXPECT_NEAR(both[1].item<double>(), lpips.distance(b, truth).item<double>(), 1e-7);
}

// Kept features, those that were pushed out, and none kept: the same bits.
TEST_P(LpipsNets, KeptTruthsChangeNoBit) {
  const Lpips plain = Lpips::from_tensors(example_lpips_weights(GetParam()), "example");
  const Lpips keeping = plain.keeping_truths(std::uint64_t{64} << 20), short_of_room = plain.keeping_truths(1);
  ASSERT_EQ(plain.truths(), nullptr);
  for (int repeat = 0; repeat < 3; ++repeat) {
    for (const std::uint32_t which : {1U, 2U}) {
      const at::Tensor truth = picture(which, 33, 41), pictures = at::cat({picture(3, 33, 41), picture(4, 33, 41)});
      const at::Tensor expected = plain.per_layer(pictures, truth);
      EXPECT_TRUE(at::equal(keeping.per_layer(pictures, truth), expected));
      EXPECT_TRUE(at::equal(short_of_room.per_layer(pictures, truth), expected));
    }
  }
  EXPECT_EQ(keeping.truths()->made(), 2);
  EXPECT_EQ(short_of_room.truths()->made(), 6);
  // Truths of their own for each picture are not kept.
  const at::Tensor both = at::cat({picture(1, 33, 41), picture(2, 33, 41)});
  EXPECT_TRUE(at::equal(keeping.distance(both.flip({0}), both), plain.distance(both.flip({0}), both)));
  EXPECT_EQ(keeping.truths()->made(), 2);
}

// A picture and the same one px to the side.
TEST(StLpips, ForgivesAShift) {
  const at::Tensor wide = picture(1, 64, 72), left = wide.narrow(3, 0, 64), right = wide.narrow(3, 1, 64);
  const at::Tensor other = picture(2, 64, 64);
  const auto share = [&](const std::string& net) {
    const Lpips lpips = Lpips::from_tensors(example_lpips_weights(net), "example");
    return (lpips.distance(right, left) / lpips.distance(other, left)).item<double>();
  };
  EXPECT_LT(share("st-alex"), 0.8 * share("alex"));
}

TEST(StLpips, WeightsOfOneAreRefusedAsTheOther) {
  const test::TemporaryFolder folder;
  const auto plain = folder / "plain.safetensors", tolerant = folder / "st.safetensors";
  TensorMap weights = example_lpips_weights("st-alex");
  write_safetensors(plain, example_lpips_weights("alex"));
  write_safetensors(tolerant, weights);
  EXPECT_EQ(choose_st_lpips({tolerant.string()}, at::kCPU)->title(), "ST-LPIPS-alex");
  EXPECT_EQ(choose_st_lpips({}, at::kCPU), nullptr);
  test::expect_error(ExitCode::runtime, {"plain.safetensors", "LPIPS-alex", "evaluation.lpips.weights"},
                     [&] { choose_st_lpips({plain.string()}, at::kCPU); });
  test::expect_error(ExitCode::runtime, {"st.safetensors", "ST-LPIPS-alex", "evaluation.st_lpips.weights"},
                     [&] { choose_lpips({tolerant.string()}, at::kCPU); });
  test::expect_error(ExitCode::runtime, {"ST-LPIPS", "/nowhere", "no such file"},
                     [] { choose_st_lpips({"/nowhere"}, at::kCPU); });
  // The blur is the package's own.
  const at::Tensor along = at::tensor({0.25F, 0.5F, 0.25F});
  weights["net.slice2.4.filt"] = (along.view({3, 1}) * along.view({1, 3})).expand({64, 1, 3, 3});
  EXPECT_NO_THROW(Lpips::from_tensors(weights, "x"));
  weights["net.slice2.4.filt"] = at::ones({64, 1, 3, 3});
  test::expect_error(ExitCode::runtime, {"net.slice2.4.filt"}, [&] { Lpips::from_tensors(weights, "x"); });
}

TEST(StLpips, IsInTheReport) {
  const Batch batch = example_batch({3}, {{1}}, 24, 32);
  const test::TemporaryFolder folder;
  const auto path = folder / "st.safetensors";
  write_safetensors(path, example_lpips_weights("st-alex"));
  EvaluateOptions options;
  const EvaluationReport without = evaluate(example_model(0.1), batches_of({batch}), {}, nullptr, options);
  options.nets.st_lpips = choose_st_lpips({path.string()}, at::kCPU);
  const EvaluationReport report = evaluate(example_model(0.1), batches_of({batch}), {}, nullptr, options);
  Json json = report_to_json(report);
  EXPECT_EQ(json["protocol"]["st_lpips_net"], "st-alex");
  EXPECT_EQ(json["protocol"]["st_lpips_weights_sha256"], sha256_file(path));
  const double own = json["images"][0]["st_lpips"].get<double>(),
               nearest = json["images"][0]["baselines"]["nearest"]["st_lpips"].get<double>();
  EXPECT_GT(own, 0);
  EXPECT_LT(own, nearest);
  EXPECT_EQ(report_to_json(report_from_json(json, "here")), json);
  EXPECT_NE(report_table(report).find("ST-LPIPS, net alex, weights"), std::string::npos);
  EXPECT_EQ(report_table(without).find("ST-LPIPS"), std::string::npos);
  EXPECT_FALSE(higher_is_better(kStLpips));
  const EvaluationReport small =
      evaluate(example_model(0.1), batches_of({example_batch({3}, {{1}}, 16, 24)}), {}, nullptr, options);
  EXPECT_NE(report_table(small).find("ST-LPIPS absent: "), std::string::npos) << report_table(small);
  EXPECT_EQ(report_to_json(report_from_json(report_to_json(small), "here")), report_to_json(small));
  // A report from before the score compares with one that has it.
  Json old = report_to_json(without);
  old["images"][0].erase("st_lpips");
  for (auto& baseline : old["images"][0]["baselines"]) baseline.erase("st_lpips");
  const EvaluationReport read = report_from_json(old, "old");
  for (const Difference& difference : differences(protocol_to_json(read.protocol), protocol_to_json(report.protocol)))
    EXPECT_FALSE(difference.moves_numbers) << difference.key << ": " << difference.text;
}

TEST(Lpips, TheWholeStateDictIsAcceptedAndItsCopiesAreChecked) {
  TensorMap tensors = example_lpips_weights("alex");
  const double before =
      Lpips::from_tensors(tensors, "x").distance(picture(1, 31, 31), picture(2, 31, 31)).item<double>();
  tensors["scaling_layer.shift"] = at::tensor({-.030f, -.088f, -.188f}).view({1, 3, 1, 1});
  tensors["scaling_layer.scale"] = at::tensor({.458f, .448f, .450f}).view({1, 3, 1, 1});
  for (int l = 0; l < 5; ++l) {
    tensors[fmt::format("lins.{}.model.1.weight", l)] = tensors[fmt::format("lin{}.model.1.weight", l)];
  }
  const Lpips full = Lpips::from_tensors(tensors, "x");
  EXPECT_EQ(full.distance(picture(1, 31, 31), picture(2, 31, 31)).item<double>(), before);
  tensors["lins.2.model.1.weight"] = tensors["lins.2.model.1.weight"] + 1;
  test::expect_error(ExitCode::runtime, {"f.st", "lins.2.model.1.weight"},
                     [&] { Lpips::from_tensors(tensors, "f.st"); });
  tensors.erase("lins.2.model.1.weight");
  tensors["scaling_layer.scale"] = at::tensor({1.f, 1.f, 1.f}).view({1, 3, 1, 1});
  test::expect_error(ExitCode::runtime, {"scaling_layer.scale", "0.1"}, [&] { Lpips::from_tensors(tensors, "f.st"); });
}

TEST(Lpips, WrongWeightsAreNamed) {
  const TensorMap good = example_lpips_weights("squeeze");
  const auto load = [](const TensorMap& tensors) { Lpips::from_tensors(tensors, "w.safetensors"); };
  TensorMap heads;
  for (const auto& [key, tensor] : good) {
    if (key.starts_with("lin")) heads[key] = tensor;
  }
  test::expect_error(ExitCode::runtime, {"w.safetensors", "only the LPIPS heads"}, [&] { load(heads); });
  test::expect_error(ExitCode::runtime, {"w.safetensors", "not the state dict"}, [&] {
    load({{"x", at::zeros({1})}});
  });
  test::expect_error(ExitCode::runtime, {"not the state dict"}, [&] { load({}); });
  TensorMap changed = good;
  changed.erase("net.slice7.12.expand3x3.bias");
  test::expect_error(ExitCode::runtime, {"lacks", "net.slice7.12.expand3x3.bias"}, [&] { load(changed); });
  changed = good;
  changed["extra"] = at::zeros({1});
  test::expect_error(ExitCode::runtime, {"has no extra"}, [&] { load(changed); });
  changed = good;
  changed["lin3.model.1.weight"] = at::zeros({1, 383, 1, 1});
  test::expect_error(ExitCode::runtime, {"lin3.model.1.weight", "[1,383,1,1]", "[1,384,1,1]"}, [&] { load(changed); });
  changed = good;
  changed["lin3.model.1.weight"] = at::full({1, 384, 1, 1}, NAN);
  test::expect_error(ExitCode::runtime, {"lin3.model.1.weight", "not finite"}, [&] { load(changed); });
  changed = good;
  changed["lin3.model.1.weight"] = at::zeros({1, 384, 1, 1}, at::kLong);
  test::expect_error(ExitCode::runtime, {"lin3.model.1.weight", "floating"}, [&] { load(changed); });
}

TEST(Lpips, AbsentWithoutWeightsAndAnErrorWithWrongOnes) {
  ::unsetenv("SPINFILL_LPIPS_WEIGHTS");
  const LpipsChoice none = choose_lpips({}, at::kCPU);
  EXPECT_EQ(none.lpips, nullptr);
  EXPECT_NE(none.absent.find("SPINFILL_LPIPS_WEIGHTS"), std::string::npos);
  EXPECT_EQ(none.absent.find('\n'), std::string::npos);
  test::expect_error(ExitCode::runtime, {"/nowhere.safetensors"},
                     [] { choose_lpips({"/nowhere.safetensors"}, at::kCPU); });

  const test::TemporaryFolder folder;
  const auto path = folder / "squeeze.safetensors";
  write_safetensors(path, example_lpips_weights("squeeze"));
  ::setenv("SPINFILL_LPIPS_WEIGHTS", path.c_str(), 1);
  const LpipsChoice found = choose_lpips({}, at::kCPU);
  ::unsetenv("SPINFILL_LPIPS_WEIGHTS");
  ASSERT_NE(found.lpips, nullptr);
  EXPECT_EQ(found.lpips->sha256(), sha256_file(path));
  EXPECT_TRUE(found.absent.empty());
  const std::string bytes = read_file(path);
  write_file_atomic(folder / "cut.safetensors", bytes.substr(0, bytes.size() - 5));
  test::expect_error(ExitCode::runtime, {"cut.safetensors"},
                     [&] { choose_lpips({(folder / "cut.safetensors").string()}, at::kCPU); });
}

at::Tensor read_bgr(const std::filesystem::path& path) {
  const cv::Mat image = cv::imread(path.string(), cv::IMREAD_COLOR);
  return at::from_blob(image.data, {1, image.rows, image.cols, 3}, at::kByte)
             .permute({0, 3, 1, 2})
             .flip({1})
             .to(at::kFloat) /
         255;
}

// A field of Protocol Buffers that holds bytes.
std::string field(int number, const std::string& bytes) {
  std::string out(1, static_cast<char>(number << 3 | 2));
  std::uint64_t size = bytes.size();
  for (; size >= 0x80; size >>= 7) out += static_cast<char>((size & 0x7F) | 0x80);
  return out + static_cast<char>(size) + bytes;
}
std::string as_onnx(const TensorMap& tensors, const std::string& prefix) {
  std::string graph;
  for (const auto& [key, tensor] : tensors) {
    std::string made;
    for (const std::int64_t size : tensor.sizes()) {  // below 2^14
      made += '\x08';
      if (size >= 0x80) made += static_cast<char>((size & 0x7F) | 0x80);
      made += static_cast<char>(size >= 0x80 ? size >> 7 : size);
    }
    made += std::string("\x10\x01", 2);  // float
    made += field(8, prefix + key);
    made += field(9, {static_cast<const char*>(tensor.const_data_ptr()), static_cast<std::size_t>(tensor.nbytes())});
    graph += field(5, made);
  }
  return field(7, graph);
}

TEST(Lpips, IsReadFromAnExportedNetwork) {
  const test::TemporaryFolder folder;
  TensorMap tensors = example_lpips_weights("squeeze");
  const double before =
      Lpips::from_tensors(tensors, "x").distance(picture(1, 31, 31), picture(2, 31, 31)).item<double>();
  tensors["scaling_layer.shift"] = at::tensor({-.030f, -.088f, -.188f}).view({1, 3, 1, 1});
  for (int l = 0; l < 7; ++l) {  // one of their two names, as exporters leave it
    const std::string key = fmt::format("lin{}.model.1.weight", l);
    tensors["lins." + key.substr(3)] = tensors[key];
    tensors.erase(key);
  }
  write_file_atomic(folder / "net.onnx", as_onnx(tensors, "core."));
  const Lpips lpips = Lpips::load(folder / "net.onnx");
  EXPECT_EQ(lpips.net(), "squeeze");
  EXPECT_EQ(lpips.sha256(), sha256_file(folder / "net.onnx"));
  EXPECT_EQ(lpips.distance(picture(1, 31, 31), picture(2, 31, 31)).item<double>(), before);
  tensors["scaling_layer.shift"].zero_();
  write_file_atomic(folder / "net.onnx", as_onnx(tensors, ""));
  test::expect_error(ExitCode::runtime, {"net.onnx", "scaling_layer.shift"}, [&] { Lpips::load(folder / "net.onnx"); });
  test::expect_error(ExitCode::runtime, {"identity.onnx", "not the state dict of an LPIPS net"},
                     [] { Lpips::load(test::fixture("metrics/identity.onnx")); });
  write_file_atomic(folder / "net.onnx", "no network");
  test::expect_error(ExitCode::runtime, {"net.onnx", "not an ONNX file"}, [&] { Lpips::load(folder / "net.onnx"); });
}

// onnxruntime 1.32 gives 0.71104753 and 0.14790161 for the same pictures, normalised as its graph wants them.
TEST(Lpips, TheRealExportedNetworkGivesThePublishedNumbers) {
  SPINFILL_NEEDS_REAL_DATA();
  const auto folder = test::real_data() / "lpips";
  const Lpips lpips = Lpips::load(folder / "lpips_sq.onnx"), stored = Lpips::load(folder / "lpips_squeeze.safetensors");
  for (const auto& [name, value] : {std::pair{"ex_p0.png", 0.71104753}, std::pair{"ex_p1.png", 0.14790161}}) {
    const at::Tensor a = read_bgr(folder / "ex_ref.png"), b = read_bgr(folder / name);
    EXPECT_NEAR(lpips.distance(a, b).item<double>(), value, 1e-5) << name;
    EXPECT_EQ(lpips.distance(a, b).item<double>(), stored.distance(a, b).item<double>()) << name;
  }
}

// scripts/convert-weights.py: from the files that torchvision and the lpips package publish.
TEST(Lpips, PublishedFilesAreConverted) {
  const char* chosen = std::getenv("SPINFILL_PYTHON");
  const std::string python = chosen != nullptr ? chosen : "python3";
  if (test::run_command(python + " -c 'import torch'").exit_code != 0)
    GTEST_SKIP() << "SKIPPED: " << python << " has no PyTorch; name one that has in SPINFILL_PYTHON";
  const test::TemporaryFolder folder;
  TensorMap tensors = example_lpips_weights("squeeze");
  write_safetensors(folder / "ours.safetensors", tensors);
  write_file_atomic(folder / "make.py", R"(
import json, struct, torch
data = open("ours.safetensors", "rb").read()
size = struct.unpack("<Q", data[:8])[0]
features, heads = {"classifier.1.weight": torch.zeros(2)}, {}
for key, entry in json.loads(data[8:8 + size]).items():
    if key == "__metadata__": continue
    first, last = entry["data_offsets"]
    tensor = torch.frombuffer(bytearray(data[8 + size + first:8 + size + last]), dtype=torch.float32).reshape(entry["shape"])
    if key.startswith("lin"): heads[key] = tensor
    else: features["features." + key.split(".", 2)[2]] = tensor
torch.save(features, "features.pth")
torch.save(heads, "heads.pth")
)");
  const auto run =
      test::run_command(fmt::format("cd {} && {} make.py && {} {}/convert-weights.py lpips squeeze --features "
                                    "features.pth --heads heads.pth --out made.safetensors",
                                    folder.path().string(), python, python, test::fixture("../../scripts").string()));
  ASSERT_EQ(run.exit_code, 0) << run.output;
  const TensorMap made = read_safetensors(folder / "made.safetensors").tensors;
  ASSERT_EQ(made.size(), tensors.size());
  for (const auto& [key, tensor] : tensors) EXPECT_TRUE(at::equal(made.at(key), tensor)) << key;
  const auto wrong = test::run_command(fmt::format(
      "cd {} && {} {}/convert-weights.py lpips squeeze --features heads.pth --heads heads.pth --out again.safetensors",
      folder.path().string(), python, test::fixture("../../scripts").string()));
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_NE(wrong.output.find("heads.pth: holds no features"), std::string::npos) << wrong.output;
  EXPECT_FALSE(fs::exists(folder / "again.safetensors"));
}

TEST(Lpips, RealSqueezeWeightsGiveThePublishedNumbers) {
  SPINFILL_NEEDS_REAL_DATA();
  const auto folder = test::real_data() / "lpips";
  const Json expected = read_json(folder / "expected.json");
  const Lpips lpips = Lpips::load(folder / "lpips_squeeze.safetensors");
  EXPECT_EQ(lpips.net(), "squeeze");
  for (const auto& [pair, value] : expected["pairs"].items()) {
    const std::size_t space = pair.find(' ');
    const at::Tensor a = read_bgr(folder / pair.substr(0, space)), b = read_bgr(folder / pair.substr(space + 1));
    EXPECT_NEAR(lpips.distance(a, b).item<double>(), value.get<double>(), 1e-5) << pair;
    const at::Tensor layers = lpips.per_layer(a, b);
    const Json& contributions = expected["per-layer contributions"][pair];
    ASSERT_EQ(contributions.size(), 7u);
    for (int l = 0; l < 7; ++l) {
      EXPECT_NEAR(layers[0][l].item<double>(), contributions[l].get<double>(), 1e-5) << pair << " layer " << l;
    }
  }
  const at::Tensor grey = at::full({1, 3, 64, 64}, 0.5), white = at::ones({1, 3, 64, 64}),
                   black = at::zeros_like(white);
  const Json& constant = expected["constant images 64x64 in [-1,1]"];
  EXPECT_NEAR(lpips.distance(grey, white).item<double>(), constant["all 0 against all 1"].get<double>(), 1e-5);
  EXPECT_NEAR(lpips.distance(grey, black).item<double>(), constant["all 0 against all -1"].get<double>(), 1e-5);
}

}  // namespace
}  // namespace spinfill

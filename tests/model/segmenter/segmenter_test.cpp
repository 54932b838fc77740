// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <cmath>
#include <cstdlib>
#include <fstream>

#include <opencv2/imgproc.hpp>

#include "core/statistics.h"
#include "core/tensors/safetensors.h"
#include "data/pictures/picture_tensor.h"
#include "model/segmenter/segmenter_model.h"
#include "support/drawn_segmenter.h"
#include "support/real_cars.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::drawn_segmenter;

cv::Mat noise(cv::Size size) {
  cv::Mat rgb(size, CV_8UC3);
  cv::RNG(5).fill(rgb, cv::RNG::UNIFORM, 0, 255);
  cv::GaussianBlur(rgb, rgb, {}, 5);
  return rgb;
}

TEST(SegmenterLoss, IsLowestAtTheTruthAndCountsOutlinesMore) {
  at::Tensor truth = at::zeros({2, 1, 48, 64});
  truth.slice(2, 10, 30).slice(3, 10, 50).fill_(1);
  const at::Tensor right = (truth * 2 - 1) * 20;
  EXPECT_NEAR(segmenter_loss(right, truth).item<double>(), 0, 1e-3);
  const auto with_wrong = [&](std::int64_t y, std::int64_t x) {
    at::Tensor logits = right.clone();
    for (std::int64_t n = 0; n < 2; ++n) logits[n][0][y][x] *= -1;
    return segmenter_loss(logits, truth).item<double>();
  };
  EXPECT_GT(with_wrong(20, 30), 0.003);
  EXPECT_GT(with_wrong(10, 10), 2.5 * with_wrong(20, 30));  // a corner of the outline
  // Where there is nothing, a guess of nothing is best.
  const at::Tensor none = at::zeros({1, 1, 48, 64});
  EXPECT_NEAR(segmenter_loss(none - 20, none).item<double>(), 0, 1e-3);
  // Far from any outline all weights are 1: log 2 of entropy, and 1 − (0 + 1)/(½·48·64 + 1).
  EXPECT_NEAR(segmenter_loss(none, none).item<double>(), std::log(2.0) + 1 - 1 / (0.5 * 48 * 64 + 1), 1e-5);
}

TEST(SegmenterNetwork, GivesALogitForEachPixel) {
  SegmenterNetwork network = drawn_segmenter(1).network;
  for (const auto& [h, w] : {std::pair(224, 320), {320, 320}, {33, 75}, {64, 96}})
    EXPECT_EQ(network->forward(at::rand({2, 3, h, w})).sizes(), (at::IntArrayRef{2, 1, h, w}));
}

TEST(SegmenterNetwork, IsTheOneOfTheOnnxFile) {
  SPINFILL_NEEDS_REAL_DATA();
  const std::filesystem::path file = test::real_data() / "segmentation" / "u2netp.onnx";
  SegmenterNetwork network = segmenter_network_of_onnx(file);
  const cv::Mat rgb = noise({500, 300});
  const at::NoGradGuard no_grad;
  at::Tensor seen = at::sigmoid(network->forward(picture_tensor({seen_by_segmenter(rgb)})))[0][0].contiguous();
  seen = (seen - seen.min()) / (seen.max() - seen.min());  // as NetworkSegmenter does
  const cv::Mat ours(kSegmenterSide, kSegmenterSide, CV_32F, seen.mutable_data_ptr<float>());
  EXPECT_LT(cv::norm(ours, NetworkSegmenter(file).saliency(rgb), cv::NORM_INF), 1e-3);
}

TEST(SegmenterNetwork, WhatIsNoU2NetIsOneLine) {
  const test::TemporaryFolder folder;
  test::expect_error(ExitCode::usage, {"gone.onnx", "there is no such"},
                     [&] { segmenter_network_of_onnx(folder / "gone.onnx"); });
  std::ofstream(folder / "text.onnx") << "no network";
  test::expect_error(ExitCode::runtime, {"text.onnx", "ONNX"},
                     [&] { segmenter_network_of_onnx(folder / "text.onnx"); });
}

TEST(SegmenterModel, SeesPhotographsOfAnyShape) {
  const ModelSegmenter segmenter(drawn_segmenter(2));
  for (const cv::Size size : {cv::Size(300, 200), {1, 1}, {2000, 3}}) {
    const cv::Mat seen = segmenter.saliency(noise(size));
    EXPECT_EQ(seen.size(), cv::Size(kSegmenterSide, kSegmenterSide));
    EXPECT_EQ(seen.type(), CV_32F);
    EXPECT_TRUE(cv::checkRange(seen, true, nullptr, 0, 1.0001));
  }
}

TEST(SegmenterModel, AMirroredPhotographHasTheMirroredMaskOnAnyNumberOfCores) {
  const ModelSegmenter segmenter(drawn_segmenter(3));
  const cv::Mat rgb = noise({320, 208});
  cv::Mat mirrored, back;
  cv::flip(rgb, mirrored, 1);
  const int before = at::get_num_threads();
  const cv::Mat seen = segmenter.saliency(rgb);
  at::set_num_threads(3);
  EXPECT_EQ(cv::norm(seen, segmenter.saliency(rgb), cv::NORM_INF), 0);
  at::set_num_threads(before);
  cv::flip(segmenter.saliency(mirrored), back, 1);
  EXPECT_LT(cv::norm(seen, back, cv::NORM_INF), 1e-5);
}

TEST(SegmenterModel, IsReadAsItWasWrittenWhereverASegmenterIsAskedFor) {
  const test::TemporaryFolder folder;
  const SegmenterModel model = drawn_segmenter(1);
  write_segmenter_model(model, folder.path());
  EXPECT_LT(std::filesystem::file_size(folder / "weights.safetensors"), 5u << 20);
  const SegmenterModel read = load_segmenter_model(folder.path());
  EXPECT_EQ(read.training, model.training);
  for (const auto& [name, tensor] : read.network->state())
    EXPECT_TRUE(at::equal(tensor, model.network->state().at(name).to(at::kHalf).to(at::kFloat))) << name;
  LazySegmenter lazy = lazy_segmenter(folder.path());
  EXPECT_EQ(lazy.identity(), "");
  const cv::Mat rgb = noise({320, 208});
  EXPECT_EQ(cv::norm(lazy.get().saliency(rgb), ModelSegmenter(read).saliency(rgb), cv::NORM_INF), 0);
  EXPECT_EQ(lazy.identity(), read.sha256);
}

TEST(SegmenterModel, DamageIsOneLine) {
  const test::TemporaryFolder folder;
  test::expect_error(ExitCode::usage, {"is not a segmenter", "train-segmenter"},
                     [&] { lazy_segmenter(folder.path()).get(); });
  write_segmenter_model(drawn_segmenter(1), folder.path());
  TensorMap less = read_safetensors(folder / "weights.safetensors").tensors;
  less.erase("out.bias");
  test::expect_error(ExitCode::runtime, {"the segmenter's network", "1 missing (out.bias)"},
                     [&] { segmenter_network_of(less, "here"); });
  TensorMap odd = less;
  odd["out.bias"] = at::full({1}, NAN);
  test::expect_error(ExitCode::runtime, {"1 not finite (out.bias)"}, [&] { segmenter_network_of(odd, "here"); });
  odd["out.bias"] = at::zeros({5});
  test::expect_error(ExitCode::runtime, {"1 of another shape (out.bias [5] for [1])"},
                     [&] { segmenter_network_of(odd, "here"); });
  write_safetensors(folder / "weights.safetensors", less);
  test::expect_error(ExitCode::runtime, {"weights.safetensors", "hash"}, [&] { load_segmenter_model(folder.path()); });
  std::filesystem::remove(folder / "weights.safetensors");
  test::expect_error(ExitCode::runtime, {"weights.safetensors"}, [&] { load_segmenter_model(folder.path()); });
  std::ofstream(folder / "manifest.json") << R"({"format": "spinfill-segmenter", "version": 7})";
  test::expect_error(ExitCode::runtime, {"manifest.json", "version 7"}, [&] { load_segmenter_model(folder.path()); });
  std::ofstream(folder / "manifest.json") << R"({"format": "spinfill-azimuth", "version": 1})";
  test::expect_error(ExitCode::runtime, {"manifest.json", "is not a segmenter"},
                     [&] { load_segmenter_model(folder.path()); });
  std::ofstream(folder / "manifest.json") << "{";
  test::expect_error(ExitCode::runtime, {"manifest.json"}, [&] { load_segmenter_model(folder.path()); });
}

// The one that lies with the program, beside U-2-Net itself (Segmenter.CutsRealCarsOutOfPhotographedPlaces); or the one
// that SPINFILL_SEGMENTER names.
TEST(SegmenterModel, CutsRealCarsOutOfPhotographedPlaces) {
  SPINFILL_NEEDS_REAL_DATA();
  const char* named = std::getenv("SPINFILL_SEGMENTER");
  const std::filesystem::path folder = named != nullptr && std::filesystem::is_directory(named)
                                           ? std::filesystem::path(named)
                                           : test::fixture("../../models/segmenter");
  const test::RealCars cut{ModelSegmenter(load_segmenter_model(folder))};
  EXPECT_GT(median(cut.overlaps), 0.97);
}

}  // namespace
}  // namespace spinfill

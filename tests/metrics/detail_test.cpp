// SPDX-License-Identifier: Apache-2.0
#include "metrics/detail.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <cmath>
#include <opencv2/imgproc.hpp>

#include "core/side_by_side.h"
#include "data/pictures/picture.h"
#include "metrics/image_metrics.h"
#include "support/examples.h"

namespace spinfill {
namespace {

// As in tests/fixtures/metrics/make_detail.py.
at::Tensor vehicle_coverage(std::uint32_t which, std::int64_t height, std::int64_t width) {
  at::Tensor cover = coverage(which, height, width)[0].clone();
  auto values = cover.accessor<double, 3>();
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const std::int64_t inwards = std::min(std::min(x - 5, width - 9 - x), std::min(y - 7, height - 4 - y));
      if (inwards < 0 || inwards >= 3) values[0][y][x] = inwards < 0 ? 0 : 1;
    }
  }
  return cover;
}

TEST(Detail, EqualsTheReference) {
  const Lpips lpips = Lpips::from_tensors(example_lpips_weights("squeeze"), "example");
  const Json cases = read_json(test::fixture("metrics/detail.json"));
  ASSERT_EQ(cases.size(), 3U);
  for (const Json& expected : cases) {
    const auto h = expected["height"].get<int>(), w = expected["width"].get<int>();
    const at::Tensor a = picture(expected["a"], h, w), b = picture(expected["b"], h, w)[0];
    const at::Tensor alpha = vehicle_coverage(expected["alpha"], h, w);
    const at::Tensor gradient = covered_gradient(b, alpha);
    const DetailWindows windows = detail_windows(gradient, alpha);
    EXPECT_EQ(windows.side, expected["side"].get<int>());
    EXPECT_EQ(Json(windows.corners), expected["corners"]) << h;
    EXPECT_NEAR(gradient_psnr(a, b, gradient).item<double>(), expected["gradient_psnr"].get<double>(), 1e-9);
    EXPECT_NEAR(detail_psnr(a, b, windows).item<double>(), expected["detail_psnr"].get<double>(), 1e-5);
    const double perceived = detail_lpips(a, b, windows, lpips).item<double>();
    if (expected["detail_lpips"].is_null()) {
      EXPECT_TRUE(std::isnan(perceived));
    } else {
      EXPECT_NEAR(perceived, expected["detail_lpips"].get<double>(), 1e-6);
    }
  }
}

TEST(Detail, TheSilhouettesOwnEdgeIsNoDetail) {
  const std::int64_t h = 40, w = 50;
  at::Tensor truth = at::ones({3, h, w}, at::kDouble), alpha = at::zeros({1, h, w}, at::kDouble);
  truth.narrow(1, 8, 24).narrow(2, 5, 40).fill_(0.2);  // a plain dark body on white
  alpha.narrow(1, 8, 24).narrow(2, 5, 40).fill_(1);
  const at::Tensor gradient = covered_gradient(truth, alpha);
  EXPECT_EQ(gradient.max().item<double>(), 0);
  const DetailWindows windows = detail_windows(gradient, alpha);
  EXPECT_TRUE(windows.corners.empty());
  const at::Tensor pictures = at::zeros({2, 3, h, w});
  EXPECT_TRUE(at::isnan(gradient_psnr(pictures, truth, gradient)).all().item<bool>());
  EXPECT_TRUE(at::isnan(detail_psnr(pictures, truth, windows)).all().item<bool>());
  EXPECT_TRUE(detail_windows(gradient, at::zeros_like(alpha)).corners.empty());
}

// A car as a drawing: plain body, two rims with spokes, a plate with lettering, a badge.
struct Drawing {
  cv::Mat picture{320, 640, CV_8UC3, cv::Scalar(255, 255, 255)}, mask{320, 640, CV_8UC1, cv::Scalar(0)};
  cv::Rect plate{440, 170, 110, 30}, badge{120, 120, 60, 24};
  std::array<cv::Point, 2> wheels{cv::Point(160, 230), cv::Point(480, 230)};

  Drawing() {
    const cv::Rect body(40, 90, 560, 140);
    for (cv::Mat* drawn : {&picture, &mask}) {
      const bool colour = drawn == &picture;
      const auto paint = [&](int r, int g, int b) { return colour ? cv::Scalar(r, g, b) : cv::Scalar(255); };
      cv::rectangle(*drawn, body, paint(150, 40, 40), cv::FILLED);
      for (const cv::Point& wheel : wheels) cv::circle(*drawn, wheel, 46, paint(30, 30, 30), cv::FILLED, cv::LINE_AA);
    }
    for (const cv::Point& wheel : wheels) spokes(wheel, 5, 0);
    cv::rectangle(picture, plate, {240, 240, 240}, cv::FILLED);
    write("SPN 417", {plate.x + 6, plate.y + 22});
    cv::rectangle(picture, badge, {150, 40, 40}, cv::FILLED);
    write("GLX", {badge.x + 4, badge.y + 18});
  }
  void write(const char* text, const cv::Point& at) {
    cv::putText(picture, text, at, cv::FONT_HERSHEY_DUPLEX, 0.7, {20, 20, 60}, 1, cv::LINE_AA);
  }
  void spokes(const cv::Point& wheel, int count, double turn) {
    cv::circle(picture, wheel, 34, {60, 60, 60}, cv::FILLED, cv::LINE_AA);
    for (int i = 0; i < count; ++i) {
      const double angle = turn + 2 * CV_PI * i / count;
      cv::line(picture, wheel, wheel + cv::Point(std::lround(32 * std::cos(angle)), std::lround(32 * std::sin(angle))),
               {220, 220, 220}, 5, cv::LINE_AA);
    }
  }
  at::Tensor tensor() const {
    return at::from_blob(picture.data, {1, 320, 640, 3}, at::kByte).permute({0, 3, 1, 2}).to(at::kFloat) / 255;
  }
  at::Tensor alpha() const { return at::from_blob(mask.data, {1, 320, 640}, at::kByte).to(at::kFloat) / 255; }
};

void flip_within(cv::Mat& picture, const cv::Rect& where) {
  cv::Mat part = picture(where).clone(), flipped;
  cv::flip(part, flipped, 1);
  flipped.copyTo(picture(where));
}
void blur_within(cv::Mat& picture, const cv::Rect& where) {
  cv::Mat blurred;
  cv::GaussianBlur(picture(where).clone(), blurred, {}, 3);
  blurred.copyTo(picture(where));
}

// How much a change costs in the whole picture's LPIPS and in that of the details.
struct Cost {
  double whole, details, psnr;
};
Cost cost(const at::Tensor& changed, const at::Tensor& truth, const at::Tensor& alpha, const Lpips& lpips) {
  const DetailWindows windows = detail_windows(covered_gradient(truth[0], alpha), alpha);
  return {lpips.distance(changed, truth).item<double>(), detail_lpips(changed, truth[0], windows, lpips).item<double>(),
          psnr(changed, truth).item<double>() - detail_psnr(changed, truth[0], windows).item<double>()};
}

// What a whole picture's score hides: all else is the truth.
TEST(Detail, SeesWhatTheWholePictureHides) {
  const Lpips lpips = Lpips::from_tensors(example_lpips_weights("squeeze"), "example");
  const Drawing truth;
  const std::vector<std::pair<const char*, std::function<void(Drawing&)>>> changes = {
      {"a mirrored plate", [](Drawing& d) { flip_within(d.picture, d.plate); }},
      {"a mirrored badge", [](Drawing& d) { flip_within(d.picture, d.badge); }},
      {"another rim", [](Drawing& d) { d.spokes(d.wheels[0], 7, 0.4); }},
      {"a blurred plate", [](Drawing& d) { blur_within(d.picture, d.plate); }},
      {"a blurred rim",
       [](Drawing& d) { blur_within(d.picture, cv::Rect(d.wheels[1] - cv::Point(34, 34), cv::Size(68, 68))); }}};
  for (const auto& [name, change] : changes) {
    Drawing changed;
    change(changed);
    const Cost by = cost(changed.tensor(), truth.tensor(), truth.alpha(), lpips);
    EXPECT_GT(by.details, 3 * by.whole) << name;
    EXPECT_GT(by.details, 0) << name;
    EXPECT_GT(by.psnr, 6) << name << ": dB worse than the whole picture's";
  }
  const Cost none = cost(truth.tensor(), truth.tensor(), truth.alpha(), lpips);
  EXPECT_EQ(none.details, 0);
}

TEST(Detail, SeesAMirroredPlateOnARealPhotograph) {
  SPINFILL_NEEDS_REAL_DATA();
  const Lpips lpips = Lpips::load(test::real_data() / "lpips/lpips_squeeze.safetensors");
  const cv::Mat rgba = read_picture(test::real_data() / "spins/cs55-blue/000.png");
  const auto tensor = [](const cv::Mat& p) {
    const at::Tensor v =
        at::from_blob(p.data, {1, p.rows, p.cols, 4}, at::kByte).permute({0, 3, 1, 2}).to(at::kFloat) / 255;
    return at::Tensor(v.narrow(1, 0, 3) * v.narrow(1, 3, 1) + 1 - v.narrow(1, 3, 1));
  };
  cv::Mat mask, mirrored = rgba.clone(), blurred = rgba.clone();
  cv::extractChannel(rgba, mask, 3);
  const at::Tensor alpha = at::from_blob(mask.data, {1, mask.rows, mask.cols}, at::kByte).to(at::kFloat) / 255;
  const cv::Rect box = cv::boundingRect(mask >= 128);
  // The grille with its lettering and the plate: the middle of the front.
  const cv::Rect front(box.x + box.width / 5, box.y + 2 * box.height / 5, box.width * 3 / 5 + 9, box.height / 5);
  flip_within(mirrored, front);
  blur_within(blurred, front);
  for (const cv::Mat& changed : {mirrored, blurred}) {
    const Cost by = cost(tensor(changed), tensor(rgba), alpha, lpips);
    EXPECT_GT(by.details, 4 * by.whole);
    EXPECT_GT(by.details, 0.02);
  }
}

TEST(Detail, NoBitDependsOnThreadsOrCompany) {
  const Lpips lpips = Lpips::from_tensors(example_lpips_weights("squeeze"), "example");
  const KeepTorchThreads keep;
  const at::Tensor truth = picture(9, 211, 307)[0], alpha = vehicle_coverage(109, 211, 307);
  const at::Tensor pictures = at::cat({picture(10, 211, 307), picture(11, 211, 307), picture(12, 211, 307)});
  std::vector<at::Tensor> first;
  for (const int threads : {1, 3}) {
    at::set_num_threads(threads);
    const at::Tensor gradient = covered_gradient(truth, alpha);
    const DetailWindows windows = detail_windows(gradient, alpha);
    const std::vector<at::Tensor> scores = {gradient_psnr(pictures, truth, gradient),
                                            detail_psnr(pictures, truth, windows),
                                            detail_lpips(pictures, truth, windows, lpips)};
    if (first.empty()) first = scores;
    for (std::size_t k = 0; k < scores.size(); ++k) EXPECT_TRUE(at::equal(scores[k], first[k]));
    const at::Tensor one = pictures.narrow(0, 1, 1);
    EXPECT_TRUE(at::equal(gradient_psnr(one, truth, gradient), first[0].narrow(0, 1, 1)));
    EXPECT_TRUE(at::equal(detail_psnr(one, truth, windows), first[1].narrow(0, 1, 1)));
    EXPECT_TRUE(at::equal(detail_lpips(one, truth, windows, lpips), first[2].narrow(0, 1, 1)));
  }
}

}  // namespace
}  // namespace spinfill

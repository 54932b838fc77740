// SPDX-License-Identifier: Apache-2.0
#include "data/pictures/canonical.h"

#include <cmath>
#include <functional>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "data/pictures/letterbox.h"
#include "data/sets/set_pictures.h"
#include "data/sets/view_set_reader.h"
#include "data/spins/stabilise.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

using test::render_tiny_vehicle;

constexpr double kGround = -0.17;  // the tiny vehicle's lowest point

Camera turntable_view(double azimuth_deg, double elevation_deg = 8, int width = 240, int height = 160) {
  return turntable_camera({elevation_deg, 3.2, 2.5}, azimuth_deg, width, height);
}

double mean_difference(const cv::Mat& a, const cv::Mat& b) {
  return cv::norm(premultiplied(a), premultiplied(b), cv::NORM_L1) / (4.0 * static_cast<double>(a.total()));
}

// Centre of mass and mass of the coverage.
struct Mass {
  double mass = 0, x = 0, y = 0;
};
Mass mass_of(const cv::Mat& rgba) {
  Mass sum;
  for (int y = 0; y < rgba.rows; ++y) {
    for (int x = 0; x < rgba.cols; ++x) {
      const double alpha = rgba.at<cv::Vec4b>(y, x)[3] / 255.0;
      sum.mass += alpha;
      sum.x += alpha * (x + 0.5);
      sum.y += alpha * (y + 0.5);
    }
  }
  sum.x /= sum.mass;
  sum.y /= sum.mass;
  return sum;
}

// Lowest row that is half covered somewhere, to a fraction of a pixel.
double bottom_of(const cv::Mat& rgba) {
  for (int y = rgba.rows - 1; y > 0; --y) {
    double most = 0, above = 0;
    for (int x = 0; x < rgba.cols; ++x) {
      most = std::max(most, rgba.at<cv::Vec4b>(y, x)[3] / 255.0);
      above = std::max(above, rgba.at<cv::Vec4b>(y - 1, x)[3] / 255.0);
    }
    if (above > 0.9) return y + most;
  }
  return 0;
}

TEST(Canonical, SameCameraKeepsEveryBit) {
  cv::Mat noise(160, 240, CV_8UC4);
  cv::RNG(3).fill(noise, cv::RNG::UNIFORM, 0, 256);
  const Camera camera = turntable_view(130);
  const cv::Mat same = onto_canonical(noise, camera, camera);
  EXPECT_EQ(cv::norm(noise, same, cv::NORM_INF), 0);
  const cv::Mat shifted = onto_canonical(noise, reframed(camera, {1, 0.01, 0, 0}), camera);
  EXPECT_GT(cv::norm(noise, shifted, cv::NORM_INF), 0);
}

TEST(Canonical, UndoesAKnownFraming) {
  for (const double azimuth : {0.0, 45.0, 160.0, 270.0}) {
    const Camera to = turntable_view(azimuth);
    const cv::Mat truth = render_tiny_vehicle(to, 1);
    for (const Framing framing : {Framing{1, 0.0421, -0.0313, 0}, Framing{0.85, -0.02, 0.03, 2 * kDegree},
                                  Framing{1.1, 0.02, 0.03, -3 * kDegree}}) {
      const Camera from = reframed(to, framing);
      const cv::Mat seen = render_tiny_vehicle(from, 1), undone = onto_canonical(seen, from, to, kGround);
      const Mass expected = mass_of(truth), got = mass_of(undone);
      EXPECT_NEAR(got.x, expected.x, 0.1) << azimuth;
      EXPECT_NEAR(got.y, expected.y, 0.1) << azimuth;
      EXPECT_NEAR(got.mass / expected.mass, 1, 0.005) << azimuth;
      EXPECT_LT(mean_difference(undone, truth), 0.0035) << azimuth;
      EXPECT_GT(mean_difference(seen, truth), 0.01) << azimuth;
    }
  }
}

// A photograph from higher up shows the same wheels on the same line, and stays upright.
TEST(Canonical, ElevationDoesNotLiftTheVehicle) {
  for (const double azimuth : {0.0, 90.0, 225.0}) {
    const Camera to = turntable_view(azimuth, 8);
    const double line = ground_line(to, kGround), centre = project(to, Eigen::Vector3d::Zero()).y();
    for (const double elevation : {2.0, 14.0}) {
      const Camera from = turntable_view(azimuth, elevation);
      const Similarity placed = between(from, to, kGround);
      const auto row = [&](double y) { return (placed.linear * Eigen::Vector2d(120, y) + placed.offset).y(); };
      EXPECT_NEAR(row(ground_line(from, kGround)), line, 1e-6);
      EXPECT_GT(std::abs(row(project(from, Eigen::Vector3d::Zero()).y()) - centre), 2) << "the centre alone misleads";
      const Similarity turned = between(reframed(from, {0.95, 0.01, 0.02, 1 * kDegree}), to, kGround);
      EXPECT_NEAR(std::abs(std::atan2(turned.linear(1, 0), turned.linear(0, 0))), 1 * kDegree, 0.05 * kDegree);
      EXPECT_NEAR(turned.scale(), placed.scale() / 0.95, 1e-9);
    }
  }
}

// The picture of the carried camera is the carried picture.
TEST(Canonical, ACameraIsCarriedAsItsPictureIs) {
  for (const double azimuth : {3.0, 90.0, 225.0}) {
    const Camera to = turntable_view(azimuth, 17, 120, 90),
                 from = reframed(turntable_view(azimuth, 5), {0.9, 0.03, -0.02, 2 * kDegree});
    const Similarity placed = between(from, to, kGround);
    const Camera camera = carried(from, to, kGround);
    EXPECT_EQ(camera.width, 120);
    EXPECT_EQ(camera.height, 90);
    EXPECT_NEAR(viewing_direction(camera).elevation_deg, 5, 1e-6) << "its own, not the turntable's";
    for (const Eigen::Vector3d& point :
         {Eigen::Vector3d(0, 0, 0), Eigen::Vector3d(0.4, -0.2, 0.1), Eigen::Vector3d(-0.5, 0.1, kGround)}) {
      const Eigen::Vector2d expected = placed.linear * project(from, point) + placed.offset;
      EXPECT_LT((project(camera, point) - expected).norm(), 1e-6) << azimuth;
    }
  }
}

double steepest(const cv::Mat& rgba) {
  double sum = 0;
  for (int y = 0; y < rgba.rows; ++y) {
    double row = 0;
    for (int x = 2; x < rgba.cols; ++x) {
      const double step = rgba.at<cv::Vec4b>(y, x)[3] / 255.0 - rgba.at<cv::Vec4b>(y, x - 2)[3] / 255.0;
      row = std::max(row, std::abs(step));
    }
    sum += row;
  }
  return sum;
}

TEST(Canonical, EdgesStayAsSteep) {
  const Camera to = turntable_view(90);
  const double before = steepest(render_tiny_vehicle(to, 1));
  for (const double scale : {0.8, 0.95, 1.0}) {
    const Camera from = reframed(to, {1 / scale, 0.0137, 0.0071, 1.5 * kDegree});
    const double after = steepest(onto_canonical(render_tiny_vehicle(from, 1), from, to, kGround));
    EXPECT_NEAR(after / before, 1, 0.05) << scale;
  }
}

// Stripes of five pixels keep their contrast through a shift by half a pixel: cubic filters do
// not.
TEST(Canonical, FineDetailKeepsItsContrast) {
  cv::Mat stripes(60, 90, CV_8UC4);
  for (int y = 0; y < 60; ++y) {
    for (int x = 0; x < 90; ++x) {
      const auto grey = static_cast<unsigned char>(std::lround(128 + 100 * std::sin(2 * 3.14159265 * (x + 0.5) / 5)));
      stripes.at<cv::Vec4b>(y, x) = {grey, grey, grey, 255};
    }
  }
  Similarity shift;
  shift.offset = {0.5, 0.5};
  const cv::Mat moved = straight(resample(premultiplied(stripes), shift, 90, 60));
  const auto deviation = [](const cv::Mat& rgba) {
    cv::Mat grey;
    cv::extractChannel(rgba(cv::Rect(10, 10, 70, 40)), grey, 0);
    cv::Scalar mean, sd;
    cv::meanStdDev(grey, mean, sd);
    return sd[0];
  };
  EXPECT_NEAR(deviation(moved) / deviation(stripes), 1, 0.06);
}

TEST(Canonical, EdgesHaveNoHalo) {
  // One colour with soft and hard edges over clear pixels that hold white.
  cv::Mat disc(120, 180, CV_8UC4, cv::Scalar(255, 255, 255, 0));
  for (int y = 0; y < 120; ++y) {
    for (int x = 0; x < 180; ++x) {
      const double inside = 40 - std::hypot(x - 90, y - 60);
      const double alpha = x > 90 ? (inside > 0 ? 1 : 0) : std::clamp(inside, 0.0, 1.0);
      if (alpha > 0) disc.at<cv::Vec4b>(y, x) = cv::Vec4b(200, 60, 20, static_cast<unsigned char>(255 * alpha));
    }
  }
  const Camera to = turntable_view(90, 8, 180, 120);
  for (const double scale : {0.5, 0.8, 1.0, 1.3}) {
    const cv::Mat moved = onto_canonical(disc, reframed(to, {1 / scale, 0.0137, 0.0071, 1.5 * kDegree}), to);
    int covered = 0;
    for (int y = 0; y < 120; ++y) {
      for (int x = 0; x < 180; ++x) {
        const auto& pixel = moved.at<cv::Vec4b>(y, x);
        if (pixel[3] == 0) {
          ASSERT_EQ(pixel, cv::Vec4b(0, 0, 0, 0));
          continue;
        }
        ++covered;
        ASSERT_NEAR(pixel[0], 200, 1) << x << ' ' << y;
        ASSERT_NEAR(pixel[1], 60, 1) << x << ' ' << y;
        ASSERT_NEAR(pixel[2], 20, 1) << x << ' ' << y;
      }
    }
    const double area = 3.14159265 * 1600 * scale * scale;
    EXPECT_NEAR(covered, area, 0.12 * area) << "a faint ring around would add to it";
  }
}

struct Spin {
  std::vector<Camera> cameras;
  std::vector<cv::Mat> pictures;
};
Spin uneven_spin(const std::function<Framing(int)>& framing, double rise = 1.5) {
  Spin spin;
  for (int slot = 0; slot < 8; ++slot) {
    spin.cameras.push_back(
        reframed(turntable_view(45 * slot, 8 + rise * std::cos(45 * slot * kDegree)), framing(slot)));
    spin.pictures.push_back(render_tiny_vehicle(spin.cameras.back(), 1));
  }
  return spin;
}

TEST(Canonical, OneScaleAndOneGroundLineForAll) {
  const Spin spin = uneven_spin([](int slot) {
    const double wave = std::sin(1.0 + 2.0 * slot);
    return Framing{1 + 0.08 * wave, 0.04 * std::cos(3.0 * slot), 0.05 * wave, 2 * kDegree * std::cos(1.0 * slot)};
  });
  const CanonicalSpin common = canonical_spin(spin.cameras, spin.pictures);
  EXPECT_NEAR(common.turntable.elevation_deg, 8, 0.6);
  EXPECT_NEAR(common.turntable.distance, 3.2, 1e-6);
  EXPECT_NEAR(common.turntable.focal, 2.5, 0.15);
  EXPECT_EQ(common.centre_u, 120);
  double mean_line = 0, wanted = 0;
  std::vector<double> before, after;
  for (std::size_t i = 0; i < 8; ++i) {
    const Camera to = common.camera(45.0 * static_cast<double>(i));
    const cv::Mat placed = onto_canonical(spin.pictures[i], spin.cameras[i], to, common.ground_z);
    const cv::Mat truth = render_tiny_vehicle(to, 1);
    EXPECT_NEAR(mass_of(placed).x, mass_of(truth).x, 0.3) << i;
    EXPECT_NEAR(std::sqrt(mass_of(placed).mass / mass_of(truth).mass), 1, 0.02) << i;
    EXPECT_NEAR(bottom_of(placed), bottom_of(truth), 1) << i;
    before.push_back(std::abs(bottom_of(spin.pictures[i]) - bottom_of(truth)));
    mean_line += ground_line(to, common.ground_z) / 8;
    wanted += ground_line(spin.cameras[i], common.ground_z) / 8;
  }
  EXPECT_GT(*std::max_element(before.begin(), before.end()), 5) << "the photographs bounced";
  EXPECT_NEAR(mean_line, wanted, 0.05);
}

TEST(Canonical, ScaleShrinksUntilAllViewsFit) {
  // One view reaches the border: the whole spin makes room for it.
  const Spin spin = uneven_spin([](int slot) {
    return slot == 2 ? Framing{1, 0.1, 0.2, 0} : Framing{1.25, 0, 0.2, 0};
  });
  const CanonicalSpin common = canonical_spin(spin.cameras, spin.pictures);
  EXPECT_LT(common.turntable.focal, 1.25 * 2.5);
  for (std::size_t i = 0; i < 8; ++i) {
    const Camera to = common.camera(45.0 * static_cast<double>(i));
    const cv::Mat placed = onto_canonical(spin.pictures[i], spin.cameras[i], to, common.ground_z);
    cv::Mat alpha;
    cv::extractChannel(placed, alpha, 3);
    const cv::Rect box = cv::boundingRect(cv::Mat(alpha >= 13));
    EXPECT_GE(box.x, 4) << i;
    EXPECT_GE(box.y, 3) << i;
    EXPECT_LE(box.br().x, 236) << i;
    EXPECT_LE(box.br().y, 157) << i;
  }
}

// Without true cameras: the wheels of all eight photographs come to stand where one turntable has them.
TEST(Canonical, RealCarsStandOnOneTurntable) {
  SPINFILL_NEEDS_REAL_DATA();
  double before = 0;  // px
  for (const char* car : {"bj40-green", "cs55-blue", "stinger-white"}) {
    const ViewSet set = read_view_set(test::real_data() / "spins" / car);
    const Stabilisation estimate = stabilise_set(set);
    Spin spin;
    for (std::size_t i = 0; i < set.frames.size(); ++i) {
      spin.cameras.push_back(estimate.views[i].camera);
      spin.pictures.push_back(read_masked_picture(set, set.frames[i]));
    }
    const CanonicalSpin common = canonical_spin(spin.cameras, spin.pictures);
    for (std::size_t i = 0; i < spin.cameras.size(); ++i) {
      const Camera to = common.camera(viewing_direction(spin.cameras[i]).azimuth_deg);
      const cv::Mat placed = onto_canonical(spin.pictures[i], spin.cameras[i], to, common.ground_z);
      const double line = ground_line(to, common.ground_z);
      before = std::max(before, std::abs(bottom_of(spin.pictures[i]) - line));
      EXPECT_NEAR(bottom_of(placed), line, 0.006 * set.width) << car << ' ' << i;
    }
  }
  EXPECT_GT(before, 10) << "one of them bounces as photographed";
}

TEST(Canonical, RefusesWhatHasNoPlace) {
  const Camera camera = turntable_view(0);
  const cv::Mat clear(160, 240, CV_8UC4, cv::Scalar::all(0));
  test::expect_error(ExitCode::runtime, {"mask is empty"}, [&] { canonical_spin({camera}, {clear}); });
  test::expect_error(ExitCode::runtime, {"0 cameras"}, [&] { canonical_spin({}, {}); });
  test::expect_error(ExitCode::runtime, {"10x10", "240x160"},
                     [&] { onto_canonical(cv::Mat(10, 10, CV_8UC4), camera, camera); });
  Camera away = camera;
  away.vehicle_from_camera.block<3, 1>(0, 3) *= -1;
  test::expect_error(ExitCode::runtime, {"does not see"},
                     [&] { canonical_spin({away}, {clear + cv::Scalar::all(255)}); });
}

}  // namespace
}  // namespace spinfill

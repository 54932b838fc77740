// SPDX-License-Identifier: Apache-2.0
// How far estimated cameras are from true ones, on view sets that state theirs (spinfill synth with jitter), and how
// long the estimate takes. The estimator sees the masks and, as stated azimuths, the primary ones.
//
//   benchmark_stabilise --data DIR [--leave-out N] [--each]
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "data/open_data_set.h"
#include "data/sets/data_set.h"
#include "data/spins/stabilise.h"

namespace spinfill {
namespace {

constexpr double kDegree = std::numbers::pi / 180;

struct Column {
  const char* name;
  std::vector<double> values = {};
  void print() {
    std::sort(values.begin(), values.end());
    double squares = 0;
    for (const double v : values) squares += v * v;
    const auto n = values.size();
    fmt::print("{:28} median {:7.3f}  rms {:7.3f}  90 % {:7.3f}\n", name, values[n / 2],
               std::sqrt(squares / static_cast<double>(n)), values[n * 9 / 10]);
  }
};

double log_scale(const Camera& camera) {
  return std::log(camera.fl_x / camera.vehicle_from_camera.block<3, 1>(0, 3).norm());
}

double roll_deg(const Camera& camera) {
  return viewing_roll(camera) / kDegree;
}

int run(const std::string& folder, int leave_out, bool each) {
  const at::NoGradGuard no_grad;
  Column stated{"azimuth as stated, degrees"}, azimuth{"azimuth, degrees"}, scale{"scale, %"}, roll{"roll, degrees"},
      elevation{"elevation, degrees"}, shift{"shift, % of the width"}, seconds{"seconds per set"};
  int hand_held = 0, sets = 0;
  const DataSet data = open_data_set(folder, "test");
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const ViewSet truth = *data.view_set(i);
    ViewSet set = truth;
    for (Frame& frame : set.frames) {
      if (!frame.camera) fail("{}: states no cameras to compare with", set.folder.string());
      frame.azimuth_deg = 45.0 * frame.slot();
    }
    // Spread over the spin, others for each set.
    for (int i = 0; i < leave_out; ++i)
      set.frames.erase(set.frames.begin() + (3 * sets + 3 * i) % static_cast<int>(set.frames.size()));
    const auto began = std::chrono::steady_clock::now();
    const Stabilisation found = stabilise_set(set);
    seconds.values.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
    hand_held += found.hand_held;
    ++sets;
    // The vehicle's unit may differ by a few percent: scales count beside each other.
    const auto n = static_cast<double>(set.frames.size());
    double difference = 0;
    for (std::size_t i = 0; i < set.frames.size(); ++i)
      difference += (log_scale(found.views[i].camera) - log_scale(*set.frames[i].camera)) / n;
    for (std::size_t i = 0; i < set.frames.size(); ++i) {
      const Camera &camera = *set.frames[i].camera, &estimate = found.views[i].camera;
      const Direction direction = viewing_direction(camera);
      const auto turn = [&](double deg) { return std::abs(std::remainder(deg - direction.azimuth_deg, 360.0)); };
      stated.values.push_back(turn(set.frames[i].azimuth_deg));
      azimuth.values.push_back(turn(found.views[i].azimuth_deg));
      scale.values.push_back(100 * std::abs(log_scale(estimate) - log_scale(camera) - difference));
      roll.values.push_back(std::abs(roll_deg(estimate) - roll_deg(camera)));
      elevation.values.push_back(std::abs(found.views[i].elevation_deg - direction.elevation_deg));
      shift.values.push_back(
          100 / static_cast<double>(set.width) *
          (project(estimate, Eigen::Vector3d::Zero()) - project(camera, Eigen::Vector3d::Zero())).norm());
    }
    if (each) {
      fmt::print("{}: azimuths within {:.1f} degrees, residual {:.4f}, confidence {:.2f}\n", set.id,
                 *std::max_element(azimuth.values.end() - std::ssize(set.frames), azimuth.values.end()), found.miss,
                 found.confidence);
    }
  }
  if (sets == 0) fail("{}: no sets", folder);
  fmt::print("{} sets, {} views each, {} taken for hand-held\n", sets,
             azimuth.values.size() / static_cast<std::size_t>(sets), hand_held);
  for (Column* column : {&stated, &azimuth, &scale, &shift, &roll, &elevation, &seconds}) column->print();
  return 0;
}

}  // namespace
}  // namespace spinfill

int main(int argc, char** argv) {
  CLI::App app("Errors of estimated cameras on sets whose cameras are known");
  std::string data;
  int leave_out = 0;
  bool each = false;
  app.add_option("--data", data, "Data set with true cameras; its split test is taken")->required();
  app.add_option("--leave-out", leave_out, "Views taken away from each set")->check(CLI::Range(0, 6));
  app.add_flag("--each", each, "One line per set, too");
  CLI11_PARSE(app, argc, argv);
  try {
    return spinfill::run(data, leave_out, each);
  } catch (const spinfill::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return static_cast<int>(error.code());
  }
}

// SPDX-License-Identifier: Apache-2.0
#include "synth/import/orientation.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"

namespace spinfill::synth {
namespace {

constexpr int kBins = 64;

struct Extent {
  Vec3 low = Vec3::Constant(1e30f), high = Vec3::Constant(-1e30f);
};

Extent extent_of(const std::vector<Vec3>& points) {
  Extent extent;
  for (const auto& p : points) {
    extent.low = extent.low.cwiseMin(p);
    extent.high = extent.high.cwiseMax(p);
  }
  return extent;
}

// Share of occupied cells whose mirror image across the middle of `axis` is empty: small for a plane of symmetry.
float asymmetry(const std::vector<Vec3>& points, int axis) {
  const Extent extent = extent_of(points);
  constexpr int kCells = 24;
  std::vector<bool> cells(kCells * kCells * kCells, false);
  const auto index = [&](int x, int y, int z) { return static_cast<std::size_t>((x * kCells + y) * kCells + z); };
  for (const auto& p : points) {
    int c[3];
    for (int k = 0; k < 3; ++k) {
      const float span = std::max(1e-12f, extent.high[k] - extent.low[k]);
      c[k] = std::clamp(static_cast<int>((p[k] - extent.low[k]) / span * kCells), 0, kCells - 1);
    }
    cells[index(c[0], c[1], c[2])] = true;
  }
  int occupied = 0, lonely = 0;
  for (int x = 0; x < kCells; ++x) {
    for (int y = 0; y < kCells; ++y) {
      for (int z = 0; z < kCells; ++z) {
        if (!cells[index(x, y, z)]) continue;
        ++occupied;
        int m[3] = {x, y, z};
        m[axis] = kCells - 1 - m[axis];
        lonely += !cells[index(m[0], m[1], m[2])];
      }
    }
  }
  return static_cast<float>(lonely) / static_cast<float>(std::max(1, occupied));
}

// > 0 where the front seems to lie towards +forward: a windscreen slopes where a cab's back or a tailgate is sheer;
// where both ends slope, cabin or load stand behind the middle.
float front_score(const std::vector<Vec3>& points, const Vec3& forward, const Vec3& up) {
  std::array<float, kBins> top;
  top.fill(0);
  float low_x = 1e30f, high_x = -1e30f, low_z = 1e30f, high_z = -1e30f;
  for (const auto& p : points) {
    low_x = std::min(low_x, p.dot(forward));
    high_x = std::max(high_x, p.dot(forward));
    low_z = std::min(low_z, p.dot(up));
    high_z = std::max(high_z, p.dot(up));
  }
  for (const auto& p : points) {
    const float x = (p.dot(forward) - low_x) / std::max(1e-12f, high_x - low_x),
                z = (p.dot(up) - low_z) / std::max(1e-12f, high_z - low_z);
    auto& bin = top[static_cast<std::size_t>(std::clamp(static_cast<int>(x * kBins), 0, kBins - 1))];
    bin = std::max(bin, z);
  }
  const auto crossing = [&](float level, bool from_front) {
    for (int i = 0; i < kBins; ++i) {
      if (top[static_cast<std::size_t>(from_front ? kBins - 1 - i : i)] >= level) return static_cast<float>(i) / kBins;
    }
    return 1.0f;
  };
  const auto run = [&](bool from_front) {
    return std::min(0.12f, crossing(0.93f, from_front) - crossing(0.78f, from_front));
  };
  float weight = 0, moment = 0;
  for (int i = 0; i < kBins; ++i) {
    const float above = std::max(0.0f, top[static_cast<std::size_t>(i)] - 0.6f);
    weight += above;
    moment += above * ((static_cast<float>(i) + 0.5f) / kBins - 0.5f);
  }
  return 4 * (run(true) - run(false)) - 1.5f * moment / std::max(1e-6f, weight);
}

// The direction from the parts named `to` towards those named … opposite.
bool named_direction(const std::vector<NamedPoint>& names, Vec3& direction) {
  static const std::vector<std::string> ahead = {"front",  "headl",      "head_l",     "hood",
                                                 "bonnet", "windscreen", "windshield", "grill"};
  static const std::vector<std::string> behind = {"back", "rear", "taill", "tail_l", "trunk", "exhaust", "tailgate"};
  Vec3 sums[2] = {Vec3::Zero(), Vec3::Zero()};
  int counts[2] = {0, 0};
  const auto holds = [](const std::string& name, const std::vector<std::string>& words) {
    return std::any_of(words.begin(), words.end(),
                       [&](const auto& word) { return name.find(word) != std::string::npos; });
  };
  for (const auto& named : names) {
    const bool a = holds(named.name, ahead), b = holds(named.name, behind);
    if (a == b) continue;
    sums[b] += named.centre;
    ++counts[b];
  }
  if (counts[0] == 0 || counts[1] == 0) return false;
  direction = sums[0] / static_cast<float>(counts[0]) - sums[1] / static_cast<float>(counts[1]);
  return direction.norm() > 0;
}

}  // namespace

bool is_axis(const std::string& text) {
  static const std::array<const char*, 9> axes = {"x", "-x", "y", "-y", "z", "-z", "+x", "+y", "+z"};
  return std::any_of(axes.begin(), axes.end(), [&](const char* a) { return text == a; });
}

Vec3 axis(const std::string& text) {
  const char letter = text.back();
  return (text[0] == '-' ? -1.0f : 1.0f) * Vec3(letter == 'x', letter == 'y', letter == 'z');
}

std::string axis_name(const Vec3& axis) {
  int k = 0;
  axis.cwiseAbs().maxCoeff(&k);
  return fmt::format("{}{}", axis[k] < 0 ? '-' : '+', "xyz"[k]);
}

Orientation find_orientation(const std::vector<Vec3>& points, const std::vector<NamedPoint>& names,
                             const std::string& up, const std::string& front, const std::string& format_up,
                             const std::string& format_front, const std::string& format_name) {
  Orientation out;
  const Extent extent = extent_of(points);
  const Vec3 size = extent.high - extent.low;
  int lateral = -1;
  if (up != "auto") {
    out.up = axis(up);
    out.up_from = "given";
  } else if (!format_up.empty()) {
    out.up = axis(format_up);
    out.up_from = format_name;
  } else {
    // Z or Y: the one that is not the line of symmetry nor the longest side.
    const float y = asymmetry(points, 1), z = asymmetry(points, 2), x = asymmetry(points, 0);
    lateral = x <= y && x <= z ? 0 : y <= z ? 1 : 2;
    int vertical = -1;
    for (int k = 0; k < 3; ++k) {
      if (k != lateral && (vertical < 0 || size[k] < size[vertical])) vertical = k;
    }
    out.up = Vec3::Unit(vertical);
    out.up_from = "shape";
  }
  if (front != "auto") {
    out.front = axis(front);
    out.front_from = "given";
    if (std::abs(out.front.dot(out.up)) > 0.5f) {
      if (up == "auto" && format_up.empty()) {
        out.up = std::abs(out.front.z()) > 0.5f ? Vec3(0, 1, 0) : Vec3(0, 0, 1);
      } else {
        fail_usage("--front {}: the up axis is {}; give --up as well, on another axis", front, axis_name(out.up));
      }
    }
    return out;
  }
  Vec3 direction;
  if (named_direction(names, direction)) {
    direction -= direction.dot(out.up) * out.up;
    int k = 0;
    direction.cwiseAbs().maxCoeff(&k);
    if (direction.norm() > 0.05f * size.maxCoeff()) {
      out.front = (direction[k] < 0 ? -1.0f : 1.0f) * Vec3::Unit(k);
      out.front_from = "names";
      return out;
    }
  }
  if (!format_front.empty() && std::abs(axis(format_front).dot(out.up)) < 0.5f) {
    out.front = axis(format_front);
    out.front_from = format_name;
    return out;
  }
  int k = -1;
  for (int i = 0; i < 3; ++i) {
    if (std::abs(out.up[i]) < 0.5f && (k < 0 || size[i] > size[k])) k = i;
  }
  out.front = Vec3::Unit(k);
  if (front_score(points, out.front, out.up) < 0) out.front = -out.front;
  out.front_from = "shape";
  return out;
}

}  // namespace spinfill::synth

// SPDX-License-Identifier: Apache-2.0
#include "synth/import/orientation.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"
#include "synth/import/front_evidence.h"

namespace spinfill::synth {
namespace {

// The front's probability from which it is taken from the shape; a reading less likely than the rest is contradicted.
constexpr float kSure = 0.95f;
constexpr float kLonger = 1.15f;  // from this ratio one side is longer than another

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

bool along(const Vec3& axis, int k) {
  return std::abs(axis[k]) > 0.5f;
}

// The axis that goes up, by the shape: a vehicle is longest along its front and more alike left and right than above
// and below. front: an axis that is known to be another one, or −1.
struct UpGuess {
  int up = 2, side = 1;
  bool sure = false;
};
UpGuess up_from_shape(const std::vector<Vec3>& points, const Vec3& size, int front) {
  const bool known = front >= 0;
  if (!known) size.maxCoeff(&front);
  UpGuess out{(front + 1) % 3, (front + 2) % 3};
  float up = asymmetry(points, out.up), side = asymmetry(points, out.side);
  if (up < side || (up == side && size[out.side] < size[out.up])) {
    std::swap(out.up, out.side);
    std::swap(up, side);
  }
  const bool longest = size[front] > kLonger * std::max(size[out.up], size[out.side]);
  out.sure = side < 0.8f * up && (known || longest);
  return out;
}

int longer_side(const Vec3& size, const Vec3& up) {
  int out = -1;
  for (int k = 0; k < 3; ++k) {
    if (!along(up, k) && (out < 0 || size[k] > size[out])) out = k;
  }
  return out;
}

std::string percent(float probability) {
  return fmt::format("{:.0f} %", std::min(99.0f, std::floor(100 * probability)));
}

// The likelier front by the shape alone, and how likely it is.
struct FrontGuess {
  Vec3 front;
  float probability;
};
FrontGuess front_from_shape(const std::vector<Vec3>& points, const Vec3& size, const Vec3& up) {
  const Vec3 line = Vec3::Unit(longer_side(size, up));
  const float p = front_probability(points, line, up);
  return p >= 0.5f ? FrontGuess{line, p} : FrontGuess{-line, 1 - p};
}

void find_up(const std::vector<Vec3>& points, const Vec3& size, const KnownAxes& known, Orientation& out) {
  if (known.up != "auto") {
    out.up = axis(known.up);
    out.up_from = "given";
    return;
  }
  int front = -1;
  if (known.front != "auto") axis(known.front).cwiseAbs().maxCoeff(&front);
  const UpGuess guess = up_from_shape(points, size, front);
  if (known.format_up.empty()) {
    out.up = Vec3::Unit(guess.up);
    out.up_from = "shape";
    if (!guess.sure) out.doubt = "its shape does not tell which axis goes up";
  } else {
    out.up = axis(known.format_up);
    out.up_from = known.format_name;
    if (guess.sure && !along(out.up, guess.up))
      out.doubt = fmt::format("{} says that {} goes up, but it stands along {} by its shape", known.format_name,
                              axis_name(out.up), "xyz"[guess.up]);
  }
  if (out.doubt.empty()) return;
  std::vector<Vec3> ups = {out.up};
  for (const int k : {guess.up, guess.side}) {
    if (!along(out.up, k)) ups.emplace_back(Vec3::Unit(k));
  }
  for (const Vec3& up : ups) {
    const FrontGuess either =
        known.front != "auto" ? FrontGuess{axis(known.front), 1} : front_from_shape(points, size, up);
    if (std::abs(either.front.dot(up)) > 0.5f) continue;
    out.readings.push_back({either.front, up});
    if (known.front == "auto") out.readings.push_back({-either.front, up});
  }
}

// Whether `front` may stand: not clearly against the shape.
bool agrees(const Vec3& front, const FrontGuess& guess, const Vec3& size) {
  int line = 0, other = 0;
  front.cwiseAbs().maxCoeff(&line);
  guess.front.cwiseAbs().maxCoeff(&other);
  if (line != other) return size[other] < kLonger * size[line];
  return front.dot(guess.front) > 0 || guess.probability < kSure;
}

void find_front(const std::vector<Vec3>& points, const std::vector<NamedPoint>& names, const Vec3& size,
                const KnownAxes& known, Orientation& out) {
  const FrontGuess guess = front_from_shape(points, size, out.up);
  Vec3 direction = Vec3::Zero();
  if (named_direction(names, direction)) direction -= direction.dot(out.up) * out.up;
  if (direction.norm() > 0.05f * size.maxCoeff()) {
    int k = 0;
    direction.cwiseAbs().maxCoeff(&k);
    out.front = (direction[k] < 0 ? -1.0f : 1.0f) * Vec3::Unit(k);
    out.front_from = "names";
  } else if (!known.format_front.empty() && std::abs(axis(known.format_front).dot(out.up)) < 0.5f) {
    out.front = axis(known.format_front);
    out.front_from = known.format_name;
  } else {
    out.front = guess.front;
    out.front_from = "shape, " + percent(guess.probability);
    if (guess.probability >= kSure || !out.doubt.empty()) return;
    out.doubt = fmt::format("its shape does not tell front from rear ({} with {})", axis_name(out.front),
                            percent(guess.probability));
    out.readings = {{out.front, out.up}, {-out.front, out.up}};
    return;
  }
  if (agrees(out.front, guess, size) || !out.doubt.empty()) return;
  out.doubt =
      fmt::format("the front is {} by {}, but {} by its shape", axis_name(out.front),
                  out.front_from == "names" ? "the names of its parts" : known.format_name, axis_name(guess.front));
  out.readings = {{out.front, out.up}, {guess.front, out.up}};
  if (guess.front.dot(out.front) == 0) out.readings.push_back({-guess.front, out.up});
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
                             const KnownAxes& known) {
  Orientation out;
  const Extent extent = extent_of(points);
  const Vec3 size = extent.high - extent.low;
  find_up(points, size, known, out);
  if (known.front == "auto") {
    find_front(points, names, size, known, out);
    return out;
  }
  out.front = axis(known.front);
  out.front_from = "given";
  if (std::abs(out.front.dot(out.up)) > 0.5f)
    fail_usage("--front {}: the up axis is {}; give --up as well, on another axis", known.front, axis_name(out.up));
  return out;
}

}  // namespace spinfill::synth

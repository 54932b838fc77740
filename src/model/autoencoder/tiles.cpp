// SPDX-License-Identifier: Apache-2.0
#include "model/autoencoder/tiles.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "core/error.h"

namespace spinfill {
namespace {

struct Area {
  std::int64_t top = 0, left = 0, height = 0, width = 0;
};

at::Tensor part(const at::Tensor& map, const Area& a) {
  return map.narrow(2, a.top, a.height).narrow(3, a.left, a.width);
}

// Size of a map beside that of the chain's input, as a fraction.
struct Scale {
  std::int64_t up = 1, down = 1;
  Scale after(const Step& step) const {
    Scale scale{up * step.up, down * step.down};
    const std::int64_t common = std::gcd(scale.up, scale.down);
    return {scale.up / common, scale.down / common};
  }
  std::int64_t of(std::int64_t pixels) const { return pixels * up / down; }
};

// Mean and variance [1,groups] of a whole map.
struct Statistics {
  at::Tensor mean, variance;
};

// Sums of a map's parts, in float64.
class Sums {
 public:
  explicit Sums(std::int64_t groups) : groups_(groups) {}
  void add(const at::Tensor& map) {
    const at::Tensor values = map.reshape({1, groups_, -1});
    count_ += values.size(2);
    // A tile's own mean is taken off first: squares of what is left do not cancel.
    const at::Tensor mean = values.mean(2, true);
    const at::Tensor spread = (values - mean).square().sum(2, false, at::kDouble);
    const at::Tensor own = values.sum(2, false, at::kDouble);
    sum_ = sum_.defined() ? sum_ + own : own;
    const at::Tensor squares = spread + 2 * mean.squeeze(2).to(at::kDouble) * own -
                               mean.squeeze(2).to(at::kDouble).square() * static_cast<double>(values.size(2));
    squares_ = squares_.defined() ? squares_ + squares : squares;
  }
  Statistics statistics() const {
    const at::Tensor mean = sum_ / static_cast<double>(count_);
    return {mean, (squares_ / static_cast<double>(count_) - mean.square()).clamp_min(0)};
  }

 private:
  std::int64_t groups_, count_ = 0;
  at::Tensor sum_, squares_;
};

// The steps from one map that is held whole to the next.
class Segment {
 public:
  Segment(const Steps& steps, std::size_t begin, std::size_t end, const at::Tensor& start, std::int64_t tile)
      : steps_(steps), begin_(begin), end_(end), start_(start) {
    Scale scale;
    for (std::size_t i = begin; i < end; ++i) {
      scale = scale.after(steps[i]);
      alignment_ = std::max(alignment_, scale.down);
    }
    scale_ = scale;
    tile_ = std::max(alignment_, (tile + alignment_ - 1) / alignment_ * alignment_);
    if (start.size(2) % alignment_ != 0 || start.size(3) % alignment_ != 0)
      fail("tiles need maps whose sides are multiples of {}; this one is {} x {}", alignment_, start.size(3),
           start.size(2));
  }

  at::Tensor run() {
    for (std::size_t i = begin_; i < end_; ++i) {
      if (!steps_[i].norm.is_empty()) measure(i);
    }
    at::Tensor out;
    for_tiles([&](const Area& core) {
      const at::Tensor result = computed(core, end_);
      if (!out.defined())
        out = at::empty({1, result.size(1), scale_.of(start_.size(2)), scale_.of(start_.size(3))}, start_.options());
      part(out, scaled(core, scale_)).copy_(result);
    });
    return out;
  }

 private:
  template <class Function>
  void for_tiles(const Function& function) const {
    for (std::int64_t y = 0; y < start_.size(2); y += tile_) {
      for (std::int64_t x = 0; x < start_.size(3); x += tile_)
        function(Area{y, x, std::min(tile_, start_.size(2) - y), std::min(tile_, start_.size(3) - x)});
    }
  }

  void measure(std::size_t step) {
    const GroupNorm& norm = steps_[step].norm;
    Sums sums(norm->groups());
    for_tiles([&](const Area& core) { sums.add(computed(core, step)); });
    statistics_[step] = sums.statistics();
  }

  static Area scaled(const Area& a, const Scale& s) {
    return {s.of(a.top), s.of(a.left), s.of(a.height), s.of(a.width)};
  }

  // Pixels of the first map around a tile on which its result after the steps before `end` depends.
  std::int64_t margin(std::size_t end) const {
    std::int64_t pixels = 0;
    for (std::size_t i = end; i-- > begin_;) {
      const Step& step = steps_[i];
      pixels = (pixels * step.down + step.up - 1) / step.up + step.reach;
    }
    return (pixels + alignment_ - 1) / alignment_ * alignment_;
  }

  // What the steps before `end` make of a tile. Beyond what it is given, the network sees the zeros of its paddings, as
  // at the picture's edge; what they reach is cut off.
  at::Tensor computed(const Area& core, std::size_t end) const {
    const std::int64_t around = margin(end);
    const Area wide{std::max<std::int64_t>(0, core.top - around), std::max<std::int64_t>(0, core.left - around), 0, 0};
    const std::int64_t bottom = std::min(start_.size(2), core.top + core.height + around),
                       right = std::min(start_.size(3), core.left + core.width + around);
    FeatureMap at{part(start_, {wide.top, wide.left, bottom - wide.top, right - wide.left}), {}};
    Scale scale;
    for (std::size_t i = begin_; i < end; ++i) {
      const Normalise normalise = [&](const GroupNorm& norm, const at::Tensor& map) {
        const Statistics& whole = statistics_.at(i);
        return norm->with_statistics(map, whole.mean, whole.variance);
      };
      at = steps_[i].run(at, normalise);
      scale = scale.after(steps_[i]);
    }
    return part(at.x, scaled({core.top - wide.top, core.left - wide.left, core.height, core.width}, scale));
  }

  const Steps& steps_;
  std::size_t begin_, end_;
  const at::Tensor& start_;
  Scale scale_;
  std::int64_t alignment_ = 1, tile_ = 1;
  std::map<std::size_t, Statistics> statistics_;
};

}  // namespace

at::Tensor run_tiled(const Steps& steps, const at::Tensor& x, std::int64_t tile) {
  const at::NoGradGuard no_grad;
  if (x.dim() != 4 || x.size(0) != 1) fail("tiles are made of one map at a time");
  if (tile < 1) fail("a tile has a side of {} px: give at least 1", tile);
  // Values of a map, in units of the input's pixels; inside a block, of what is kept as well.
  std::vector<Scale> scales;
  Scale scale, largest;
  double widest = 0;
  const auto values = [&](std::size_t i) {
    return static_cast<double>(steps[i].channels * scales[i].up * scales[i].up) /
           static_cast<double>(scales[i].down * scales[i].down);
  };
  for (std::size_t i = 0; i < steps.size(); ++i) {
    scale = scale.after(steps[i]);
    scales.push_back(scale);
    if (scale.up > largest.up) largest = scale;
    widest = std::max(widest, values(i));
  }
  at::Tensor map = x;
  Scale now;
  for (std::size_t begin = 0; begin < steps.size();) {
    std::size_t end = begin + 1;
    if (steps[begin].needs_all) {
      map = run_whole({steps[begin]}, map);
    } else {
      // As far as the next map that can be held, or that one step needs whole.
      while (end < steps.size() && !steps[end].needs_all &&
             (steps[end - 1].inside_block || values(end - 1) > widest / 4))
        ++end;
      // The tile's side at this map.
      const std::int64_t side = tile * now.up * largest.down / (now.down * largest.up);
      const at::Tensor start = map;
      map = Segment(steps, begin, end, start, std::max<std::int64_t>(1, side)).run();
    }
    now = scales[end - 1];
    begin = end;
  }
  return map;
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "data/photo/photo_warp.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <array>
#include <functional>
#include <utility>
#include <vector>

#include <opencv2/imgproc.hpp>

#include "data/photo/aligned_sources.h"
#include "data/photo/carried_side.h"
#include "data/photo/depth_sweep.h"
#include "data/photo/lettering.h"
#include "data/photo/mirror_view.h"
#include "data/priors/prior_image.h"
#include "data/priors/surface_maps.h"
#include "data/priors/surface_warp.h"
#include "geometry/camera_tensors.h"

namespace spinfill {
namespace {

// The correction as it lies in a window of the set's picture, [h,w]; 0 beyond.
at::Tensor in_window(const DepthCorrection& correction, const cv::Rect& window) {
  const Letterbox& fitted = correction.fitted;
  // From a pixel of the window to its place in the map, both by pixel centres.
  const cv::Matx23d place(fitted.scale, 0, fitted.scale * (window.x + 0.5) + fitted.offset_x - 0.5, 0, fitted.scale,
                          fitted.scale * (window.y + 0.5) + fitted.offset_y - 0.5);
  cv::Mat there;
  cv::warpAffine(correction.map, there, place, window.size(), cv::INTER_LINEAR | cv::WARP_INVERSE_MAP,
                 cv::BORDER_CONSTANT);
  return at::from_blob(there.data, {window.height, window.width}, at::kFloat).clone();
}

void correct(Surface& surface, const at::Tensor& correction) {
  const at::Tensor along = surface.pixels.take(correction.flatten().unsqueeze(0));  // [1,P]
  surface.point = surface.point + along.unsqueeze(2) * surface.direction;
}

at::Tensor fitted_to(const at::Tensor& map, cv::Size size) {
  cv::Mat out;
  const cv::Mat in(static_cast<int>(map.size(0)), static_cast<int>(map.size(1)), CV_32FC1, map.data_ptr<float>());
  cv::resize(in, out, size, 0, 0, size.width < in.cols ? cv::INTER_AREA : cv::INTER_LINEAR);
  return at::from_blob(out.data, {out.rows, out.cols}, at::kFloat).clone();
}

constexpr std::int64_t kAligned = 5;  // sources of a view that are moved onto each other, at most
constexpr double kLeastShare = 0.03;  // of the view that such a source shows
constexpr double kDirectFirst = 13;   // direct sources count so much more where both sides show the surface
constexpr double kLeastTrust = 1e-3;  // of what is filled in, beside the mirror view
constexpr double kLegible = 0.2;      // cos² of the slant at which lettering can be read

// The sources of both sides, those that show most aligned, blended into one picture.
PriorPicture aligned_picture(const Surface& surface, CarriedSide direct, CarriedSide mirrored,
                             const at::Tensor& lettered, cv::Size size) {
  const at::Tensor yields = mirrored.total / (mirrored.total + kDirectFirst * direct.total).clamp_min(1e-9) *
                            (1 - lettered * (direct.shown / kLegible).clamp_max(1));
  for (at::Tensor& weight : mirrored.weights) weight = weight * yields;
  const at::Tensor total = (direct.total + mirrored.total * yields).clamp_min(1e-9);
  struct Source {
    const at::Tensor *colour, *weight;
    bool mirrored;
    double share;
  };
  std::vector<Source> sources;
  for (const CarriedSide* side : {&direct, &mirrored})
    for (std::size_t r = 0; r < side->sources.size(); ++r)
      sources.push_back({&side->sources[r].colour, &side->weights[r], side == &mirrored,
                         (side->weights[r] / total).mean().item<double>()});
  std::ranges::stable_sort(sources, std::greater<>(), &Source::share);

  const auto plane = [&](const at::Tensor& values) {  // [1,P,C] → [C,H,W]
    return surface.pixels.maps(values, 1, size.height, size.width)[0][0];
  };
  std::array<at::Tensor, 2> colour, weight;  // of either side, [C,H,W]; colours times weight
  for (std::size_t side = 0; side < 2; ++side) {
    colour[side] = at::zeros({3, size.height, size.width});
    weight[side] = at::zeros({1, size.height, size.width});
  }
  std::vector<CarriedSource> leading;
  for (const Source& source : sources) {
    const at::Tensor by = source.weight->unsqueeze(2);
    if (std::ssize(leading) < kAligned && source.share >= kLeastShare) {
      leading.push_back({mat_of(plane(*source.colour)), mat_of(plane(by))});
      continue;
    }
    colour[source.mirrored].add_(plane(*source.colour * by));
    weight[source.mirrored].add_(plane(by));
  }
  align_sources(leading);
  for (std::size_t k = 0; k < leading.size(); ++k) {
    const auto of = [](const cv::Mat& map) {
      return at::from_blob(map.data, {map.rows, map.cols, map.channels()}, at::kFloat).permute({2, 0, 1});
    };
    colour[sources[k].mirrored].add_(of(leading[k].colour) * of(leading[k].weight));
    weight[sources[k].mirrored].add_(of(leading[k].weight));
  }
  const auto map = [](const at::Tensor& planes) { return planes.unsqueeze(0).unsqueeze(0); };
  const auto mean = [&](std::size_t side) { return map(colour[side] / weight[side].clamp_min(1e-9)); };
  const auto confidence = [&](std::size_t side) { return map(weight[side] / (1 + weight[side])); };
  return prior_picture(
      SeenColours{mean(0), confidence(0), mean(1), confidence(1), map(plane(surface.coverage.unsqueeze(2)))});
}

// Lays the mirrored photograph over what the hull warp shows, with `share` of it: CV_32FC1, 0 where it yields. The two
// are moved onto each other like any sources.
void lay_over(PhotoWarp& warp, const MirroredPicture& mirrored, const cv::Mat& share) {
  const cv::Mat over = share.mul(mirrored.coverage);
  std::vector<CarriedSource> layers = {{warp.colour, cv::Mat((1 - share).mul(cv::max(warp.trust, kLeastTrust)))},
                                       {mirrored.colour, over}};
  align_sources(layers);
  for (int y = 0; y < over.rows; ++y)
    for (int x = 0; x < over.cols; ++x) {
      const float below = layers[0].weight.at<float>(y, x), above = layers[1].weight.at<float>(y, x);
      float &trust = warp.trust.at<float>(y, x), &of_mirror = warp.mirrored.at<float>(y, x);
      const float part = above / std::max(below + above, 1e-9F), before = (1 - part) * trust;
      auto& colour = warp.colour.at<cv::Vec3f>(y, x);
      colour = (1 - part) * layers[0].colour.at<cv::Vec3f>(y, x) + part * layers[1].colour.at<cv::Vec3f>(y, x);
      trust = before + part;
      of_mirror = (before * of_mirror + part) / std::max(trust, 1e-6F);
    }
}

}  // namespace

struct PhotoWarper::State {
  // Pictures that colour is looked up in, and what each sees of the hull, which says what it hides from the others.
  struct Sources {
    References references;
    at::Tensor seen;  // reference_maps()
  };

  std::vector<PhotoView> views;     // given, then missing
  std::size_t given = 0, made = 0;  // made: generated views that tell, too
  std::vector<double> weights;      // of the given ones' colours
  PhotoWindows windows;
  cv::Size size;  // of the windows
  PriorConfig config;
  Sources photographs;
  Sources lettering;  // the photographs' (data/photo/lettering.h) in place of colour, some hundred px wide
  std::optional<Sources> generated;
  Hull hull;

  Camera camera(std::size_t v) const { return windows.camera(views[v], v); }

  // Of views[first …] with these pictures.
  References references_of(std::vector<PhotoView> some, std::size_t first) const {
    const PriorInputs in = photo_inputs(
        some, size, [&](std::size_t v) { return window_of(*some[v].picture, windows.windows[first + v]); },
        [&](std::size_t v) { return camera(first + v); });
    return gather_references(in.colour, in.alpha, in.background, in.is_reference, in.vehicle_from_camera,
                             in.intrinsics);
  }
  at::Tensor seen_by(const References& references) const {
    return reference_maps(march(hull, references.vehicle_from_camera, references.intrinsics, size.height, size.width),
                          references, references.count(), size.height, size.width);
  }
  cv::Size swept_size() const {
    const double scale = sweep_scale(size);
    return {static_cast<int>(std::lround(size.width * scale)), static_cast<int>(std::lround(size.height * scale))};
  }
  // What the mirror side shows of lettering on the flanks of `surface`, a view of swept_size(): [1,P].
  at::Tensor mirrored_lettering(const Surface& surface, const at::Tensor& slack, const WarpOptions& options) const {
    const Warped marks = warp_colour(surface, slack, lettering.references, lettering.seen, /*mirror=*/true, options);
    return marks.colour.select(2, 0).clamp(0, 1) * flank_panels(surface, hull);
  }
  // Over what view v shows of `surface`; yields: [1,P] in [0,1].
  void lay_mirror_view(PhotoWarp& warp, std::size_t v, const Surface& surface, const at::Tensor& yields) const {
    const std::optional<MirrorView> mirror = mirror_view_of(views, given, *views[v].frame->camera);
    if (!mirror) return;
    const auto plane = [&](const at::Tensor& values) {
      return mat_of(surface.pixels.maps(values.unsqueeze(2), 1, size.height, size.width)[0][0]);
    };
    const Camera own = camera(v);
    const at::Tensor eye =
        at::tensor({own.vehicle_from_camera(0, 3), own.vehicle_from_camera(1, 3), own.vehicle_from_camera(2, 3)})
            .to(at::kFloat);
    const MirroredPicture shown =
        mirrored_picture(*mirror, *views[mirror->photograph].picture, own, plane((surface.point - eye).norm(2, {2})));
    warp.outlined = mirror->share * weights[mirror->photograph];
    lay_over(warp, shown, warp.outlined * (1 - plane(yields)));
    warp.alpha = outline_between(warp.alpha, shown.coverage, warp.outlined);
  }
  Sources lettering_of_photographs() const {
    const cv::Size small = swept_size();
    Sources out = photographs;
    std::vector<at::Tensor> marks;
    for (std::size_t v = 0; v < given; ++v) {
      const cv::Mat whole = lettering_of(*views[v].picture);
      cv::Mat part(size, CV_32F, cv::Scalar::all(0)), fitted;
      const cv::Rect& window = windows.windows[v];
      const cv::Rect inside = window & cv::Rect({}, whole.size());
      if (!inside.empty()) whole(inside).copyTo(part(inside - window.tl()));
      cv::resize(part, fitted, small, 0, 0, cv::INTER_AREA);
      marks.push_back(
          at::from_blob(fitted.data, {1, small.height, small.width}, at::kFloat).expand({3, -1, -1}).clone());
    }
    const std::int64_t R = photographs.seen.size(1);
    const at::Tensor seen = at::upsample_nearest2d(photographs.seen[0].contiguous(), {small.height, small.width})
                                .view({1, R, 6, small.height, small.width});
    const at::Tensor premultiplied = at::stack(marks).unsqueeze(0) * seen.narrow(2, 3, 1);
    out.seen = at::cat({premultiplied, seen.narrow(2, 3, 3)}, 2);
    out.references.premultiplied = out.seen.narrow(2, 0, 4);
    out.references.intrinsics = photographs.references.intrinsics *
                                at::tensor({double(small.width) / size.width, double(small.height) / size.height,
                                            double(small.width) / size.width, double(small.height) / size.height},
                                           at::kDouble);
    return out;
  }
};

PhotoWarper::PhotoWarper(const ViewSet& set, const SlotPictures& pictures, PhotoWindows windows,
                         const SlotWeights& weights, const std::vector<FurtherPicture>& further)
    : state_(std::make_unique<State>()) {
  const at::NoGradGuard no_grad;
  State& s = *state_;
  s.views = photo_views_of(set, pictures, further);
  s.given = set.frames.size() + further.size();
  s.windows = std::move(windows);
  if (std::ranges::all_of(s.windows.boxes, [](const cv::Rect2d& box) { return box.empty(); })) return;
  s.size = s.windows.windows.front().size();
  s.config = photo_priors(s.size.width);
  s.photographs.references =
      s.references_of({s.views.begin(), s.views.begin() + static_cast<std::ptrdiff_t>(s.given)}, 0);
  s.hull = carve_hull(s.photographs.references, hull_options(s.config));
  s.photographs.seen = s.seen_by(s.photographs.references);
  // A reference's weight in the warp is multiplied by its alpha, and its colours are premultiplied by that.
  for (std::size_t v = 0; v < s.given; ++v) {
    const double weight = v < set.frames.size() ? weights[static_cast<std::size_t>(s.views[v].frame->slot())]
                                                : further[v - set.frames.size()].weight;
    s.photographs.seen[0][static_cast<std::int64_t>(v)].narrow(0, 0, 4).mul_(weight);
    s.weights.push_back(weight);
  }
  s.lettering = s.lettering_of_photographs();
}

PhotoWarper::~PhotoWarper() = default;
PhotoWarper::PhotoWarper(PhotoWarper&&) noexcept = default;
PhotoWarper& PhotoWarper::operator=(PhotoWarper&&) noexcept = default;

void PhotoWarper::add_generated(const cv::Mat& picture) {
  const at::NoGradGuard no_grad;
  State& s = *state_;
  if (!s.hull.distance.defined()) return;
  const std::size_t v = s.given + s.made++;
  State::Sources next{s.references_of({{s.views.at(v).frame, &picture}}, v), {}};
  next.seen = s.seen_by(next.references);
  if (!s.generated) {
    s.generated = std::move(next);
    return;
  }
  References& all = s.generated->references;
  const References& own = next.references;
  all.index = at::cat({all.index, own.index + all.count()}, 1);
  all.valid = at::cat({all.valid, own.valid}, 1);
  all.premultiplied = at::cat({all.premultiplied, own.premultiplied}, 1);
  all.vehicle_from_camera = at::cat({all.vehicle_from_camera, own.vehicle_from_camera}, 1);
  all.intrinsics = at::cat({all.intrinsics, own.intrinsics}, 1);
  s.generated->seen = at::cat({s.generated->seen, next.seen}, 1);
}

std::optional<PhotoWarp> PhotoWarper::onto(std::size_t index, const DepthCorrection* correction) const {
  return view(index, correction, /*aligned=*/false);
}

std::optional<PhotoWarp> PhotoWarper::aligned_onto(std::size_t index, const DepthCorrection* correction) const {
  return view(index, correction, /*aligned=*/true);
}

std::optional<PhotoWarp> PhotoWarper::view(std::size_t index, const DepthCorrection* correction, bool aligned) const {
  const at::NoGradGuard no_grad;
  const State& s = *state_;
  const std::size_t v = s.given + index;
  if (s.windows.boxes.at(v).empty()) return std::nullopt;
  const int width = s.size.width, height = s.size.height;
  CameraTensors from(1, 1);
  from.put(0, 0, s.camera(v));
  const at::Tensor eyes = from.vehicle_from_camera.narrow(-2, 0, 3).select(-1, 3).to(at::kFloat);
  const at::Tensor background = at::ones({1, 3});
  Surface surface = march(s.hull, from.vehicle_from_camera, from.intrinsics, height, width);
  const WarpOptions options = warp_options(s.config);
  at::Tensor slack = s.hull.slack();
  if (correction != nullptr) {
    correct(surface, in_window(*correction, s.windows.windows[v]));
    slack = at::full_like(slack, kCorrectedSlack);
  }
  at::Tensor reversed = at::zeros({height, width});  // lettering on flanks that the mirror side shows
  if (aligned) {
    const cv::Size small = s.swept_size();
    CameraTensors coarse(1, 1);
    coarse.put(0, 0, resized(s.camera(v), small.width, small.height));
    Surface start = march(s.hull, coarse.vehicle_from_camera, coarse.intrinsics, small.height, small.width);
    if (correction != nullptr) correct(start, fitted_to(in_window(*correction, s.windows.windows[v]), small));
    const at::Tensor agreed = swept_correction(start, s.photographs.references, s.photographs.seen, options, small);
    correct(surface, fitted_to(agreed, s.size));
    // Moved twice: else what both move the same way would be hidden from every photograph.
    slack = at::full_like(slack, correction != nullptr ? 2 * kCorrectedSlack : kCorrectedSlack);
    const at::Tensor marks = s.mirrored_lettering(start, slack, options);
    reversed = fitted_to(start.pixels.maps(marks.unsqueeze(2), 1, small.height, small.width)[0][0][0], s.size);
  }
  const auto picture = [&](const State::Sources& sources, bool with_mirror) {
    const auto carried = [&](bool mirror) {
      return warp_colour(surface, slack, sources.references, sources.seen, mirror, options);
    };
    const Warped direct = carried(false);
    const Warped mirrored =
        with_mirror ? carried(true) : Warped{at::zeros_like(direct.colour), at::zeros_like(direct.confidence)};
    return prior_picture(surface_maps(surface, direct, mirrored, eyes, background, height, width), background);
  };
  const at::Tensor lettered = at::maximum(lettered_ends(surface), surface.pixels.take(reversed.flatten().unsqueeze(0)));
  const auto side = [&](bool mirror) {
    return carried_side(surface, slack, s.photographs.references, s.photographs.seen, mirror, options, lettered);
  };
  const CarriedSide direct = aligned ? side(false) : CarriedSide{};
  const PriorPicture seen =
      aligned ? aligned_picture(surface, direct, side(true), lettered, s.size) : picture(s.photographs, true);
  PhotoWarp out;
  out.window = s.windows.windows[v];
  out.colour = mat_of(seen.colour[0][0]);
  out.alpha = mat_of(seen.alpha[0][0]);
  out.trust = mat_of(seen.trust[0][0]);
  out.mirrored = mat_of(seen.mirrored[0][0]);
  if (aligned) {
    out.lettered = mat_of(reversed.unsqueeze(0));
    s.lay_mirror_view(out, v, surface, lettered * (direct.shown / kLegible).clamp_max(1));
  }
  if (s.generated) {
    const PriorPicture made = picture(*s.generated, false);
    out.generated_colour = mat_of(made.colour[0][0]);
    out.generated_trust = mat_of(made.trust[0][0]);
  }
  return out;
}

PhotoGeometry photo_geometry(const ViewSet& set, const SlotPictures& pictures, const SlotWeights& weights) {
  const PhotoWindows windows = photo_windows(set, photo_views_of(set, pictures));
  PhotoGeometry out{windows, PhotoWarper(set, pictures, windows, weights), {}};
  for (std::size_t i = 0; i < set.missing.size(); ++i)
    out.warps[static_cast<std::size_t>(set.missing[i].slot())] = out.warper.onto(i);
  return out;
}

SlotWarps warp_photos(const ViewSet& set, const SlotPictures& pictures) {
  return photo_geometry(set, pictures).warps;
}

cv::Mat picture_of(const cv::Mat& rgba, const cv::Rect& window, int width, int height) {
  cv::Mat whole(height, width, CV_32FC4, cv::Scalar::all(0));
  const cv::Rect inside = window & cv::Rect(0, 0, width, height);
  if (!inside.empty()) rgba(inside - window.tl()).copyTo(whole(inside));
  return straight(whole);
}

cv::Mat picture_of(const PhotoWarp& warp, int width, int height) {
  std::vector<cv::Mat> planes;
  cv::split(warp.colour, planes);
  for (cv::Mat& plane : planes) plane = plane.mul(warp.alpha);
  planes.push_back(warp.alpha);
  cv::Mat rgba;
  cv::merge(planes, rgba);
  return picture_of(rgba, warp.window, width, height);
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "data/priors/priors.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "core/error.h"
#include "data/priors/surface_maps.h"
#include "geometry/hull/ray_march.h"
#include "geometry/hull/visual_hull.h"
#include "geometry/hull/warp.h"

namespace spinfill {

namespace {

constexpr double kMirrorTolerance = 15;  // degrees off the exact mirror view: photographed spins wander
// With `sharp`: colour seen 45° off and at a slant is still better than a fill from the surroundings.
constexpr double kSharpHalfWeight = 0.002;

void check_inputs(const PriorInputs& in) {
  const auto shape = [](const at::Tensor& tensor, const char* name, at::IntArrayRef expected) {
    if (!tensor.defined()) fail("priors: {} is missing", name);
    if (tensor.sizes() != expected)
      fail("priors: {} is {}, not {}", name, c10::str(tensor.sizes()), c10::str(expected));
  };
  if (!in.colour.defined() || in.colour.dim() != 5) fail("priors: colour must be [B,V,3,H,W]");
  const std::int64_t B = in.colour.size(0), V = in.colour.size(1), H = in.colour.size(3), W = in.colour.size(4);
  shape(in.colour, "colour", {B, V, 3, H, W});
  shape(in.alpha, "alpha", {B, V, 1, H, W});
  shape(in.background, "background", {B, 3});
  shape(in.is_reference, "is_reference", {B, V});
  shape(in.vehicle_from_camera, "vehicle_from_camera", {B, V, 4, 4});
  shape(in.intrinsics, "intrinsics", {B, V, 4});
  shape(in.azimuth_deg, "azimuth_deg", {B, V});
  if (in.colour.numel() == 0) fail("priors: colour {} is empty", c10::str(in.colour.sizes()));
}

// The flipped picture of the reference nearest to −θ, where one is near enough.
void flip_mirror_views(const PriorInputs& in, const References& references, PriorMaps& maps) {
  const std::int64_t B = in.colour.size(0), V = in.colour.size(1), H = in.colour.size(3), W = in.colour.size(4);
  const at::Tensor azimuth = in.azimuth_deg.to(at::kDouble);
  const at::Tensor sum = azimuth.unsqueeze(2) + references.gather(azimuth).unsqueeze(1);  // [B,V,R], 0 for a pair
  at::Tensor off = at::remainder(sum + 180, 360).sub(180).abs();
  off = off.masked_fill(references.valid.logical_not().unsqueeze(1), 1e3);
  const auto [least, which] = off.min(2);  // [B,V]
  const at::Tensor valid = (least <= kMirrorTolerance).view({B, V, 1, 1, 1});
  const at::Tensor row = which + at::arange(B, which.options()).unsqueeze(1) * references.count();
  const at::Tensor chosen =
      references.premultiplied.flatten(0, 1).index_select(0, row.flatten()).view({B, V, 4, H, W}).flip(4);
  const at::Tensor background = in.background.view({B, 1, 3, 1, 1});
  const at::Tensor composite = chosen.narrow(2, 0, 3) + (1 - chosen.narrow(2, 3, 1)) * background;
  maps.flipped = at::where(valid, composite, background);
  maps.flipped_validity = valid.to(at::kFloat).expand({B, V, 1, H, W}).contiguous();
}

}  // namespace

const std::array<PriorMaps::Part, 10> PriorMaps::kParts = {{{&PriorMaps::silhouette, 1},
                                                            {&PriorMaps::depth, 1},
                                                            {&PriorMaps::normal, 3},
                                                            {&PriorMaps::canonical, 3},
                                                            {&PriorMaps::warped, 3},
                                                            {&PriorMaps::warped_confidence, 1},
                                                            {&PriorMaps::mirrored, 3},
                                                            {&PriorMaps::mirrored_confidence, 1},
                                                            {&PriorMaps::flipped, 3},
                                                            {&PriorMaps::flipped_validity, 1}}};

at::Tensor PriorMaps::stacked() const {
  return at::cat({silhouette, depth, normal, canonical, warped * 2 - 1, warped_confidence, mirrored * 2 - 1,
                  mirrored_confidence, flipped * 2 - 1, flipped_validity},
                 2);
}

void PriorConfig::bind(Fields& f) {
  f.number("grid", grid, "Voxels of the visual hull along the vehicle's length", 8, 512);
  f.flag("mirror", mirror, "Intersect the visual hull with its mirror image across Y = 0");
  f.flag("plan_box", plan_box, "Bound bulging flanks by a plan box fitted to the references' silhouettes");
  f.flag("sections", sections,
         "With plan_box: where one end alone is shown, bound the flanks by that end's section, too (better; off for "
         "models that were trained without)");
  f.flag("sharp", sharp,
         "Look the references' colours up bicubically and fill only what none of them shows (better; off for models "
         "that were trained without)");
}

HullOptions hull_options(const PriorConfig& config) {
  HullOptions options;
  options.grid = config.grid;
  options.mirror = config.mirror;
  options.plan_box = config.plan_box;
  options.sections = config.sections;
  return options;
}

WarpOptions warp_options(const PriorConfig& config) {
  WarpOptions options;
  options.bicubic = config.sharp;
  if (config.sharp) options.half_weight = kSharpHalfWeight;
  return options;
}

PriorMaps surface_maps(const Surface& surface, const Warped& warped, const Warped& mirrored, const at::Tensor& eyes,
                       const at::Tensor& background, std::int64_t H, std::int64_t W) {
  const std::int64_t B = eyes.size(0), V = eyes.size(1);
  // [B,P,16] → [B,V,16,H,W]
  const at::Tensor view = surface.pixels.index.floor_divide(H * W).clamp_max(V - 1);
  const at::Tensor origin_distance = eyes.norm(2, {-1}).gather(1, view);
  // What the colour adds to the background; nothing where no reference sees the surface, as off the hull.
  const auto shown = [&](const Warped& seen) {
    const at::Tensor share = surface.coverage * (seen.confidence > 0).to(at::kFloat);
    return (seen.colour - background.unsqueeze(1)) * share.unsqueeze(2);
  };
  const at::Tensor values = at::cat(
      {surface.coverage.unsqueeze(2), (surface.depth - origin_distance).unsqueeze(2), surface.normal, surface.point,
       shown(warped), warped.confidence.unsqueeze(2), shown(mirrored), mirrored.confidence.unsqueeze(2)},
      2);
  const at::Tensor all = surface.pixels.maps(values, V, H, W);
  PriorMaps maps;
  maps.silhouette = all.narrow(2, 0, 1);
  maps.depth = all.narrow(2, 1, 1);
  maps.normal = all.narrow(2, 2, 3);
  maps.canonical = all.narrow(2, 5, 3);
  maps.warped_confidence = all.narrow(2, 11, 1);
  maps.mirrored_confidence = all.narrow(2, 15, 1);
  const at::Tensor under = background.view({B, 1, 3, 1, 1});
  maps.warped = all.narrow(2, 8, 3) + under;
  maps.mirrored = all.narrow(2, 12, 3) + under;
  return maps;
}

PriorMaps compute_priors(const PriorInputs& inputs, const PriorConfig& config) {
  check_inputs(inputs);
  const at::NoGradGuard no_grad;
  PriorInputs in = inputs;
  in.colour = in.colour.to(at::kFloat);
  in.alpha = in.alpha.to(at::kFloat);
  in.background = in.background.to(at::kFloat);
  const std::int64_t V = in.colour.size(1), H = in.colour.size(3), W = in.colour.size(4);

  const References references =
      gather_references(in.colour, in.alpha, in.background, in.is_reference, in.vehicle_from_camera, in.intrinsics);
  const Hull hull = carve_hull(references, hull_options(config));
  const Surface surface = march(hull, in.vehicle_from_camera, in.intrinsics, H, W);
  const at::Tensor depths = reference_maps(surface, references, V, H, W);
  const WarpOptions warp = warp_options(config);
  const Warped warped = warp_colour(surface, hull.slack(), references, depths, false, warp);
  const Warped mirrored = warp_colour(surface, hull.slack(), references, depths, true, warp);

  const at::Tensor eyes = in.vehicle_from_camera.narrow(-2, 0, 3).select(-1, 3).to(at::kFloat);  // [B,V,3]
  PriorMaps maps = surface_maps(surface, warped, mirrored, eyes, in.background, H, W);
  flip_mirror_views(in, references, maps);
  return maps;
}

}  // namespace spinfill

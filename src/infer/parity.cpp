// SPDX-License-Identifier: Apache-2.0
#include "infer/parity.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include <Eigen/Core>

#include "core/error.h"
#include "data/batches/batch.h"
#include "data/identity/reference_identity.h"
#include "data/sets/slots.h"
#include "infer/matte.h"
#include "model/sampling/generate.h"

namespace spinfill {
namespace {

constexpr std::int64_t kSets = 2, kViews = Batch::kViews;
constexpr std::array<std::array<bool, kSlots>, 2> kMissing = {
    {{false, false, false, true, false, false, false, false}, {true, false, true, false, false, false, true, false}}};

struct SurfacePoint {
  Eigen::Vector3d colour, normal;
};
// First hit of the ray with the ellipsoid of semi-axes (0.5, 0.22, 0.17).
std::optional<SurfacePoint> shade(const Eigen::Vector3d& from, const Eigen::Vector3d& along, std::int64_t set) {
  const Eigen::Vector3d axes(0.5, 0.22, 0.17);
  const Eigen::Vector3d o = from.cwiseQuotient(axes), d = along.cwiseQuotient(axes);
  const double a = d.squaredNorm(), b = o.dot(d), c = o.squaredNorm() - 1;
  const double root = b * b - a * c;
  if (root <= 0) return std::nullopt;
  const Eigen::Vector3d point = from + along * ((-b - std::sqrt(root)) / a);
  const Eigen::Vector3d normal = point.cwiseQuotient(axes.cwiseProduct(axes)).normalized();
  Eigen::Vector3d paint = set == 0 ? Eigen::Vector3d(0.75, 0.2, 0.15) : Eigen::Vector3d(0.2, 0.4, 0.7);
  if (point.z() > 0.05 && point.z() < 0.12) paint = Eigen::Vector3d(0.1, 0.12, 0.15);  // windows
  if (point.x() > 0.4) paint = Eigen::Vector3d(0.9, 0.9, 0.75);                        // front
  if (point.x() < -0.4) paint = Eigen::Vector3d(0.6, 0.05, 0.05);                      // rear
  if (point.y() > 0 && std::abs(point.x() + 0.2) < 0.06 && std::abs(point.z()) < 0.05) paint.setConstant(0.95);  // left
  const double light = 0.55 + 0.45 * std::max(0.0, normal.dot(Eigen::Vector3d(0.4, 0.3, 0.8).normalized()));
  return SurfacePoint{paint * light, normal};
}

// 8-bit RGBA, straight alpha, [4,H,W], and where asked for the mean normals [3,H,W]; 3×3 rays a pixel.
void render(const Camera& camera, std::int64_t set, std::uint8_t* out, float* normals) {
  constexpr int kRays = 3;
  const Eigen::Matrix3d rotation = camera.vehicle_from_camera.topLeftCorner<3, 3>();
  const Eigen::Vector3d origin = camera.vehicle_from_camera.topRightCorner<3, 1>();
  const std::int64_t plane = std::int64_t{camera.width} * camera.height;
  for (int y = 0; y < camera.height; ++y) {
    for (int x = 0; x < camera.width; ++x) {
      Eigen::Vector3d sum = Eigen::Vector3d::Zero(), facing = sum;
      int hits = 0;
      for (int k = 0; k < kRays * kRays; ++k) {
        const double u = x + (k % kRays + 0.5) / kRays, v = y + (k / kRays + 0.5) / kRays;
        const Eigen::Vector3d ray((u - camera.cx) / camera.fl_x, -(v - camera.cy) / camera.fl_y, -1);
        if (const auto point = shade(origin, rotation * ray, set)) {
          sum += point->colour;
          facing += point->normal;
          ++hits;
        }
      }
      const std::int64_t place = std::int64_t{y} * camera.width + x;
      for (int c = 0; c < 3 && normals != nullptr; ++c)
        normals[c * plane + place] = static_cast<float>(facing[c] / (kRays * kRays));
      std::uint8_t* pixel = out + place;
      for (int c = 0; c < 3; ++c) {
        pixel[c * plane] =
            hits > 0 ? static_cast<std::uint8_t>(std::lround(255 * std::clamp(sum[c] / hits, 0.0, 1.0))) : 0;
      }
      pixel[3 * plane] = static_cast<std::uint8_t>(std::lround(255.0 * hits / (kRays * kRays)));
    }
  }
}

at::Tensor taken(const TensorMap& inputs, const char* name, at::ScalarType dtype, at::IntArrayRef shape,
                 const std::string& where) {
  const auto found = inputs.find(name);
  if (found == inputs.end()) fail("{}: tensor '{}' is missing", where, name);
  if (found->second.scalar_type() != dtype || found->second.sizes() != shape) {
    fail("{}: tensor '{}' is {} [{}], expected {} [{}]", where, name, at::toString(found->second.scalar_type()),
         fmt::join(found->second.sizes(), ","), at::toString(dtype), fmt::join(shape, ","));
  }
  if (found->second.is_floating_point() && !at::isfinite(found->second).all().item<bool>()) {
    fail("{}: tensor '{}' holds numbers that are not finite", where, name);
  }
  return found->second;
}

// How far apart vectors of length 1 may be that two machines compute of the same pictures.
constexpr double kSameIdentity = 1e-3;

// [B,D] by the network, of the references in picture [B,V,4,H,W].
at::Tensor identities_of(const IdentityModel& network, const at::Tensor& picture, const at::Tensor& is_reference) {
  std::vector<at::Tensor> all;
  for (std::int64_t b = 0; b < kSets; ++b) {
    std::vector<at::Tensor> embeddings;
    for (std::int64_t v = 0; v < kViews; ++v) {
      if (!is_reference[b][v].item<bool>()) continue;
      const at::Tensor pixels = picture[b][v].permute({1, 2, 0}).contiguous();
      const cv::Mat rgba(static_cast<int>(pixels.size(0)), static_cast<int>(pixels.size(1)), CV_8UC4,
                         const_cast<void*>(pixels.const_data_ptr()));
      embeddings.push_back(picture_embedding(network, rgba));
    }
    all.push_back(identity_of(embeddings, fmt::format("parity-{}", b)));
  }
  return at::stack(all);
}

void check_identities(const at::Tensor& stored, const at::Tensor& own, const std::string& where) {
  const double apart = (stored - own).norm(2, {1}).max().item<double>();
  if (!(apart <= kSameIdentity))
    fail_check(
        "{}: this machine's identity vectors are {:.2g} from the exported ones, more than {}; do not use the bundle "
        "here",
        where, apart, kSameIdentity);
}

}  // namespace

std::vector<ParityCase> parity_cases() {
  SamplerConfig one, few;
  one.steps = 1;
  few.solver = Solver::dpmpp_2m;
  few.steps = 4;
  return {{"one-step", one, 11}, {"few-steps", few, 12}};
}

TensorMap make_parity_inputs(const LoadedModel& source) {
  const DataConfig& data = source.config.data;
  const ModelConfig& model = source.config.model;
  const std::int64_t h = data.height, w = data.width;
  TensorMap t;
  t["picture"] = at::zeros({kSets, kViews, 4, h, w}, at::kByte);
  t["background"] = at::empty({kSets, 3}, at::kFloat);
  t["is_reference"] = at::zeros({kSets, kViews}, at::kBool);
  t["is_target"] = at::zeros({kSets, kViews}, at::kBool);
  t["azimuth_deg"] = at::empty({kSets, kViews}, at::kDouble);
  t["vehicle_from_camera"] = at::empty({kSets, kViews, 4, 4}, at::kDouble);
  t["intrinsics"] = at::empty({kSets, kViews, 4}, at::kDouble);
  t["cue"] = at::zeros({kSets, kViews, Batch::kCueSize}, at::kFloat);
  t["category"] = at::full({kSets}, -1, at::kLong);
  t["samples"] = at::arange(kSets, at::kLong);
  t["category"].data_ptr<std::int64_t>()[0] = 0;
  if (model.identity_dim > 0) {
    t["identity"] = at::linspace(-1, 1, kSets * model.identity_dim, at::kFloat).reshape({kSets, model.identity_dim});
  }
  if (model.normals) {
    t["normals"] = at::zeros({kSets, kViews, 3, h, w}, at::kFloat);
    t["normals_given"] = at::zeros({kSets, kViews}, at::kFloat);
    t["normals_given"][0].fill_(1);
  }
  for (std::int64_t b = 0; b < kSets; ++b) {
    for (std::int64_t c = 0; c < 3; ++c) {
      t["background"].data_ptr<float>()[3 * b + c] =
          b == 0 ? static_cast<float>(data.background[static_cast<std::size_t>(c)]) : 0.5F;
    }
    for (std::int64_t v = 0; v < kViews; ++v) {
      const std::int64_t at = b * kViews + v;
      const bool missing = kMissing[static_cast<std::size_t>(b)][static_cast<std::size_t>(v)];
      t["is_reference"].data_ptr<bool>()[at] = !missing;
      t["is_target"].data_ptr<bool>()[at] = missing;
      const auto azimuth = static_cast<double>(azimuth_of(v));
      t["azimuth_deg"].data_ptr<double>()[at] = azimuth;
      const Camera camera =
          turntable_camera(data.turntable.turntable, azimuth, static_cast<int>(w), static_cast<int>(h));
      Eigen::Map<Eigen::Matrix<double, 4, 4, Eigen::RowMajor>>(t["vehicle_from_camera"].data_ptr<double>() + 16 * at) =
          camera.vehicle_from_camera;
      const std::array<double, 4> intrinsics = {camera.fl_x, camera.fl_y, camera.cx, camera.cy};
      std::copy(intrinsics.begin(), intrinsics.end(), t["intrinsics"].data_ptr<double>() + 4 * at);
      float* normals = model.normals ? t["normals"].data_ptr<float>() + at * 3 * h * w : nullptr;
      render(camera, b, t["picture"].data_ptr<std::uint8_t>() + at * 4 * h * w, normals);
      if (model.normals && missing) t["normals_given"].data_ptr<float>()[at] = 0;
    }
  }
  if (source.identity) t["identity"] = identities_of(*source.identity, t["picture"], t["is_reference"]);
  return t;
}

Batch parity_batch(const TensorMap& inputs, const LoadedModel& source, const std::string& where) {
  const DataConfig& data = source.config.data;
  const ModelConfig& model = source.config.model;
  const std::int64_t h = data.height, w = data.width;
  Batch batch;
  const at::Tensor picture = taken(inputs, "picture", at::kByte, {kSets, kViews, 4, h, w}, where).to(at::kFloat) / 255;
  batch.background = taken(inputs, "background", at::kFloat, {kSets, 3}, where);
  batch.alpha = picture.narrow(2, 3, 1).contiguous();
  batch.colour = picture.narrow(2, 0, 3) * batch.alpha + (1 - batch.alpha) * batch.background.view({kSets, 1, 3, 1, 1});
  batch.is_reference = taken(inputs, "is_reference", at::kBool, {kSets, kViews}, where);
  batch.is_target = taken(inputs, "is_target", at::kBool, {kSets, kViews}, where);
  if ((batch.is_reference & batch.is_target).any().item<bool>() || !batch.is_target.any().item<bool>()) {
    fail("{}: is_reference and is_target overlap or name no target", where);
  }
  batch.azimuth_deg = taken(inputs, "azimuth_deg", at::kDouble, {kSets, kViews}, where);
  batch.vehicle_from_camera = taken(inputs, "vehicle_from_camera", at::kDouble, {kSets, kViews, 4, 4}, where);
  batch.intrinsics = taken(inputs, "intrinsics", at::kDouble, {kSets, kViews, 4}, where);
  batch.cue = taken(inputs, "cue", at::kFloat, {kSets, kViews, Batch::kCueSize}, where);
  batch.category = taken(inputs, "category", at::kLong, {kSets}, where);
  if (model.identity_dim > 0)
    batch.identity = taken(inputs, "identity", at::kFloat, {kSets, model.identity_dim}, where);
  if (source.identity)
    check_identities(batch.identity, identities_of(*source.identity, inputs.at("picture"), batch.is_reference), where);
  if (model.normals) {
    batch.normals = taken(inputs, "normals", at::kFloat, {kSets, kViews, 3, h, w}, where);
    batch.normals_given = taken(inputs, "normals_given", at::kFloat, {kSets, kViews}, where);
  }
  const at::Tensor samples = taken(inputs, "samples", at::kLong, {kSets}, where).contiguous();
  batch.samples.assign(samples.const_data_ptr<std::int64_t>(), samples.const_data_ptr<std::int64_t>() + kSets);
  batch.ids = {"parity-0", "parity-1"};
  batch.priors = compute_priors(batch.prior_inputs(), data.priors);
  return batch;
}

std::int64_t parity_channels(const ModelConfig& model) {
  return model.normals ? 6 : 3;
}

at::Tensor run_parity_case(const Denoiser& denoiser, const Batch& batch, const ParityCase& parity) {
  const at::NoGradGuard no_grad;
  TargetFields fields;
  at::Tensor shown = generate(denoiser, batch.to(denoiser.device()), parity.sampler, parity.seed, {}, &fields);
  if (fields.normals.defined()) shown = at::cat({shown, (fields.normals + 1) / 2}, 2);
  return shown.to(at::kCPU).index({batch.is_target}).contiguous().clone();
}

Agreement compare_pictures(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor difference = a.to(at::kDouble) - b.to(at::kDouble);
  const double mse = difference.square().mean().item<double>();
  if (!std::isfinite(mse)) return {std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  return {difference.abs().max().item<double>(),
          mse > 0 ? -10 * std::log10(mse) : std::numeric_limits<double>::infinity()};
}

Agreement delivered_agreement(const Denoiser& denoiser, const Batch& batch, const PriorConfig& priors,
                              const ParityCase& parity, const at::Tensor& pictures) {
  const at::NoGradGuard no_grad;
  const Matted matted = generate_matted(denoiser, batch.to(denoiser.device()), priors, parity.sampler, parity.seed);
  return compare_pictures(composited_8_bits(matted.rgba, target_backgrounds(batch)),
                          in_8_bits(pictures.narrow(1, 0, 3)));
}

at::Tensor parity_truth(const Batch& batch) {
  const at::Tensor truth = batch.normals.defined() ? at::cat({batch.colour, (batch.normals + 1) / 2}, 2) : batch.colour;
  return truth.index({batch.is_target});
}

}  // namespace spinfill

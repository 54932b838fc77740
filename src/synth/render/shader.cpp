// SPDX-License-Identifier: Apache-2.0
#include "synth/render/shader.h"

#include <Eigen/Geometry>

#include <cmath>

namespace spinfill::synth {
namespace {

constexpr int kMaxSteps = 12;  // surfaces that a ray may pass

float fresnel(float f0, float cosine) {  // Schlick
  const float m = std::max(0.0f, 1 - cosine), m2 = m * m;
  return f0 + (1 - f0) * m2 * m2 * m;
}

Vec3 reflected(const Vec3& direction, const Vec3& n) {
  return direction - 2 * direction.dot(n) * n;
}

// The point of a triangle that Embree has found, seen along `direction`.
Hit hit_at(const Model& model, const RTCRayHit& ray, const Vec3& direction) {
  Hit hit;
  const Part& part = model.parts[ray.hit.geomID];
  const auto& t = part.mesh.triangles[ray.hit.primID];
  const float u = ray.hit.u, v = ray.hit.v, w = 1 - u - v;
  hit.distance = ray.ray.tfar;
  hit.point.part = static_cast<int>(ray.hit.geomID);
  hit.point.position = w * part.mesh.position[t[0]] + u * part.mesh.position[t[1]] + v * part.mesh.position[t[2]];
  hit.point.attribute = w * part.mesh.attribute[t[0]] + u * part.mesh.attribute[t[1]] + v * part.mesh.attribute[t[2]];
  if (!part.mesh.second.empty()) {
    hit.point.second = w * part.mesh.second[t[0]] + u * part.mesh.second[t[1]] + v * part.mesh.second[t[2]];
  }
  if (!part.mesh.colour.empty()) {
    hit.point.colour = w * part.mesh.colour[t[0]] + u * part.mesh.colour[t[1]] + v * part.mesh.colour[t[2]];
  }
  Vec3 n = w * part.mesh.normal[t[0]] + u * part.mesh.normal[t[1]] + v * part.mesh.normal[t[2]];
  hit.geometric = Vec3(ray.hit.Ng_x, ray.hit.Ng_y, ray.hit.Ng_z).normalized();
  if (hit.geometric.dot(n) < 0) hit.geometric = -hit.geometric;
  hit.point.inside = hit.geometric.dot(direction) > 0;
  const float length = n.norm();
  n = length > 1e-6f ? Vec3(n / length) : hit.geometric;
  if (hit.point.inside) {
    n = -n;
    hit.geometric = -hit.geometric;
  }
  const float away = n.dot(direction);
  if (away > -0.01f) n = (n - (away + 0.01f) * direction).normalized();  // a smooth normal may look away at outlines
  hit.point.normal = n;
  hit.surface = model.surface(hit.point);
  return hit;
}

}  // namespace

bool Shader::intersect(const Vec3& origin, const Vec3& direction, float near, float far, Hit& hit) const {
  RTCRayHit ray;
  ray.ray.org_x = origin.x();
  ray.ray.org_y = origin.y();
  ray.ray.org_z = origin.z();
  ray.ray.dir_x = direction.x();
  ray.ray.dir_y = direction.y();
  ray.ray.dir_z = direction.z();
  ray.ray.time = 0;
  ray.ray.mask = ~0U;
  ray.ray.id = 0;
  ray.ray.flags = 0;
  for (int step = 0; step < kMaxSteps; ++step) {
    ray.ray.tnear = near;
    ray.ray.tfar = far;
    ray.hit.geomID = RTC_INVALID_GEOMETRY_ID;
    ray.hit.instID[0] = RTC_INVALID_GEOMETRY_ID;
    RTCIntersectContext context;
    rtcInitIntersectContext(&context);
    rtcIntersect1(scene_.embree, &context, &ray);
    if (ray.hit.geomID == RTC_INVALID_GEOMETRY_ID) return false;
    hit = hit_at(scene_.model, ray, direction);
    if (!hit.surface.cut) return true;
    near = hit.distance + std::max(1e-5f * scene_.scale, 1e-5f * hit.distance);
  }
  return false;
}

// Light from beyond the vehicle, with the floor darkened under the vehicle.
Vec3 Shader::outside(const Vec3& origin, const Vec3& direction, float roughness) const {
  const Vec3 light = light_.radiance(light_from_model_ * direction, roughness);
  return direction.z() < -0.01f ? Vec3(light * floor_light(origin, direction)) : light;
}

float Shader::floor_light(const Vec3& origin, const Vec3& direction) const {
  const float height = origin.z() - (scene_.centre.z() - scene_.floor_half.z());
  const Vec3 p = origin + direction * (std::max(0.0f, height) / -direction.z()) - scene_.centre;
  const float unit = 0.22f * scene_.scale;
  const float dx = std::abs(p.x()) - scene_.floor_half.x(), dy = std::abs(p.y()) - scene_.floor_half.y();
  const float away = std::max(dx, dy) / unit;  // < 0 under the vehicle
  return 0.12f + 0.88f * smoothstep(-0.5f, 1.0f, away);
}

// A mirror bounce that does not bounce again.
Vec3 Shader::bounce(const Vec3& origin, const Vec3& direction, float roughness) const {
  Hit hit;
  if (!intersect(origin, direction, 2e-4f * scene_.scale, 1e30f, hit)) return outside(origin, direction, roughness);
  const Vec3 e = light_.irradiance(light_from_model_ * hit.point.normal);
  const float dark = hit.point.inside ? 0.15f : 0.6f;
  return dark * hit.surface.albedo.cwiseProduct(e);
}

// Ambient occlusion, one cosine-distributed ray.
Vec3 Shader::occlusion_ray(const Hit& hit, const Vec2& lobe) const {
  const Vec3& n = hit.point.normal;
  const float r = std::sqrt(lobe.x()), angle = 2 * kPi * lobe.y();
  const Vec3 side = (std::abs(n.z()) < 0.9f ? Vec3(0, 0, 1) : Vec3(1, 0, 0)).cross(n).normalized();
  Vec3 open =
      r * std::cos(angle) * side + r * std::sin(angle) * n.cross(side) + std::sqrt(std::max(0.0f, 1 - r * r)) * n;
  if (open.dot(hit.geometric) < 0.02f) open = (open + (0.04f - open.dot(hit.geometric)) * hit.geometric).normalized();
  return open;
}

// Share of the light that comes along that ray.
float Shader::visibility(const Vec3& origin, const Vec3& open) const {
  Hit blocker;
  if (intersect(origin, open, 2e-4f * scene_.scale, 0.35f * scene_.scale, blocker)) {
    return blocker.surface.transmission > 0.3f ? 0.5f : 0.25f;
  }
  return open.z() < -0.01f ? 0.25f + 0.75f * floor_light(origin, open) : 1.0f;
}

// What a strong source adds to the irradiance over π.
Vec3 Shader::beam_light(const Vec3& origin, const Hit& hit, const Lobe& lobe) const {
  const Light::Beam beam = light_.beam(lobe.beam, light_from_model_ * hit.point.normal);
  const Vec3 towards = light_from_model_.transpose() * beam.direction;
  const float cosine = hit.point.normal.dot(towards);
  if (cosine <= 0 || hit.geometric.dot(towards) <= 0) return Vec3::Zero();
  Hit blocker;
  if (!intersect(origin, towards, 2e-4f * scene_.scale, 1e30f, blocker)) return cosine * beam.power;
  return 0.7f * cosine * blocker.surface.transmission * beam.power.cwiseProduct(blocker.surface.albedo);
}

Vec3 Shader::shade_opaque(const Hit& hit, const Vec3& direction, const Lobe& lobe) const {
  const Surface& s = hit.surface;
  const Vec3& n = hit.point.normal;
  const Vec3 origin = hit.point.position + 1e-4f * scene_.scale * hit.geometric;
  const float visible = visibility(origin, occlusion_ray(hit, lobe.occlusion));
  Vec3 e = light_.ambient(light_from_model_ * n) * visible;
  if (light_.has_beams()) e += beam_light(origin, hit, lobe);
  Vec3 light = (1 - s.metallic) * s.albedo.cwiseProduct(e) + s.emission * s.albedo + s.glow;
  const Vec3 mirror = reflected(direction, n);
  const float cosine = -direction.dot(n);
  const Vec3 f0 = mix(Vec3::Constant(0.04f), s.albedo, s.metallic);
  const float schlick = fresnel(0, cosine);
  const Vec3 f = f0 + (Vec3::Ones() - f0) * schlick * (1 - s.roughness);
  if (s.coat < 1 || s.metallic > 0) {
    const Vec3 seen = s.roughness < 0.2f ? bounce(origin, mirror, s.roughness)
                                         : Vec3(outside(origin, mirror, s.roughness) * (0.4f + 0.6f * visible));
    light += f.cwiseProduct(seen);
  }
  if (s.coat > 0) {
    const float coat = s.coat * fresnel(0.04f, cosine);
    light = (1 - coat) * light + coat * bounce(origin, mirror, 0.02f);
  }
  return light;
}

Vec3 Shader::radiance(const Vec3& origin, const Vec3& direction, const Lobe& lobe, bool& covered) const {
  Vec3 light = Vec3::Zero(), weight = Vec3::Ones();
  float near = 0;
  covered = false;
  for (int step = 0; step < 4; ++step) {
    Hit hit;
    if (!intersect(origin, direction, near, 1e30f, hit)) {
      if (step > 0) light += weight.cwiseProduct(outside(origin, direction, 0.3f));
      return light;
    }
    covered = true;
    const float pass = hit.surface.transmission;
    if (pass <= 0) return light + weight.cwiseProduct(shade_opaque(hit, direction, lobe));
    // Glass: mirror on top of a tinted view of what is behind.
    const float f = fresnel(0.05f, -direction.dot(hit.point.normal));
    const Vec3 start = hit.point.position + 1e-4f * scene_.scale * hit.geometric;
    if (step == 0) light += f * bounce(start, reflected(direction, hit.point.normal), 0.02f);
    if (pass < 1) light += (1 - f) * (1 - pass) * weight.cwiseProduct(hit.surface.albedo) * 0.5f;
    weight = weight.cwiseProduct((1 - f) * pass * hit.surface.albedo);
    near = hit.distance + 1e-4f * scene_.scale;
  }
  return light;
}

}  // namespace spinfill::synth

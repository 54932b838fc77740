// SPDX-License-Identifier: Apache-2.0
#include "synth/renderer.h"

#include <Eigen/Geometry>

#include <cmath>
#include <cstring>
#include <numbers>

#include "core/error.h"

namespace spinfill::synth {
namespace {

constexpr float kPi = std::numbers::pi_v<float>;
constexpr int kMaxSteps = 12;  // surfaces that a ray may pass

// Small fast generator for pixel noise (PCG-XSH-RR 32/64, O'Neill 2014), seeded per pixel.
class PixelNoise {
 public:
  PixelNoise(std::uint64_t seed, std::uint64_t pixel) : state_(mixed(seed ^ mixed(pixel + 1))) {}
  float uniform() {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    const auto shifted = static_cast<std::uint32_t>(((state_ >> 18) ^ state_) >> 27);
    const auto rotate = static_cast<std::uint32_t>(state_ >> 59);
    const std::uint32_t bits = (shifted >> rotate) | (shifted << ((32 - rotate) & 31));
    return static_cast<float>(bits >> 8) * 0x1.0p-24f;
  }

 private:
  static std::uint64_t mixed(std::uint64_t z) {  // SplitMix64's finaliser
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  std::uint64_t state_;
};

float fresnel(float f0, float cosine) {  // Schlick
  const float m = std::max(0.0f, 1 - cosine), m2 = m * m;
  return f0 + (1 - f0) * m2 * m2 * m;
}

// Linear below 0.7, then a shoulder that reaches 1.
Vec3 tone_mapped(const Vec3& light) {
  return light.unaryExpr([](float x) {
    x = std::max(0.0f, x);
    if (x <= 0.7f) return x;
    const float over = x - 0.7f;
    return 0.7f + 0.3f * (1 - std::exp(-over / 0.45f));
  });
}

std::uint8_t srgb_byte(float x) {
  x = std::min(1.0f, std::max(0.0f, x));
  const float encoded = x <= 0.0031308f ? 12.92f * x : 1.055f * std::pow(x, 1 / 2.4f) - 0.055f;
  return static_cast<std::uint8_t>(std::lround(encoded * 255));
}

Vec3 reflected(const Vec3& direction, const Vec3& n) {
  return direction - 2 * direction.dot(n) * n;
}

}  // namespace

// One picture's light transport: direct view, one mirror bounce, one occlusion ray.
struct Renderer::Shader {
  const Renderer& renderer;
  const Studio& studio;
  Eigen::Matrix3f studio_from_model;

  struct Hit {
    float distance = 0;
    Point point;
    Vec3 geometric;  // unit normal of the triangle, on the side of the smooth normal
    Surface surface;
  };

  bool intersect(const Vec3& origin, const Vec3& direction, float near, float far, Hit& hit) const {
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
      rtcIntersect1(renderer.scene_, &context, &ray);
      if (ray.hit.geomID == RTC_INVALID_GEOMETRY_ID) return false;
      const Part& part = renderer.model_.parts[ray.hit.geomID];
      const auto& t = part.mesh.triangles[ray.hit.primID];
      const float u = ray.hit.u, v = ray.hit.v, w = 1 - u - v;
      hit.distance = ray.ray.tfar;
      hit.point.colour = Vec3::Ones();
      hit.point.part = static_cast<int>(ray.hit.geomID);
      hit.point.position = w * part.mesh.position[t[0]] + u * part.mesh.position[t[1]] + v * part.mesh.position[t[2]];
      hit.point.attribute =
          w * part.mesh.attribute[t[0]] + u * part.mesh.attribute[t[1]] + v * part.mesh.attribute[t[2]];
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
      if (away > -0.01f)
        n = (n - (away + 0.01f) * direction).normalized();  // a smooth normal may look away at outlines
      hit.point.normal = n;
      hit.surface = renderer.model_.surface(hit.point);
      if (!hit.surface.cut) return true;
      near = hit.distance + std::max(1e-5f * renderer.scale_, 1e-5f * hit.distance);
    }
    return false;
  }

  // Light from beyond the vehicle: the studio, with the floor darkened under the vehicle.
  Vec3 outside(const Vec3& origin, const Vec3& direction, float roughness) const {
    const Vec3 light = studio.radiance(studio_from_model * direction, roughness);
    return direction.z() < -0.01f ? Vec3(light * floor_light(origin, direction)) : light;
  }
  float floor_light(const Vec3& origin, const Vec3& direction) const {
    const float height = origin.z() - (renderer.centre_.z() - renderer.floor_half_.z());
    const Vec3 p = origin + direction * (std::max(0.0f, height) / -direction.z()) - renderer.centre_;
    const float unit = 0.22f * renderer.scale_;
    const float dx = std::abs(p.x()) - renderer.floor_half_.x(), dy = std::abs(p.y()) - renderer.floor_half_.y();
    const float away = std::max(dx, dy) / unit;  // < 0 under the vehicle
    return 0.12f + 0.88f * smoothstep(-0.5f, 1.0f, away);
  }

  // A mirror bounce that does not bounce again.
  Vec3 bounce(const Vec3& origin, const Vec3& direction, float roughness) const {
    Hit hit;
    if (!intersect(origin, direction, 2e-4f * renderer.scale_, 1e30f, hit))
      return outside(origin, direction, roughness);
    const Vec3 e = studio.irradiance(studio_from_model * hit.point.normal);
    const float dark = hit.point.inside ? 0.15f : 0.6f;
    return dark * hit.surface.albedo.cwiseProduct(e);
  }

  // lobe: a point of the unit square, stratified over a pixel's samples, that chooses the occlusion ray.
  Vec3 shade_opaque(const Hit& hit, const Vec3& direction, const Vec2& lobe) const {
    const Surface& s = hit.surface;
    const Vec3& n = hit.point.normal;
    const Vec3 origin = hit.point.position + 1e-4f * renderer.scale_ * hit.geometric;
    // Ambient occlusion, one cosine-distributed ray.
    const float r = std::sqrt(lobe.x()), angle = 2 * kPi * lobe.y();
    const Vec3 side = (std::abs(n.z()) < 0.9f ? Vec3(0, 0, 1) : Vec3(1, 0, 0)).cross(n).normalized();
    Vec3 open =
        r * std::cos(angle) * side + r * std::sin(angle) * n.cross(side) + std::sqrt(std::max(0.0f, 1 - r * r)) * n;
    if (open.dot(hit.geometric) < 0.02f) open = (open + (0.04f - open.dot(hit.geometric)) * hit.geometric).normalized();
    Hit blocker;
    float visible = 1;
    if (intersect(origin, open, 2e-4f * renderer.scale_, 0.35f * renderer.scale_, blocker)) {
      visible = blocker.surface.transmission > 0.3f ? 0.5f : 0.25f;
    } else if (open.z() < -0.01f) {
      visible = 0.25f + 0.75f * floor_light(origin, open);
    }
    const Vec3 e = studio.irradiance(studio_from_model * n) * visible;
    Vec3 light = (1 - s.metallic) * s.albedo.cwiseProduct(e) + s.emission * s.albedo;
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

  Vec3 radiance(const Vec3& origin, const Vec3& direction, const Vec2& lobe, bool& covered) const {
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
      const Vec3 start = hit.point.position + 1e-4f * renderer.scale_ * hit.geometric;
      if (step == 0) light += f * bounce(start, reflected(direction, hit.point.normal), 0.02f);
      if (pass < 1) light += (1 - f) * (1 - pass) * weight.cwiseProduct(hit.surface.albedo) * 0.5f;
      weight = weight.cwiseProduct((1 - f) * pass * hit.surface.albedo);
      near = hit.distance + 1e-4f * renderer.scale_;
    }
    return light;
  }
};

Renderer::Renderer(const Model& model, const Box& frame)
    : model_(model), centre_(frame.centre()), scale_(frame.size().maxCoeff()), floor_half_(frame.size() / 2) {
  device_ = rtcNewDevice("threads=1,set_affinity=0");
  if (device_ == nullptr) fail("Embree cannot start (error {})", static_cast<int>(rtcGetDeviceError(nullptr)));
  scene_ = rtcNewScene(device_);
  rtcSetSceneBuildQuality(scene_, RTC_BUILD_QUALITY_LOW);
  for (std::size_t i = 0; i < model.parts.size(); ++i) {
    const Mesh& mesh = model.parts[i].mesh;
    if (mesh.triangles.empty()) continue;
    RTCGeometry geometry = rtcNewGeometry(device_, RTC_GEOMETRY_TYPE_TRIANGLE);
    void* vertices = rtcSetNewGeometryBuffer(geometry, RTC_BUFFER_TYPE_VERTEX, 0, RTC_FORMAT_FLOAT3, sizeof(Vec3),
                                             mesh.position.size());
    void* indices = rtcSetNewGeometryBuffer(geometry, RTC_BUFFER_TYPE_INDEX, 0, RTC_FORMAT_UINT3,
                                            3 * sizeof(std::uint32_t), mesh.triangles.size());
    if (vertices == nullptr || indices == nullptr) throw std::bad_alloc();
    std::memcpy(vertices, mesh.position.data(), mesh.position.size() * sizeof(Vec3));
    std::memcpy(indices, mesh.triangles.data(), mesh.triangles.size() * 3 * sizeof(std::uint32_t));
    rtcSetGeometryBuildQuality(geometry, RTC_BUILD_QUALITY_LOW);
    rtcCommitGeometry(geometry);
    rtcAttachGeometryByID(scene_, geometry, static_cast<unsigned>(i));
    rtcReleaseGeometry(geometry);
  }
  rtcCommitScene(scene_);
  if (const RTCError error = rtcGetDeviceError(device_); error != RTC_ERROR_NONE) {
    fail("Embree cannot build the scene (error {}); the model may be too large", static_cast<int>(error));
  }
}

Renderer::~Renderer() {
  rtcReleaseScene(scene_);
  rtcReleaseDevice(device_);
}

Picture Renderer::render(const Camera& camera, const Studio& studio, const RenderOptions& options, std::uint64_t seed) {
  const int width = camera.width, height = camera.height;
  Picture picture;
  picture.rgba = cv::Mat::zeros(height, width, CV_8UC4);
  if (options.geometry) {
    picture.depth = cv::Mat::zeros(height, width, CV_32F);
    picture.normal = cv::Mat::zeros(height, width, CV_32FC3);
  }
  const Eigen::Matrix4f pose = camera.vehicle_from_camera.cast<float>();
  const Vec3 origin = centre_ + scale_ * pose.block<3, 1>(0, 3);
  const Direction seen_from = viewing_direction(camera);
  Shader shader{
      *this, studio,
      Eigen::AngleAxisf(static_cast<float>(-seen_from.azimuth_deg) * kPi / 180, Vec3::UnitZ()).toRotationMatrix()};
  const auto direction = [&](float x, float y) {
    const Vec3 local((x - static_cast<float>(camera.cx)) / static_cast<float>(camera.fl_x),
                     -(y - static_cast<float>(camera.cy)) / static_cast<float>(camera.fl_y), -1);
    return Vec3((pose.block<3, 3>(0, 0) * local).normalized());
  };

  struct Sums {
    Vec3 light = Vec3::Zero();
    int covered = 0, count = 0;
    Vec3 low = Vec3::Constant(1e30f), high = Vec3::Constant(-1e30f);
  };
  const int coarse = std::max(1, static_cast<int>(std::lround(std::sqrt(options.samples))));
  const int fine = std::max(coarse, static_cast<int>(std::lround(std::sqrt(options.edge_samples))));
  std::vector<Sums> sums(static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
  std::vector<PixelNoise> noises;
  noises.reserve(sums.size());
  for (std::size_t i = 0; i < sums.size(); ++i) noises.emplace_back(seed, i);
  const auto sample = [&](int x, int y, int grid) {
    const auto i = static_cast<std::size_t>(y * width + x);
    Sums& pixel = sums[i];
    PixelNoise& noise = noises[i];
    const Vec2 shift(noise.uniform(), noise.uniform());
    for (int sy = 0; sy < grid; ++sy) {
      for (int sx = 0; sx < grid; ++sx) {
        const float px = static_cast<float>(x) + (static_cast<float>(sx) + noise.uniform()) / static_cast<float>(grid);
        const float py = static_cast<float>(y) + (static_cast<float>(sy) + noise.uniform()) / static_cast<float>(grid);
        Vec2 lobe((static_cast<float>(sx) + noise.uniform()) / static_cast<float>(grid) + shift.x(),
                  (static_cast<float>(sy) + noise.uniform()) / static_cast<float>(grid) + shift.y());
        lobe = lobe.unaryExpr([](float v) { return v - std::floor(v); });
        bool covered = false;
        const Vec3 light = tone_mapped(studio.exposure() * shader.radiance(origin, direction(px, py), lobe, covered));
        ++pixel.count;
        if (!covered) continue;
        ++pixel.covered;
        pixel.light += light;
        pixel.low = pixel.low.cwiseMin(light);
        pixel.high = pixel.high.cwiseMax(light);
      }
    }
  };
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) sample(x, y, coarse);
  }
  // More rays where the first ones disagree, and beside outlines that they may have missed.
  std::vector<std::uint8_t> again(sums.size(), 0);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const Sums& pixel = sums[static_cast<std::size_t>(y * width + x)];
      bool differ = pixel.covered > 0 && pixel.covered < pixel.count;
      if (pixel.covered > 0 && !differ) differ = (pixel.high - pixel.low).maxCoeff() > 0.16f;
      for (int k = 0; k < 4 && !differ; ++k) {
        const int nx = x + (k == 0) - (k == 1), ny = y + (k == 2) - (k == 3);
        if (nx < 0 || ny < 0 || nx >= width || ny >= height) continue;
        const Sums& other = sums[static_cast<std::size_t>(ny * width + nx)];
        differ = (pixel.covered == 0) != (other.covered == 0);
      }
      again[static_cast<std::size_t>(y * width + x)] = differ;
    }
  }
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const auto i = static_cast<std::size_t>(y * width + x);
      if (again[i] != 0) {
        sums[i] = Sums();
        sample(x, y, fine);
      }
      const Sums& pixel = sums[i];
      if (pixel.covered > 0) {
        const Vec3 colour = pixel.light / static_cast<float>(pixel.covered);
        picture.rgba.at<cv::Vec4b>(y, x) = {
            srgb_byte(colour.x()), srgb_byte(colour.y()), srgb_byte(colour.z()),
            static_cast<std::uint8_t>(std::lround(255.0 * pixel.covered / pixel.count))};
      }
      if (!options.geometry || pixel.covered == 0) continue;
      Shader::Hit hit;
      const Vec3 d = direction(static_cast<float>(x) + 0.5f, static_cast<float>(y) + 0.5f);
      if (!shader.intersect(origin, d, 0, 1e30f, hit)) continue;
      picture.depth.at<float>(y, x) = hit.distance / scale_;
      picture.normal.at<cv::Vec3f>(y, x) = {hit.point.normal.x(), hit.point.normal.y(), hit.point.normal.z()};
    }
  }
  return picture;
}

}  // namespace spinfill::synth

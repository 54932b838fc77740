// SPDX-License-Identifier: Apache-2.0
#include "synth/render/renderer.h"

#include <Eigen/Geometry>

#include <cmath>
#include <cstring>
#include <numbers>

#include "core/error.h"

namespace spinfill::synth {
namespace {

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

// The S of a camera's tone curve, over the encoded value: it keeps black, white and the middle grey.
std::uint8_t with_contrast(std::uint8_t encoded) {
  const float x = static_cast<float>(encoded) / 255;
  return static_cast<std::uint8_t>(std::lround(255 * mix(x, x * x * (3 - 2 * x), 0.35f)));
}

// One picture while it is taken.
class Exposure {
 public:
  Exposure(const Scene& scene, const Camera& camera, const Light& light, std::uint64_t seed);
  // Takes grid × grid rays of a pixel, replacing earlier ones.
  void sample(int x, int y, int grid);
  // Where the rays disagree, and beside outlines that they may have missed.
  bool needs_more(int x, int y) const;
  cv::Vec4b colour(int x, int y) const;
  // The surface behind the pixel's centre.
  bool centre_hit(int x, int y, Hit& hit) const;

 private:
  struct Sums {
    Vec3 light = Vec3::Zero();
    int covered = 0, count = 0;
    Vec3 low = Vec3::Constant(1e30f), high = Vec3::Constant(-1e30f);
  };
  std::size_t index(int x, int y) const { return static_cast<std::size_t>(y * camera_.width + x); }
  Vec3 direction(float x, float y) const;

  const Camera& camera_;
  const Light& light_;
  Eigen::Matrix4f pose_;
  Vec3 origin_;
  Shader shader_;
  std::vector<Sums> sums_;
  std::vector<PixelNoise> noises_;
};

Eigen::Matrix3f light_from_model(const Light& light, const Camera& camera) {
  if (!light.stands_with_camera()) return Eigen::Matrix3f::Identity();
  const float azimuth = static_cast<float>(-viewing_direction(camera).azimuth_deg) * std::numbers::pi_v<float> / 180;
  return Eigen::AngleAxisf(azimuth, Vec3::UnitZ()).toRotationMatrix();
}

Exposure::Exposure(const Scene& scene, const Camera& camera, const Light& light, std::uint64_t seed)
    : camera_(camera),
      light_(light),
      pose_(camera.vehicle_from_camera.cast<float>()),
      origin_(scene.centre + scene.scale * pose_.block<3, 1>(0, 3)),
      shader_(scene, light, light_from_model(light, camera)),
      sums_(static_cast<std::size_t>(camera.width) * static_cast<std::size_t>(camera.height)) {
  noises_.reserve(sums_.size());
  for (std::size_t i = 0; i < sums_.size(); ++i) noises_.emplace_back(seed, i);
}

// Unit direction of the ray through a point of the picture.
Vec3 Exposure::direction(float x, float y) const {
  const Vec3 local((x - static_cast<float>(camera_.cx)) / static_cast<float>(camera_.fl_x),
                   -(y - static_cast<float>(camera_.cy)) / static_cast<float>(camera_.fl_y), -1);
  return (pose_.block<3, 3>(0, 0) * local).normalized();
}

void Exposure::sample(int x, int y, int grid) {
  Sums& pixel = sums_[index(x, y)];
  pixel = Sums();
  PixelNoise& noise = noises_[index(x, y)];
  const Vec2 shift(noise.uniform(), noise.uniform());
  for (int sy = 0; sy < grid; ++sy) {
    for (int sx = 0; sx < grid; ++sx) {
      const float px = static_cast<float>(x) + (static_cast<float>(sx) + noise.uniform()) / static_cast<float>(grid);
      const float py = static_cast<float>(y) + (static_cast<float>(sy) + noise.uniform()) / static_cast<float>(grid);
      const Vec2 cell((static_cast<float>(sx) + noise.uniform()) / static_cast<float>(grid),
                      (static_cast<float>(sy) + noise.uniform()) / static_cast<float>(grid));
      // The beams are numbered along the first coordinate: there, every sample has a stratum of its own.
      const Vec2 row((static_cast<float>(sx) + cell.y()) / static_cast<float>(grid), cell.x());
      const auto moved = [&](const Vec2& at) {
        return Vec2((at + shift).unaryExpr([](float v) { return v - std::floor(v); }));
      };
      const Lobe lobe{moved(cell), moved(row)};
      bool covered = false;
      const Vec3 light = tone_mapped(light_.exposure() * shader_.radiance(origin_, direction(px, py), lobe, covered));
      ++pixel.count;
      if (!covered) continue;
      ++pixel.covered;
      pixel.light += light;
      pixel.low = pixel.low.cwiseMin(light);
      pixel.high = pixel.high.cwiseMax(light);
    }
  }
}

bool Exposure::needs_more(int x, int y) const {
  const Sums& pixel = sums_[index(x, y)];
  bool differ = pixel.covered > 0 && pixel.covered < pixel.count;
  if (pixel.covered > 0 && !differ) differ = (pixel.high - pixel.low).maxCoeff() > 0.16f;
  for (int k = 0; k < 4 && !differ; ++k) {
    const int nx = x + (k == 0) - (k == 1), ny = y + (k == 2) - (k == 3);
    if (nx < 0 || ny < 0 || nx >= camera_.width || ny >= camera_.height) continue;
    differ = (pixel.covered == 0) != (sums_[index(nx, ny)].covered == 0);
  }
  return differ;
}

cv::Vec4b Exposure::colour(int x, int y) const {
  const Sums& pixel = sums_[index(x, y)];
  if (pixel.covered == 0) return {0, 0, 0, 0};
  const Vec3 colour = pixel.light / static_cast<float>(pixel.covered);
  return {srgb_byte(colour.x()), srgb_byte(colour.y()), srgb_byte(colour.z()),
          static_cast<std::uint8_t>(std::lround(255.0 * pixel.covered / pixel.count))};
}

bool Exposure::centre_hit(int x, int y, Hit& hit) const {
  if (sums_[index(x, y)].covered == 0) return false;
  const Vec3 d = direction(static_cast<float>(x) + 0.5f, static_cast<float>(y) + 0.5f);
  return shader_.intersect(origin_, d, 0, 1e30f, hit);
}

}  // namespace

Renderer::Renderer(const Model& model, const Box& frame)
    : scene_{nullptr, model, frame.centre(), frame.size().maxCoeff(), frame.size() / 2} {
  device_ = rtcNewDevice("threads=1,set_affinity=0");
  if (device_ == nullptr) fail("Embree cannot start (error {})", static_cast<int>(rtcGetDeviceError(nullptr)));
  scene_.embree = rtcNewScene(device_);
  rtcSetSceneBuildQuality(scene_.embree, RTC_BUILD_QUALITY_LOW);
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
    rtcAttachGeometryByID(scene_.embree, geometry, static_cast<unsigned>(i));
    rtcReleaseGeometry(geometry);
  }
  rtcCommitScene(scene_.embree);
  if (const RTCError error = rtcGetDeviceError(device_); error != RTC_ERROR_NONE) {
    fail("Embree cannot build the scene (error {}); the model may be too large", static_cast<int>(error));
  }
}

Renderer::~Renderer() {
  rtcReleaseScene(scene_.embree);
  rtcReleaseDevice(device_);
}

Picture Renderer::render(const Camera& camera, const Light& light, const RenderOptions& options, std::uint64_t seed) {
  const int width = camera.width, height = camera.height;
  const int coarse = std::max(1, static_cast<int>(std::lround(std::sqrt(options.samples))));
  const int fine = std::max(coarse, static_cast<int>(std::lround(std::sqrt(options.edge_samples))));
  Exposure exposure(scene_, camera, light, seed);
  const auto each_pixel = [&](const auto& visit) {
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) visit(x, y);
    }
  };
  each_pixel([&](int x, int y) { exposure.sample(x, y, coarse); });
  cv::Mat again(height, width, CV_8U);  // decided for all before any changes
  each_pixel([&](int x, int y) { again.at<std::uint8_t>(y, x) = exposure.needs_more(x, y); });
  each_pixel([&](int x, int y) {
    if (again.at<std::uint8_t>(y, x) != 0) exposure.sample(x, y, fine);
  });

  Picture picture;
  picture.rgba = cv::Mat(height, width, CV_8UC4);
  each_pixel([&](int x, int y) {
    cv::Vec4b& pixel = picture.rgba.at<cv::Vec4b>(y, x);
    pixel = exposure.colour(x, y);
    for (int c = 0; c < 3 && options.contrast; ++c) pixel[c] = with_contrast(pixel[c]);
  });
  if (!options.geometry) return picture;
  picture.depth = cv::Mat::zeros(height, width, CV_32F);
  picture.normal = cv::Mat::zeros(height, width, CV_32FC3);
  each_pixel([&](int x, int y) {
    Hit hit;
    if (!exposure.centre_hit(x, y, hit)) return;
    picture.depth.at<float>(y, x) = hit.distance / scene_.scale;
    picture.normal.at<cv::Vec3f>(y, x) = {hit.point.normal.x(), hit.point.normal.y(), hit.point.normal.z()};
  });
  return picture;
}

}  // namespace spinfill::synth

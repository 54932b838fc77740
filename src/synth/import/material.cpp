// SPDX-License-Identifier: Apache-2.0
#include "synth/import/material.h"

#include <assimp/material.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"
#include "core/files/files.h"
#include "data/pictures/picture.h"

namespace spinfill::synth {
namespace {

// Bilinear, repeated; linear light. v upwards.
cv::Vec4f texel_at(const cv::Mat& texture, float u, float v) {
  static const auto linear = [] {
    std::array<float, 256> table{};
    for (int i = 0; i < 256; ++i) table[static_cast<std::size_t>(i)] = linear_from_srgb(i, i, i).x();
    return table;
  }();
  if (!std::isfinite(u) || !std::isfinite(v)) u = v = 0;
  const float x = (u - std::floor(u)) * static_cast<float>(texture.cols) - 0.5f;
  const float y = (1 - (v - std::floor(v))) * static_cast<float>(texture.rows) - 0.5f;
  const int x0 = static_cast<int>(std::floor(x)), y0 = static_cast<int>(std::floor(y));
  const float fx = x - static_cast<float>(x0), fy = y - static_cast<float>(y0);
  cv::Vec4f sum(0, 0, 0, 0);
  for (int dy = 0; dy < 2; ++dy) {
    for (int dx = 0; dx < 2; ++dx) {
      const int tx = (x0 + dx + texture.cols) % texture.cols, ty = (y0 + dy + texture.rows) % texture.rows;
      const auto& t = texture.at<cv::Vec4b>(ty, tx);
      const float w = (dx == 1 ? fx : 1 - fx) * (dy == 1 ? fy : 1 - fy);
      sum += w * cv::Vec4f(linear[t[0]], linear[t[1]], linear[t[2]], static_cast<float>(t[3]) / 255);
    }
  }
  return sum;
}

// Where a texture that a model names lies: beside the model as named, else a file of that name in the usual folders
// between the model and the top folder.
fs::path find_texture(const std::string& named, const fs::path& model, const fs::path& top) {
  std::string name = named;
  std::replace(name.begin(), name.end(), '\\', '/');
  if (name.rfind("file://", 0) == 0) name = name.substr(7);
  const fs::path base = model.parent_path();
  const fs::path given(name);
  std::error_code error;
  if (!given.is_absolute()) {
    const fs::path within =
        fs::weakly_canonical(base / given, error).lexically_relative(fs::weakly_canonical(top, error));
    if (within.empty() || *within.begin() == "..") {
      fail("{}: texture '{}' leaves the folder {}; put it inside", model.string(), named, top.string());
    }
    if (fs::is_regular_file(base / given, error)) return base / given;
  }
  const fs::path root = fs::weakly_canonical(top, error);
  for (fs::path folder = fs::weakly_canonical(base, error);; folder = folder.parent_path()) {
    for (const char* sub : {".", "textures", "Textures", "materials/textures", "images"}) {
      const fs::path candidate = folder / sub / given.filename();
      if (fs::is_regular_file(candidate, error)) {
        const fs::path within = fs::weakly_canonical(candidate, error).lexically_relative(root);
        if (!within.empty() && *within.begin() != "..") return candidate;
      }
    }
    if (folder == root || folder == folder.parent_path()) break;
  }
  fail("{}: texture '{}' is not found in {}; put it beside the model", model.string(), named, top.string());
}

cv::Mat load_texture(const aiScene& scene, const std::string& named, const fs::path& model, const fs::path& top) {
  if (const aiTexture* embedded = scene.GetEmbeddedTexture(named.c_str())) {
    const std::string where = fmt::format("{}: embedded texture '{}'", model.string(), named);
    if (embedded->mHeight == 0) {
      return decode_picture({reinterpret_cast<const char*>(embedded->pcData), embedded->mWidth}, where);
    }
    if (embedded->mWidth > static_cast<unsigned>(kMaxPictureSide) ||
        embedded->mHeight > static_cast<unsigned>(kMaxPictureSide)) {
      fail("{}: {} × {} px is too large", where, embedded->mWidth, embedded->mHeight);
    }
    cv::Mat out(static_cast<int>(embedded->mHeight), static_cast<int>(embedded->mWidth), CV_8UC4);
    for (int y = 0; y < out.rows; ++y) {
      for (int x = 0; x < out.cols; ++x) {
        const aiTexel& t =
            embedded->pcData[static_cast<std::size_t>(y) * embedded->mWidth + static_cast<std::size_t>(x)];
        out.at<cv::Vec4b>(y, x) = {t.r, t.g, t.b, t.a};
      }
    }
    return out;
  }
  const fs::path path = find_texture(named, model, top);
  return decode_picture(read_file(path, std::uint64_t{1} << 28), path.string());
}

}  // namespace

Surface surface_of(const Material& m, const Point& point) {
  Surface s;
  s.albedo = m.colour.cwiseProduct(point.colour);
  s.metallic = m.metallic;
  s.roughness = m.roughness;
  s.coat = m.coat;
  s.transmission = m.opacity < 0.97f ? 1 - m.opacity : 0;
  if (!m.texture.empty()) {
    const cv::Vec4f texel = texel_at(m.texture, point.attribute.x(), point.attribute.y());
    s.albedo = s.albedo.cwiseProduct(Vec3(texel[0], texel[1], texel[2]));
    s.cut = m.alpha_cuts && texel[3] < 0.5f;
  }
  return s;
}

const cv::Mat& MaterialReader::texture(const std::string& name) {
  if (!textures_.contains(name)) textures_[name] = load_texture(scene_, name, model_, top_);
  return textures_[name];
}

Material MaterialReader::read(const aiMaterial& from) {
  Material out;
  aiColor4D colour(0.6f, 0.6f, 0.6f, 1);
  if (from.Get(AI_MATKEY_BASE_COLOR, colour) != AI_SUCCESS) from.Get(AI_MATKEY_COLOR_DIFFUSE, colour);
  const auto byte = [](float x) {
    return static_cast<int>(std::lround(255 * std::clamp(std::isfinite(x) ? x : 0.5f, 0.0f, 1.0f)));
  };
  out.colour = gltf_ ? Vec3(colour.r, colour.g, colour.b).cwiseMax(0.0f).cwiseMin(1.0f)
                     : linear_from_srgb(byte(colour.r), byte(colour.g), byte(colour.b));
  float opacity = 1, metallic = 0, roughness = -1, shininess = 0;
  from.Get(AI_MATKEY_OPACITY, opacity);
  aiString mode;
  if (gltf_ && from.Get("$mat.gltf.alphaMode", 0, 0, mode) == AI_SUCCESS) {
    const std::string text = mode.C_Str();
    out.alpha_cuts = text == "MASK" || text == "BLEND";
    opacity = text == "BLEND" ? std::min(opacity, colour.a) : 1;
  }
  from.Get(AI_MATKEY_METALLIC_FACTOR, metallic);
  if (from.Get(AI_MATKEY_ROUGHNESS_FACTOR, roughness) != AI_SUCCESS &&
      from.Get(AI_MATKEY_SHININESS, shininess) == AI_SUCCESS) {
    roughness = std::sqrt(2 / (2 + std::max(0.0f, shininess)));  // Blinn–Phong exponent to roughness
  }
  out.opacity = std::clamp(std::isfinite(opacity) ? opacity : 1.0f, 0.0f, 1.0f);
  out.metallic = std::clamp(std::isfinite(metallic) ? metallic : 0.0f, 0.0f, 1.0f);
  out.roughness = std::clamp(std::isfinite(roughness) && roughness >= 0 ? roughness : 0.5f, 0.05f, 1.0f);
  aiString named;
  for (const auto type : {aiTextureType_BASE_COLOR, aiTextureType_DIFFUSE}) {
    if (from.GetTexture(type, 0, &named) != AI_SUCCESS || named.length == 0) continue;
    out.texture = texture(named.C_Str());
    if (!gltf_) out.colour = Vec3::Ones();  // exporters leave an arbitrary grey beside a texture
    break;
  }
  return out;
}

}  // namespace spinfill::synth

// SPDX-License-Identifier: Apache-2.0
#include "synth/import/texture.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"
#include "data/pictures/picture.h"
#include "synth/import/mesh_files.h"

namespace spinfill::synth {
namespace {

// A coordinate brought into one period of the picture, or of the picture and its mirror image.
float wrapped(float x, Texture::Wrap wrap) {
  switch (wrap) {
    case Texture::Wrap::repeat: return x - std::floor(x);
    case Texture::Wrap::clamp:
    case Texture::Wrap::decal: return std::clamp(x, 0.0f, 1.0f);
    case Texture::Wrap::mirror: {
      const float period = x - 2 * std::floor(x / 2);
      return period > 1 ? 2 - period : period;
    }
  }
  return x;
}

int texel_index(int i, int count, Texture::Wrap wrap) {
  return wrap == Texture::Wrap::repeat ? (i + count) % count : std::clamp(i, 0, count - 1);
}

const char* foreign_format(std::string_view bytes, const std::string& name) {
  struct Format {
    const char* name;
    std::size_t at;
    std::string_view signature;
  };
  static const std::array<Format, 11> formats = {{{"KTX2", 0, "\xABKTX 20\xBB"},
                                                  {"KTX", 0, "\xABKTX 11\xBB"},
                                                  {"Basis", 0, "sB"},
                                                  {"DDS", 0, "DDS "},
                                                  {"AVIF", 4, "ftypavif"},
                                                  {"BMP", 0, "BM"},
                                                  {"GIF", 0, "GIF8"},
                                                  {"TIFF", 0, "II*"},
                                                  {"TIFF", 0, "MM"},
                                                  {"PSD", 0, "8BPS"},
                                                  {"OpenEXR", 0, "v/1\x01"}}};
  for (const Format& format : formats) {
    if (bytes.size() > format.at && bytes.substr(format.at).starts_with(format.signature)) return format.name;
  }
  return lower(name).ends_with(".tga") ? "TGA" : nullptr;  // which has no signature
}

}  // namespace

cv::Mat decode_texture(std::string_view bytes, const std::string& where) {
  const bool known = bytes.starts_with("\x89PNG") || bytes.starts_with("\xFF\xD8") || bytes.starts_with("RIFF");
  if (const char* format = known ? nullptr : foreign_format(bytes, where))
    fail("{}: is a {} picture, which is not read here: save the model's textures as PNG or JPEG", where, format);
  return decode_picture(bytes, where);
}

cv::Vec4f Texture::texel(const Point& point, bool srgb) const {
  static const auto linear = [] {
    std::array<float, 256> table{};
    for (int i = 0; i < 256; ++i) table[static_cast<std::size_t>(i)] = linear_from_srgb(i, i, i).x();
    return table;
  }();
  const Vec3& at = set == 0 ? point.attribute : point.second;
  float u = at.x(), v = at.y();
  if (moved) {
    const Vec2 to = transform * Vec3(u, v, 1);
    u = to.x();
    v = to.y();
  }
  if (!std::isfinite(u) || !std::isfinite(v)) u = v = 0;
  if ((wrap_u == Wrap::decal && (u < 0 || u > 1)) || (wrap_v == Wrap::decal && (v < 0 || v > 1))) return {1, 1, 1, 0};
  const float x = wrapped(u, wrap_u) * static_cast<float>(picture.cols) - 0.5f;
  const float y = (1 - wrapped(v, wrap_v)) * static_cast<float>(picture.rows) - 0.5f;
  const int x0 = static_cast<int>(std::floor(nearest ? x + 0.5f : x)),
            y0 = static_cast<int>(std::floor(nearest ? y + 0.5f : y));
  const float fx = nearest ? 0 : x - static_cast<float>(x0), fy = nearest ? 0 : y - static_cast<float>(y0);
  cv::Vec4f sum(0, 0, 0, 0);
  for (int dy = 0; dy < 2; ++dy) {
    for (int dx = 0; dx < 2; ++dx) {
      const int tx = texel_index(x0 + dx, picture.cols, wrap_u), ty = texel_index(y0 + dy, picture.rows, wrap_v);
      const auto& t = picture.at<cv::Vec4b>(ty, tx);
      const float w = (dx == 1 ? fx : 1 - fx) * (dy == 1 ? fy : 1 - fy);
      const auto value = [&](int c) { return srgb ? linear[t[c]] : static_cast<float>(t[c]) / 255; };
      sum += w * cv::Vec4f(value(0), value(1), value(2), static_cast<float>(t[3]) / 255);
    }
  }
  return sum;
}

}  // namespace spinfill::synth

// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <cstring>
#include <set>

#include "core/error.h"
#include "data/scenes/colmap_model.h"
#include "data/scenes/colmap_parts.h"
#include "data/scenes/scene.h"

namespace spinfill {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::size_t kMaxName = 4096;
constexpr std::size_t kPointBytes = 24;  // x, y, number of the point

class Bytes {
 public:
  Bytes(std::string_view bytes, std::string file) : rest_(bytes), file_(std::move(file)) {}

  template <class Number>
  Number take() {
    Number value{};
    std::memcpy(&value, take_bytes(sizeof value).data(), sizeof value);
    return value;
  }
  // The number of things that follow, each at least so long.
  std::uint64_t count(std::size_t least_bytes) {
    const auto value = take<std::uint64_t>();
    if (value > rest_.size() / least_bytes) refuse();
    return value;
  }
  void skip(std::uint64_t items, std::size_t bytes_each) {
    if (items > rest_.size() / bytes_each) refuse();
    rest_.remove_prefix(items * bytes_each);
  }
  std::string text() {
    const std::size_t end = rest_.substr(0, kMaxName).find('\0');
    if (end == std::string_view::npos) refuse();
    std::string out(take_bytes(end));
    rest_.remove_prefix(1);
    return out;
  }
  void require_end() const {
    if (!rest_.empty()) fail("{}: {} bytes are left behind its end: it is damaged", file_, rest_.size());
  }

 private:
  std::string_view take_bytes(std::size_t size) {
    if (size > rest_.size()) refuse();
    const std::string_view out = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return out;
  }
  [[noreturn]] void refuse() const { fail("{}: is cut off, or no binary model of COLMAP", file_); }
  std::string_view rest_;
  std::string file_;
};

}  // namespace

ColmapCameras colmap_cameras_binary(std::string_view bytes, const std::string& where) {
  Bytes in(bytes, where);
  ColmapCameras out;
  const std::uint64_t count = in.count(4 + 4 + 8 + 8 + 3 * 8);
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto id = in.take<std::uint32_t>();
    const ColmapLensModel& model = colmap_lens_model(in.take<std::int32_t>(), where);
    const auto width = in.take<std::uint64_t>(), height = in.take<std::uint64_t>();
    std::vector<double> parameters;
    while (parameters.size() < model.parameters) parameters.push_back(in.take<double>());
    if (!out.emplace(id, colmap_camera(model, width, height, parameters, where)).second)
      fail("{}: camera {} is listed twice", where, id);
  }
  in.require_end();
  return out;
}

std::vector<ColmapImage> colmap_images_binary(std::string_view bytes, const std::string& where) {
  Bytes in(bytes, where);
  std::vector<ColmapImage> out;
  std::set<std::uint32_t> ids;
  const std::uint64_t count = in.count(4 + 7 * 8 + 4 + 1 + 8);
  if (count > kMaxSceneViews) fail("{}: more than {} images", where, kMaxSceneViews);
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto id = in.take<std::uint32_t>();
    if (!ids.insert(id).second) fail("{}: image {} is listed twice", where, id);
    std::array<double, 7> pose{};
    for (double& number : pose) number = in.take<double>();
    ColmapImage& image = out.emplace_back();
    image.world_from_camera = colmap_pose(pose, where);
    image.camera_id = in.take<std::uint32_t>();
    image.name = in.text();
    if (image.name.empty()) fail("{}: an image's name is missing", where);
    in.skip(in.take<std::uint64_t>(), kPointBytes);
  }
  in.require_end();
  return out;
}

}  // namespace spinfill

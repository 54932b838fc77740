// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <cmath>
#include <set>

#include "core/error.h"
#include "data/scenes/colmap_model.h"
#include "data/scenes/colmap_parts.h"
#include "data/scenes/scene.h"

namespace spinfill {
namespace {

// The lines of a text, and the words of each; errors name file and line.
class Lines {
 public:
  Lines(std::string_view text, std::string file) : text_(text), file_(std::move(file)) {}

  bool next() {
    if (at_ >= text_.size()) return false;
    const std::size_t end = std::min(text_.find('\n', at_), text_.size());
    rest_ = text_.substr(at_, end - at_);
    if (rest_.ends_with('\r')) rest_.remove_suffix(1);
    at_ = end + 1;
    ++number_;
    return true;
  }
  // Neither empty nor a comment.
  bool has_data() {
    skip_blanks();
    return !rest_.empty() && rest_.front() != '#';
  }
  bool ended() {
    skip_blanks();
    return rest_.empty();
  }
  std::string where() const { return fmt::format("{}:{}", file_, number_); }
  std::string_view word(const char* what) {
    skip_blanks();
    const std::string_view out = rest_.substr(0, rest_.find_first_of(" \t"));
    if (out.empty()) fail("{}: {} is missing: the file is cut off or no model of COLMAP", where(), what);
    rest_.remove_prefix(out.size());
    return out;
  }
  template <class Number>
  Number number(const char* what) {
    const std::string_view text = word(what);
    Number value{};
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    bool sound = error == std::errc() && stop == text.data() + text.size();
    if constexpr (std::is_floating_point_v<Number>) sound = sound && std::isfinite(value);
    if (!sound) fail("{}: {} is '{}', which is no number that it can be", where(), what, text.substr(0, 40));
    return value;
  }
  std::string remainder() {
    skip_blanks();
    while (!rest_.empty() && (rest_.back() == ' ' || rest_.back() == '\t')) rest_.remove_suffix(1);
    return std::string(rest_);
  }

 private:
  void skip_blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size())); }
  std::string_view text_, rest_;
  std::string file_;
  std::size_t at_ = 0;
  int number_ = 0;
};

}  // namespace

ColmapCameras colmap_cameras_text(std::string_view text, const std::string& where) {
  ColmapCameras out;
  for (Lines lines(text, where); lines.next();) {
    if (!lines.has_data()) continue;
    const auto id = lines.number<std::uint32_t>("the camera's number");
    const ColmapLensModel& model = colmap_lens_model(lines.word("the camera's model"), lines.where());
    const auto width = lines.number<std::uint64_t>("the width"), height = lines.number<std::uint64_t>("the height");
    std::vector<double> parameters;
    while (parameters.size() < model.parameters) parameters.push_back(lines.number<double>("a parameter"));
    if (!lines.ended()) fail("{}: more parameters than {} has", lines.where(), model.name);
    if (!out.emplace(id, colmap_camera(model, width, height, parameters, lines.where())).second)
      fail("{}: camera {} is listed twice", lines.where(), id);
  }
  return out;
}

std::vector<ColmapImage> colmap_images_text(std::string_view text, const std::string& where) {
  std::vector<ColmapImage> out;
  std::set<std::uint32_t> ids;
  for (Lines lines(text, where); lines.next();) {
    if (!lines.has_data()) continue;
    const auto id = lines.number<std::uint32_t>("the image's number");
    if (!ids.insert(id).second) fail("{}: image {} is listed twice", lines.where(), id);
    std::array<double, 7> pose{};
    for (double& number : pose) number = lines.number<double>("a number of the pose");
    ColmapImage& image = out.emplace_back();
    image.world_from_camera = colmap_pose(pose, lines.where());
    image.camera_id = lines.number<std::uint32_t>("the camera's number");
    image.name = lines.remainder();
    if (image.name.empty()) fail("{}: the image's name is missing", lines.where());
    if (out.size() > kMaxSceneViews) fail("{}: more than {} images", where, kMaxSceneViews);
    lines.next();  // its points, none of which may be an empty line
  }
  return out;
}

}  // namespace spinfill

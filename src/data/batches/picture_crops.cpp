// SPDX-License-Identifier: Apache-2.0
#include "data/batches/picture_crops.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>

#include <opencv2/core.hpp>

#include "core/error.h"
#include "core/random.h"
#include "data/batches/subsets.h"
#include "data/pictures/letterbox.h"
#include "data/pictures/visible_box.h"
#include "data/sets/set_pictures.h"

namespace spinfill {
namespace {

// Where a crop begins, along one axis: `centre` is where it is wanted. A side smaller than the crop lies anywhere in
// it.
int crop_start(int side, int crop, double centre, double chance) {
  if (side <= crop) return -static_cast<int>(std::floor(chance * (crop - side + 1)));
  return std::clamp(static_cast<int>(std::lround(centre - crop / 2.0)), 0, side - crop);
}

PicturePart on_background(const cv::Mat& rgba, const std::array<double, 3>& background) {
  cv::Mat whole = rgba;
  if (!whole.isContinuous()) whole = rgba.clone();
  const at::Tensor values =
      at::from_blob(whole.data, {whole.rows, whole.cols, 4}, at::kByte).permute({2, 0, 1}).to(at::kFloat) / 255;
  const at::Tensor alpha = values.narrow(0, 3, 1).contiguous();
  const at::Tensor under = at::tensor({background[0], background[1], background[2]}, at::kFloat).view({3, 1, 1});
  return {(values.narrow(0, 0, 3) * alpha + under * (1 - alpha)).contiguous(), alpha};
}

}  // namespace

void CropConfig::bind(Fields& f) {
  f.text("path", path, "Folder of the data set: view sets, or tar shards");
  f.flag("follow_links", follow_links,
         "Follow symbolic links that lead out of a set's folder (your own: DVC, git-annex, a hub's cache); not for "
         "data of strangers");
  f.number("crop", crop, "Side of the square crops that are trained on, px", 16, 4096);
  f.number("longest_side", longest_side,
           "Larger pictures are shrunk until their longer side has so many px; 0: they keep their own size", 0, 16384);
  f.number("mirror", mirror, "Share of crops that are mirrored left-right", 0, 1);
  f.number("plain_background", plain_background, "Share of crops on a plain background of random colour", 0, 1);
  f.list("background", background, "Background of the others, and of validation: sRGB, three numbers", 0, 1);
  f.require(background.size() == 3, "background needs three numbers (red, green, blue)");
  f.number("cache_mib", cache_mib, "Memory for decoded pictures, MiB; 0 decodes each time", 0, 1 << 20);
}

PictureCrops::PictureCrops(DataSet data, const CropConfig& config, std::uint64_t seed)
    : data_(std::move(data)), config_(config), seed_(seed), room_(config.cache_mib << 20) {
  for (std::int64_t set = 0; set < data_.size(); ++set) {
    const Slots slots = data_.slots(set);
    for (int slot = 0; slot < kSlots; ++slot)
      if (slots[static_cast<std::size_t>(slot)]) views_.push_back({set, slot});
  }
}

std::string PictureCrops::name(std::int64_t picture) const {
  const View& view = views_.at(static_cast<std::size_t>(picture));
  return fmt::format("{} {}", data_.id(view.set), azimuth_of(view.slot));
}

cv::Mat PictureCrops::rgba(std::int64_t picture) const {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = kept_.find(picture); found != kept_.end()) return found->second;
  }
  const View& view = views_.at(static_cast<std::size_t>(picture));
  const auto set = data_.view_set(view.set);
  const Frame* frame = set->frame_at(view.slot);
  cv::Mat out = read_masked_picture(*set, *frame);
  const int longest = std::max(out.cols, out.rows), wanted = static_cast<int>(config_.longest_side);
  if (wanted > 0 && longest > wanted) {
    const auto smaller = [&](int side) {
      return std::max(1, static_cast<int>(std::lround(static_cast<double>(side) * wanted / longest)));
    };
    out = straight(resample(premultiplied(out), fit(out.cols, out.rows, smaller(out.cols), smaller(out.rows))));
  }
  const std::lock_guard lock(mutex_);
  const auto bytes = static_cast<std::int64_t>(out.total() * out.elemSize());
  if (bytes <= room_ && kept_.emplace(picture, out).second) room_ -= bytes;
  return out;
}

std::string PictureCrops::sample_name(std::int64_t sample) const {
  return name(shuffled(pictures(), seed_, static_cast<std::uint64_t>(sample)));
}

PicturePart PictureCrops::at(std::int64_t sample) const {
  const auto index = static_cast<std::uint64_t>(sample);
  const cv::Mat whole = rgba(shuffled(pictures(), seed_, index));
  Random random(seed_, index, Stream::augmentation);
  const bool mirror = random.uniform() < config_.mirror, plain = random.uniform() < config_.plain_background;
  std::array<double, 3> background{};
  for (double& channel : background) channel = random.uniform();
  if (!plain) std::ranges::copy(config_.background, background.begin());

  // A picture in which nothing is visible is cropped anywhere.
  VisibleBox box = visible_box(whole);
  if (box.right <= box.left) box = {0, 0, 1, 1, true};
  const int side = static_cast<int>(config_.crop);
  const double across = random.uniform(), down = random.uniform(), x_chance = random.uniform(),
               y_chance = random.uniform();
  const int x = crop_start(whole.cols, side, (box.left + across * (box.right - box.left)) * whole.cols, x_chance);
  const int y = crop_start(whole.rows, side, (box.top + down * (box.bottom - box.top)) * whole.rows, y_chance);
  cv::Mat crop(side, side, CV_8UC4, cv::Scalar::all(0));
  const cv::Rect from = cv::Rect(x, y, side, side) & cv::Rect(0, 0, whole.cols, whole.rows);
  whole(from).copyTo(crop(from - cv::Point(x, y)));
  if (mirror) {
    cv::Mat mirrored;
    cv::flip(crop, mirrored, 1);
    crop = mirrored;
  }
  return on_background(crop, background);
}

PicturePart PictureCrops::whole(std::int64_t picture) const {
  return on_background(rgba(picture), {config_.background[0], config_.background[1], config_.background[2]});
}

}  // namespace spinfill

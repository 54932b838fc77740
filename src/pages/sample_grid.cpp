// SPDX-License-Identifier: Apache-2.0
#include "pages/sample_grid.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <string>
#include <vector>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "data/pictures/picture.h"
#include "data/sets/slots.h"
#include "metrics/baselines.h"
#include "metrics/predictions.h"
#include "pages/shown_pictures.h"

namespace spinfill {
namespace {

constexpr int kLeastCell = 144;  // px of width, to which small pictures are enlarged by whole steps
constexpr int kLabel = 56, kTitle = 26, kHead = 20, kGap = 6;  // px
const cv::Scalar kPaper = cv::Scalar::all(255), kInk = cv::Scalar::all(40);

void write(cv::Mat& page, const std::string& text, int x, int y, double scale = 0.4) {
  cv::putText(page, text, {x, y}, cv::FONT_HERSHEY_SIMPLEX, scale, kInk, 1, cv::LINE_AA);
}

// The pictures of one set, 8-bit RGB at the batch's size.
struct Shown {
  struct View {
    std::int64_t slot;
    std::vector<cv::Mat> pictures;  // one for each of the columns, or the given one
  };
  std::string title;
  std::vector<View> given, targets;
};

cv::Mat rgb_of(const at::Tensor& picture) {
  return rgb_picture(picture.detach().nan_to_num(0));
}

cv::Mat picture_of_normals(const at::Tensor& normals) {
  return rgb_of((normals + 1) / 2);
}

Shown shown_of(const Batch& batch, std::int64_t b, const at::Tensor& generated, const at::Tensor& baseline,
               const at::Tensor& normals) {
  Shown shown;
  shown.title = fmt::format("{}  (sample {})", batch.ids[b], batch.samples[b]);
  for (std::int64_t v = 0; v < Batch::kViews; ++v) {
    const cv::Mat colour = rgb_of(batch.colour[b][v]);
    if (batch.is_reference[b][v].item<bool>()) shown.given.push_back({v, {colour}});
    if (!batch.is_target[b][v].item<bool>()) continue;
    const cv::Mat made = rgb_of(generated[b][v]);
    shown.targets.push_back({v, {colour, made, error_map(made, colour)}});
    std::vector<cv::Mat>& pictures = shown.targets.back().pictures;
    if (baseline.defined()) pictures.push_back(rgb_of(baseline[b][v]));
    if (normals.defined())
      pictures.insert(pictures.end(), {picture_of_normals(batch.normals[b][v]), picture_of_normals(normals[b][v])});
  }
  return shown;
}

// Where things lie: a row of given views at half the size, then a row for each target.
class Layout {
 public:
  Layout(int width, int height, std::size_t columns)
      : zoom_((kLeastCell + width - 1) / width), w_(width * zoom_), h_(height * zoom_), columns_(columns) {}
  cv::Size half() const { return {w_ / 2, h_ / 2}; }
  cv::Size whole() const { return {w_, h_}; }
  int width() const { return std::max(x(columns_), kLabel + kSlots * (half().width + kGap)); }
  int x(std::size_t column) const { return kLabel + static_cast<int>(column) * (w_ + kGap); }
  int targets_from() const { return kTitle + kHead + half().height + kGap + kHead; }
  int height(std::size_t targets) const { return targets_from() + static_cast<int>(targets) * (h_ + kGap) + kGap; }

 private:
  int zoom_, w_, h_;
  std::size_t columns_;
};

void put(cv::Mat& page, const cv::Mat& picture, int x, int y, cv::Size size) {
  cv::Mat fitted;
  cv::resize(picture, fitted, size, 0, 0, size.width < picture.cols ? cv::INTER_AREA : cv::INTER_NEAREST);
  fitted.copyTo(page(cv::Rect({x, y}, size)));
}

void draw(cv::Mat page, const Shown& shown, const Layout& layout, const std::vector<std::string>& heads) {
  write(page, shown.title, 6, kTitle - 8, 0.5);
  const int given_at = kTitle + kHead;
  write(page, shown.given.empty() ? "nothing given" : "given", 6, given_at + 14);
  for (std::size_t i = 0; i < shown.given.size(); ++i) {
    const int x = kLabel + static_cast<int>(i) * (layout.half().width + kGap);
    write(page, fmt::format("{}", azimuth_of(shown.given[i].slot)), x, given_at - 6);
    put(page, shown.given[i].pictures.front(), x, given_at, layout.half());
  }
  int y = layout.targets_from();
  for (std::size_t c = 0; c < heads.size(); ++c) write(page, heads[c], layout.x(c), y - 6);
  for (const Shown::View& target : shown.targets) {
    write(page, fmt::format("{}", azimuth_of(target.slot)), 6, y + 14);
    for (std::size_t c = 0; c < target.pictures.size(); ++c)
      put(page, target.pictures[c], layout.x(c), y, layout.whole());
    y += layout.whole().height + kGap;
  }
}

}  // namespace

void draw_sample_grid(const Batch& batch, const at::Tensor& generated, const std::filesystem::path& path,
                      const SampleGridOptions& options) {
  if (!generated.defined() || generated.sizes() != batch.colour.sizes()) {
    fail("{}: a grid needs generated pictures of the batch's size [{}]", path.string(),
         fmt::join(batch.colour.sizes(), ","));
  }
  const at::NoGradGuard no_grad;
  const std::int64_t end = std::min(batch.size(), options.first + options.sets);
  if (options.first < 0 || options.first >= end) fail("{}: no set to draw", path.string());

  std::vector<std::string> heads = {"truth", "generated", fmt::format("error, bright: {:g}", kErrorScale)};
  at::Tensor baseline;
  if (batch.priors.warped.defined()) {
    heads.push_back("mirror-or-prior");
    baseline = baseline_pictures(heads.back(), batch);
  }
  const at::Tensor normals = batch.normals.defined() ? options.normals : at::Tensor();
  if (normals.defined()) heads.insert(heads.end(), {"true normals", "normals"});
  const Layout layout(static_cast<int>(batch.colour.size(4)), static_cast<int>(batch.colour.size(3)), heads.size());
  std::vector<Shown> sets;
  int height = 0;
  for (std::int64_t b = options.first; b < end; ++b) {
    sets.push_back(shown_of(batch, b, generated, baseline, normals));
    height += layout.height(sets.back().targets.size());
  }
  cv::Mat page(height, layout.width(), CV_8UC3, kPaper);
  int top = 0;
  for (const Shown& set : sets) {
    const int of_set = layout.height(set.targets.size());
    draw(page(cv::Rect(0, top, page.cols, of_set)), set, layout, heads);
    top += of_set;
  }
  write_png(path, page);
}

}  // namespace spinfill

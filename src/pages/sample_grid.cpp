// SPDX-License-Identifier: Apache-2.0
#include "pages/sample_grid.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/files/files.h"
#include "data/sets/slots.h"
#include "metrics/baselines.h"

namespace spinfill {
namespace {

constexpr int kLabel = 132, kTitle = 24, kHeader = 20, kGap = 4;  // px
const cv::Scalar kPaper(255, 255, 255), kInk(40, 40, 40), kEmpty(232, 232, 232);

// [3,H,W] in [0,1] → 8-bit BGR, enlarged by whole steps only.
cv::Mat bgr_of(const at::Tensor& picture, int zoom) {
  const at::Tensor bytes = picture.detach()
                               .to(at::kFloat)
                               .nan_to_num(0)
                               .clamp(0, 1)
                               .mul(255)
                               .round()
                               .to(at::kByte)
                               .flip({0})
                               .permute({1, 2, 0})
                               .cpu()
                               .contiguous();
  const cv::Mat view(static_cast<int>(bytes.size(0)), static_cast<int>(bytes.size(1)), CV_8UC3, bytes.data_ptr());
  cv::Mat enlarged;
  cv::resize(view, enlarged, {}, zoom, zoom, cv::INTER_NEAREST);
  return enlarged;
}

// [1,H,W] or [H,W] in [0,1] → the inferno colour map.
cv::Mat heat_of(const at::Tensor& values, int zoom) {
  const at::Tensor grey = values.nan_to_num(1).clamp(0, 1).mul(255).round().to(at::kByte).cpu().contiguous();
  const auto h = grey.size(-2), w = grey.size(-1);
  const cv::Mat view(static_cast<int>(h), static_cast<int>(w), CV_8UC1, grey.data_ptr());
  cv::Mat coloured, enlarged;
  cv::applyColorMap(view, coloured, cv::COLORMAP_INFERNO);
  cv::resize(coloured, enlarged, {}, zoom, zoom, cv::INTER_NEAREST);
  return enlarged;
}

void write(cv::Mat& page, const std::string& text, int x, int y, double scale = 0.4) {
  cv::putText(page, text, {x, y}, cv::FONT_HERSHEY_SIMPLEX, scale, kInk, 1, cv::LINE_AA);
}

// The heat map's scale under the label of its row.
void draw_scale(cv::Mat& page, int x, int y, int width, double top) {
  const cv::Mat bar = heat_of(at::linspace(0, 1, width).unsqueeze(0).expand({8, width}), 1);
  bar.copyTo(page(cv::Rect(x, y, width, 8)));
  write(page, "0", x, y + 20, 0.35);
  const std::string end = fmt::format("{:g}", top);
  write(page, end, x + width - 7 * static_cast<int>(end.size()), y + 20, 0.35);
}

// One set's band of rows: the names of what is drawn, and the sizes of a cell, px.
struct Band {
  std::vector<std::string> rows;
  int w, h;
  int row_height() const { return std::max(h, 40) + kGap; }
  int height() const { return kTitle + kHeader + static_cast<int>(rows.size()) * row_height() + kGap; }
  int x(std::int64_t view) const { return kLabel + static_cast<int>(view) * (w + kGap); }
};

// One view's cell of a row; empty where the row has nothing for the view.
cv::Mat cell_of(const std::string& row, const Batch& batch, const at::Tensor& generated, const at::Tensor& baseline,
                std::int64_t b, std::int64_t v, int zoom, double error_scale) {
  if (row == "given") return batch.is_reference[b][v].item<bool>() ? bgr_of(batch.colour[b][v], zoom) : cv::Mat();
  if (!batch.is_target[b][v].item<bool>()) return {};
  if (row == "generated") return bgr_of(generated[b][v], zoom);
  if (row == "truth") return bgr_of(batch.colour[b][v], zoom);
  if (row == "mirror-or-prior") return bgr_of(baseline[b][v], zoom);
  const at::Tensor error = (generated[b][v].clamp(0, 1) - batch.colour[b][v]).abs().mean(0);
  return heat_of(error / error_scale, zoom);
}

}  // namespace

void draw_sample_grid(const Batch& batch, const at::Tensor& generated, const std::filesystem::path& path,
                      const SampleGridOptions& options) {
  if (!generated.defined() || generated.sizes() != batch.colour.sizes()) {
    fail("{}: a grid needs generated pictures of the batch's size [{}]", path.string(),
         fmt::join(batch.colour.sizes(), ","));
  }
  if (!(options.error_scale > 0)) fail("{}: the error scale must be above 0", path.string());
  at::NoGradGuard no_grad;
  const std::int64_t end = std::min(batch.size(), options.first + options.sets);
  if (options.first < 0 || options.first >= end) fail("{}: no set to draw", path.string());

  const int height = static_cast<int>(batch.colour.size(3)), width = static_cast<int>(batch.colour.size(4));
  const int zoom = std::max(1, 96 / width);
  const bool priors = batch.priors.warped.defined();
  Band band{{"given", "generated", "truth"}, width * zoom, height * zoom};
  if (priors) band.rows.push_back("mirror-or-prior");
  band.rows.push_back("error");
  cv::Mat page(static_cast<int>(end - options.first) * band.height(), band.x(Batch::kViews), CV_8UC3, kPaper);

  const at::Tensor baseline = priors ? baseline_pictures("mirror-or-prior", batch) : at::Tensor();
  for (std::int64_t b = options.first; b < end; ++b) {
    const int top = static_cast<int>(b - options.first) * band.height();
    write(page, fmt::format("{}  (sample {})", batch.ids[b], batch.samples[b]), 6, top + 17, 0.5);
    for (std::int64_t v = 0; v < Batch::kViews; ++v)
      write(page, fmt::format("{}", azimuth_of(v)), band.x(v), top + kTitle + 14);
    for (std::size_t r = 0; r < band.rows.size(); ++r) {
      const int y = top + kTitle + kHeader + static_cast<int>(r) * band.row_height();
      write(page, band.rows[r], 6, y + 14);
      if (band.rows[r] == "error") draw_scale(page, 6, y + 18, kLabel - 20, options.error_scale);
      for (std::int64_t v = 0; v < Batch::kViews; ++v) {
        cv::Mat cell = page(cv::Rect(band.x(v), y, band.w, band.h));
        const cv::Mat drawn = cell_of(band.rows[r], batch, generated, baseline, b, v, zoom, options.error_scale);
        if (drawn.empty()) {
          cell.setTo(kEmpty);
        } else {
          drawn.copyTo(cell);
        }
      }
    }
  }
  std::vector<unsigned char> png;
  if (!cv::imencode(".png", page, png)) fail("{}: the grid cannot be encoded as PNG", path.string());
  write_file_atomic(path, {reinterpret_cast<const char*>(png.data()), png.size()});
}

}  // namespace spinfill

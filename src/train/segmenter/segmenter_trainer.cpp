// SPDX-License-Identifier: Apache-2.0
#include "train/segmenter/segmenter_trainer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "core/side_by_side.h"
#include "core/statistics.h"
#include "data/pictures/picture_tensor.h"
#include "model/autocast.h"

namespace spinfill {
namespace {

constexpr std::int64_t kScoredTogether = 8, kScoredBeside = 2;  // pictures at a time, on so many threads

}  // namespace

MaskedPictures masked_pictures(const SegmenterSamples& samples, std::int64_t first, std::int64_t last) {
  std::vector<cv::Mat> pictures;
  at::Tensor truths = at::empty({last - first, 1, samples.side(), samples.side()}, at::kFloat);
  auto values = truths.accessor<float, 4>();
  for (std::int64_t i = first; i < last; ++i) {
    SegmenterSample one = samples.at(i);
    pictures.push_back(std::move(one.rgb));
    for (int y = 0; y < one.truth.rows; ++y)
      for (int x = 0; x < one.truth.cols; ++x) values[i - first][0][y][x] = one.truth.at<uchar>(y, x) / 255.F;
  }
  return {picture_tensor(pictures), truths};
}

Json to_json(const SegmenterScores& scores) {
  return {{"pictures", scores.count},
          {"median_iou", rounded(scores.median, 4)},
          {"mean_iou", rounded(scores.mean, 4)},
          {"worst_iou", rounded(scores.worst, 4)},
          {"without_vehicle", scores.empty},
          {"seen_without_vehicle", rounded(scores.seen_in_empty, 5)}};
}

SegmenterScores segmenter_scores(const SegmenterModel& model, const SegmenterSamples& samples, std::int64_t count) {
  const std::int64_t parts = (count + kScoredTogether - 1) / kScoredTogether;
  std::vector<double> overlaps;
  SegmenterScores out;
  for (std::int64_t first = 0; first < parts; first += kScoredBeside) {
    const auto some = side_by_side(static_cast<std::size_t>(std::min(kScoredBeside, parts - first)), [&](std::size_t
                                                                                                             i) {
      const at::NoGradGuard no_grad;
      const std::int64_t begin = (first + static_cast<std::int64_t>(i)) * kScoredTogether;
      const MaskedPictures masked = masked_pictures(samples, begin, std::min(begin + kScoredTogether, count));
      SegmenterNetwork network = model.network;
      const at::Tensor seen = network->forward(masked.pictures) >= 0, truth = masked.truths >= 0.5;
      return std::pair((seen & truth).sum({1, 2, 3}), at::stack({(seen | truth).sum({1, 2, 3}), truth.sum({1, 2, 3})}));
    });
    for (const auto& [both, either_and_truth] : some) {
      for (std::int64_t i = 0; i < both.size(0); ++i) {
        const double either = either_and_truth[0][i].item<double>();
        if (either_and_truth[1][i].item<std::int64_t>() > 0) {
          overlaps.push_back(both[i].item<double>() / either);
        } else {
          ++out.empty;
          out.seen_in_empty += either / (samples.side() * samples.side());
        }
      }
    }
  }
  if (out.empty > 0) out.seen_in_empty /= static_cast<double>(out.empty);
  out.count = std::ssize(overlaps);
  if (overlaps.empty()) return out;
  for (const double overlap : overlaps) out.mean += overlap / static_cast<double>(out.count);
  out.worst = *std::ranges::min_element(overlaps);
  out.median = median(std::move(overlaps));
  return out;
}

std::int64_t train_segmenter(SegmenterModel& model, const SegmenterSamples& samples, const SegmenterTraining& options,
                             const FineTuningProgress& progress) {
  return fine_tune(
      *model.network, options,
      [&](std::int64_t first, std::int64_t last) {
        const MaskedPictures masked = masked_pictures(samples, first, last);
        const Autocast precision({at::kCPU, dtype_of(options.precision)});
        return segmenter_loss(SegmenterNetwork(model.network)->forward(masked.pictures).to(at::kFloat), masked.truths);
      },
      progress);
}

}  // namespace spinfill

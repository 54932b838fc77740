// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <opencv2/core/mat.hpp>

#include "core/config/config.h"
#include "data/sets/data_set.h"

namespace spinfill {

// Single pictures of vehicles, for networks that know nothing of views.
struct CropConfig {
  std::string path;  // a data set's folder: view sets or tar shards
  bool follow_links = false;
  std::int64_t crop = 128;                     // px, side of the squares that are trained on
  std::int64_t longest_side = 0;               // px, to which larger pictures are shrunk; 0: they keep their own size
  double mirror = 0.5;                         // share of crops that are mirrored left-right
  double plain_background = 0.5;               // share of crops on a plain background of random colour
  std::vector<double> background = {1, 1, 1};  // of the others, and of validation: sRGB in [0,1]
  std::int64_t cache_mib = 1024;               // decoded pictures kept in memory
  Links links() const { return follow_links ? Links::follow : Links::stay_inside; }
  void bind(Fields& f);
};

// On a background.
struct PicturePart {
  at::Tensor colour;    // [3,H,W] float32 in [0,1]
  at::Tensor coverage;  // [1,H,W] the vehicle's, in [0,1]
};

// All views of a data set, whole or in crops. Thread-safe.
class PictureCrops {
 public:
  PictureCrops(DataSet data, const CropConfig& config, std::uint64_t seed);
  std::int64_t pictures() const { return static_cast<std::int64_t>(views_.size()); }
  std::string name(std::int64_t picture) const;  // "car-03 90"

  // A crop of crop × crop px whose centre is in the vehicle's box as far as the picture's sides allow; a picture that
  // is smaller lies somewhere in it. A pure function of (seed, sample): in every epoch each picture comes once. Errors
  // (exit 3) name a picture that cannot be read.
  PicturePart at(std::int64_t sample) const;
  std::string sample_name(std::int64_t sample) const;
  // A whole picture on the background.
  PicturePart whole(std::int64_t picture) const;

 private:
  struct View {
    std::int64_t set;
    int slot;
  };
  cv::Mat rgba(std::int64_t picture) const;  // 8-bit straight RGBA of the size that is trained on
  DataSet data_;
  CropConfig config_;
  std::uint64_t seed_;
  std::vector<View> views_;
  mutable std::mutex mutex_;
  mutable std::int64_t room_;                     // bytes
  mutable std::map<std::int64_t, cv::Mat> kept_;  // first come, first kept
};

}  // namespace spinfill

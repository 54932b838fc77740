// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "data/walkaround/segmenter.h"
#include "model/azimuth/azimuth_model.h"
#include "model/segmenter/segmenter_model.h"

namespace spinfill {

// What may be needed to import a set: masks need no segmenter where the pictures are cut out, azimuths no network where
// they are stated.
class ImportModels {
 public:
  ImportModels(const std::string& segmenter, std::string azimuths)
      : segmenter(lazy_segmenter(segmenter)), azimuth_folder_(std::move(azimuths)) {}
  LazySegmenter segmenter;
  const AzimuthModel& azimuths() {
    if (!azimuths_) azimuths_ = load_azimuth_model(azimuth_model_folder(azimuth_folder_));
    return *azimuths_;
  }

 private:
  std::string azimuth_folder_;
  std::optional<AzimuthModel> azimuths_;
};

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "data/pictures/opencv_threads.h"

#include <opencv2/core/utility.hpp>

namespace spinfill {

void use_one_opencv_thread() {
  static const bool once = [] {
    cv::setNumThreads(1);
    return true;
  }();
  static_cast<void>(once);
}

}  // namespace spinfill

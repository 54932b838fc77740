// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace spinfill {

// OpenCV's functions stay on the calling thread from now on: work is shared out side by side (core/side_by_side.h), and
// no result may depend on the number of threads.
void use_one_opencv_thread();

}  // namespace spinfill

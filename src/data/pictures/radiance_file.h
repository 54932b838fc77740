// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include <opencv2/core/mat.hpp>

namespace spinfill {

// A Radiance picture (.hdr): [H,W] 3 × float, RGB, linear, in the file's own unit. Ward, "Real pixels", Graphics Gems
// II, 1991: shared exponent, new run-length coding or none. Exit 3, one line that begins with `where`: no such file,
// cut off or damaged, XYZ colours, turned or mirrored rows, above 8192 × 4096 px.
cv::Mat decode_radiance(std::string_view bytes, const std::string& where);

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "pages/spin_page.h"

namespace spinfill::test {

// Eight views of one colour each; those at 135° and 270° are generated.
cv::Scalar spin_colour(int view);  // RGBA
// A coloured block on a transparent ground: the middle half of the picture's sides.
SpinFrame spin_block(int view, bool generated, cv::Size size = {240, 160});
SpinPage example_spin(const std::string& title = "Test spin");  // 240×160, in no order

}  // namespace spinfill::test

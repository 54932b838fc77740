// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace spinfill {

// The page around the pictures; @TITLE@, @WIDTH@, @HEIGHT@ (px of the pictures), @VIEWS@ (one <figure> per picture) are
// filled in by spin_page(). Plain HTML, CSS and JavaScript without any library; the policy in its head forbids
// everything that is not inside the file.
extern const char* const kSpinTemplate;

}  // namespace spinfill

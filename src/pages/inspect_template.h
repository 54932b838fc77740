// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace spinfill {

// The page around an inspection; inspection_page() fills in @TITLE@, @FACTS@, @RAW@ and @STEADY@ (a stage with one
// <img> per photograph), @OVERLAY@ (base64 of a PNG), @ROWS@ and @NOTES@. The policy in its head forbids everything
// that is not inside the file.
extern const char* const kInspectTemplate;

}  // namespace spinfill

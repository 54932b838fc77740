// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace spinfill {

// ASCII control characters: names from files must not bring them into messages or paths.
inline bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

}  // namespace spinfill

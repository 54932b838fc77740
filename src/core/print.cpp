// SPDX-License-Identifier: Apache-2.0
#include "core/print.h"

#include "core/text.h"

namespace spinfill {

void print_lines(std::string_view text) {
  fmt::print("{}", escaped_lines(text));
}

void print_one_line(std::string_view text) {
  fmt::print("{}\n", escaped(text));
}

}  // namespace spinfill

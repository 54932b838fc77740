// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace spinfill {

// Numbers with units, as people give them on a command line. Errors (exit 2) name the option and what is allowed.

// "24G", "24GiB", "24g" = 24·2³⁰ bytes, "24GB" = 24·10⁹, "24000M", "1.5T", "8589934592"; above 0.
std::uint64_t parse_bytes(const std::string& text, const std::string& option);
// "990T", "1.2P", "83.5G", "2e14" operations a second; above 0.
double parse_rate(const std::string& text, const std::string& option);

std::string bytes_text(double bytes);      // "512 MiB", "23.4 GiB"
std::string rate_text(double per_second);  // "990 T", "83.5 G"
std::string time_text(double seconds);     // "38 s", "12 min", "5 h 20 min", "3 d 4 h"

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace spinfill {

// An integer of `count` bytes at `at`, or nothing beyond the end.
std::optional<std::uint64_t> integer_at(std::string_view bytes, std::uint64_t at, std::size_t count,
                                        bool little_endian);

// Calls `visit` with type and data of each chunk of a whole file, until it says false or the file is damaged.
using VisitChunk = std::function<bool(std::string_view type, std::string_view data)>;
void each_png_chunk(std::string_view whole_file, const VisitChunk& visit);
void each_webp_chunk(std::string_view whole_file, const VisitChunk& visit);

// Deflated data of at most 16 MiB; empty where it is longer or damaged.
std::string inflated(std::string_view deflated);

// The colour profile; empty where there is none or it is damaged.
std::string png_icc_profile(std::string_view whole_file);
std::string webp_icc_profile(std::string_view whole_file);

// A PNG's cICP chunk: which colours its values are by the numbers of ITU-T H.273, before any profile (PNG, third
// edition, 11.3.2.6).
struct CodePoints {
  int primaries = 0, transfer = 0, matrix = 0;
  bool full_range = true;
};
std::optional<CodePoints> png_code_points(std::string_view whole_file);

}  // namespace spinfill

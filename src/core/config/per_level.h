// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace spinfill {

// A number for each level of something, or one for all of them: "8" or "[5, 10, 20, 20]".
class PerLevel {
 public:
  PerLevel(std::int64_t all) : values_{all} {}
  PerLevel(std::vector<std::int64_t> each) : values_(std::move(each)) {}  // at least one

  bool same_for_all() const { return values_.size() == 1; }
  std::int64_t at(std::size_t level) const { return same_for_all() ? values_.front() : values_.at(level); }
  bool fits(std::size_t levels) const { return same_for_all() || values_.size() == levels; }
  const std::vector<std::int64_t>& values() const { return values_; }
  std::string text() const {
    return same_for_all() ? std::to_string(values_.front()) : fmt::format("[{}]", fmt::join(values_, ", "));
  }
  bool operator==(const PerLevel&) const = default;

 private:
  std::vector<std::int64_t> values_;
};

}  // namespace spinfill

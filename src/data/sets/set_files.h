// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace spinfill {

// The files of one set without a folder of its own, by the names that its description gives them. Thread-safe.
class SetFiles {
 public:
  virtual ~SetFiles() = default;
  // Whole file; exit 3 names the shard, the set and the file: missing, damaged, more than max_bytes.
  virtual std::string read(const std::string& name, std::uint64_t max_bytes) const = 0;
  virtual bool holds(const std::string& name) const = 0;
};

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spinfill {

// A TensorBoard event file (events.out.tfevents.…): records in TFRecord framing that hold Event messages. Every call
// appends whole records; errors (exit 3) name the file.
class EventFile {
 public:
  // A new file in `folder`. With `resumed_at`, later steps in older files become void (SessionLog START).
  explicit EventFile(const std::filesystem::path& folder, std::int64_t resumed_at = 0);
  ~EventFile();
  EventFile(const EventFile&) = delete;
  EventFile& operator=(const EventFile&) = delete;

  void scalars(std::int64_t step, const std::vector<std::pair<std::string, double>>& values);
  void image(std::int64_t step, const std::string& tag, std::string_view png);
  void text(std::int64_t step, const std::string& tag, std::string_view markdown);
  const std::filesystem::path& path() const { return path_; }

 private:
  void write(std::string_view event);
  std::filesystem::path path_;
  int file_ = -1;
};

// CRC-32C (Castagnoli), as TFRecord masks it: ((c >> 15) | (c << 17)) + 0xa282ead8.
std::uint32_t masked_crc32c(std::string_view bytes);

}  // namespace spinfill

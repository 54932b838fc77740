// SPDX-License-Identifier: Apache-2.0
#include "core/files/content_store.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <span>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/files/temporary_names.h"
#include "core/log.h"

namespace spinfill {
namespace {

constexpr std::size_t kDigest = 64;  // hexadecimal digits after an entry's bytes
constexpr std::uint64_t kMaxEntry = std::uint64_t{1} << 32;
constexpr auto kUnused = std::chrono::hours(7 * 24);
constexpr auto kMeasureAgain = std::chrono::minutes(10);
constexpr auto kTouch = std::chrono::hours(24);  // precision of an entry's time of last use

// An entry, or what is left of one that was being written. Somebody else's file is never removed.
bool is_own(const std::string& name) {
  return is_temporary_name(name) ||
         (name.size() == kDigest - 1 && name.find_first_not_of("0123456789abcdef") == std::string::npos);
}

}  // namespace

ContentKey& ContentKey::add(std::string_view bytes) {
  add(static_cast<std::int64_t>(bytes.size()));
  hash_.add(bytes.data(), bytes.size());
  return *this;
}

ContentKey& ContentKey::add(std::int64_t number) {
  hash_.add(&number, sizeof(number));
  return *this;
}

ContentStore::ContentStore(fs::path folder, std::uint64_t max_bytes, std::uint64_t keep_free)
    : folder_(std::move(folder)), part_bytes_(max_bytes / 16), keep_free_(keep_free) {
  make_folder(folder_);
}

fs::path ContentStore::path_of(const std::string& key) const {
  return folder_ / key.substr(0, 1) / key.substr(1);
}

void ContentStore::warn_once(const std::string& reason) {
  if (!warned_.exchange(true)) log_warning("{}: nothing more is kept here: {}", folder_.string(), reason);
}

std::optional<std::string> ContentStore::find(const std::string& key) {
  const fs::path path = path_of(key);
  std::error_code error;
  if (fs::is_regular_file(path, error)) {
    try {
      std::string bytes = read_file(path, kMaxEntry);
      if (bytes.size() >= kDigest) {
        const std::string_view content(bytes.data(), bytes.size() - kDigest);
        if (sha256_hex(content) == std::string_view(bytes).substr(content.size())) {
          bytes.resize(content.size());
          ++found_;
          const auto now = fs::file_time_type::clock::now(), used = fs::last_write_time(path, error);
          if (!error && now - used > kTouch) fs::last_write_time(path, now, error);
          return bytes;
        }
      }
      ++damaged_;
      fs::remove(path, error);
    } catch (const std::exception&) {  // removed by another process meanwhile, or unreadable: made again
    }
  }
  ++missed_;
  return std::nullopt;
}

// Called with the part's lock held.
bool ContentStore::make_room(Part& part, const fs::path& folder, std::uint64_t bytes) {
  const auto clock_now = std::chrono::steady_clock::now();
  if (bytes > part_bytes_ || clock_now < part.full_until) return false;
  const bool full = part.bytes + bytes > part_bytes_;
  if (part.measured && !full && part.written < part_bytes_ / 16) return true;
  struct Entry {
    fs::path path;
    std::uint64_t bytes;
    fs::file_time_type used;
  };
  std::vector<Entry> entries;
  part.bytes = part.written = 0;
  std::error_code error;
  for (const auto& file : fs::directory_iterator(folder, error)) {
    Entry entry{file.path(), file.file_size(error), {}};
    if (error || !is_own(file.path().filename().string())) continue;
    entry.used = file.last_write_time(error);
    if (error) continue;
    part.bytes += entry.bytes;
    entries.push_back(entry);
  }
  part.measured = true;
  if (part.bytes + bytes <= part_bytes_) return true;
  std::ranges::sort(entries, {}, &Entry::used);
  const auto now = fs::file_time_type::clock::now();
  // Down to three quarters: measuring the folder for every new entry would cost more than making the entry.
  for (const Entry& entry : entries) {
    if (part.bytes + bytes <= part_bytes_ / 4 * 3 || now - entry.used < kUnused) break;
    if (fs::remove(entry.path, error)) part.bytes -= entry.bytes;
  }
  const bool room = part.bytes + bytes <= part_bytes_;
  if (!room) part.full_until = clock_now + kMeasureAgain;
  return room;
}

bool ContentStore::keep(const std::string& key, std::string_view bytes) {
  const fs::path path = path_of(key);
  Part& part = parts_[static_cast<std::size_t>(std::stoi(key.substr(0, 1), nullptr, 16))];
  try {
    const std::lock_guard lock(part.mutex);
    make_folder(path.parent_path());
    const std::uint64_t size = bytes.size() + kDigest;
    if (!make_room(part, path.parent_path(), size)) return false;
    std::error_code error;
    const fs::space_info space = fs::space(folder_, error);
    if (!error && space.available < keep_free_ + size) {
      warn_once(fmt::format("its file system has less than {} MiB free", keep_free_ >> 20));
      return false;
    }
    const std::string digest = sha256_hex(bytes);
    const std::string_view pieces[] = {bytes, digest};
    write_file_atomic(path, pieces, Sync::no);
    part.bytes += size;
    part.written += size;
    return true;
  } catch (const std::exception& problem) {  // std::filesystem's too
    warn_once(problem.what());
    return false;
  }
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "core/files/files.h"
#include "core/files/sha256.h"

namespace spinfill {

// The key of a result: a hash of all that it is made from, so that other bytes or other settings give another key and
// no entry is ever stale. Pieces are kept apart: add("ab"), add("c") is not add("a"), add("bc").
class ContentKey {
 public:
  // `kind` names what is made, with a number that changes whenever the code that makes it gives another result.
  explicit ContentKey(std::string_view kind) { add(kind); }
  ContentKey& add(std::string_view bytes);
  ContentKey& add(std::int64_t number);
  std::string hex() { return hash_.hex(); }  // once, at the end

 private:
  Sha256 hash_;
};

// A folder of results by their keys, kept between runs and shared by any number of threads and processes. A cache: an
// entry that is missing or damaged is made again, and where nothing can be written a run is slower, not wrong.
class ContentStore {
 public:
  // About max_bytes are used, a sixteenth (a "part") per first digit of the key. In a full part, entries unused for a
  // week make room; if there are none the new one is not kept (entries that are used once an epoch would otherwise push
  // each other out). Nothing is kept while the file system has less than keep_free bytes free. Exit 3: the folder
  // cannot be made.
  ContentStore(fs::path folder, std::uint64_t max_bytes, std::uint64_t keep_free = std::uint64_t{2} << 30);

  std::optional<std::string> find(const std::string& key);
  // Never fails: false where it is not kept; the first problem gives one warning.
  bool keep(const std::string& key, std::string_view bytes);

  std::int64_t found() const { return found_; }
  std::int64_t missed() const { return missed_; }
  std::int64_t damaged() const { return damaged_; }  // of those missed

 private:
  struct Part {
    std::mutex mutex;
    bool measured = false;
    std::uint64_t bytes = 0;    // in the folder when last measured, plus what was written since
    std::uint64_t written = 0;  // since then, by this process; others write too
    std::chrono::steady_clock::time_point full_until{};  // measured, and found full of entries in use
  };
  fs::path path_of(const std::string& key) const;
  bool make_room(Part& part, const fs::path& folder, std::uint64_t bytes);
  void warn_once(const std::string& reason);

  fs::path folder_;
  std::uint64_t part_bytes_, keep_free_;
  std::array<Part, 16> parts_;
  std::atomic<std::int64_t> found_ = 0, missed_ = 0, damaged_ = 0;
  std::atomic<bool> warned_ = false;
};

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/files/descriptor.h"

namespace spinfill {

// A file that is read at positions (pread): it has no position of its own, so threads may share it.
class PositionalFile {
 public:
  explicit PositionalFile(std::filesystem::path path);  // exit 3: missing, not a regular file
  const std::filesystem::path& path() const { return path_; }
  std::uint64_t size() const { return size_; }  // bytes, when it was opened
  // Exactly `length` bytes; exit 3 names the file when it ends earlier (cut meanwhile) or cannot be read.
  void read(std::uint64_t offset, char* to, std::size_t length) const;
  std::string read(std::uint64_t offset, std::size_t length) const;

 private:
  std::filesystem::path path_;
  Descriptor descriptor_;
  std::uint64_t size_ = 0;
};

// Keeps at most `limit` files open, the last used ones. Thread-safe; a file in use stays open until its user lets go.
class OpenFiles {
 public:
  explicit OpenFiles(std::size_t limit) : limit_(limit) {}
  std::shared_ptr<const PositionalFile> get(const std::filesystem::path& path);

 private:
  using Uses = std::list<std::shared_ptr<const PositionalFile>>;  // last used first
  std::size_t limit_;
  std::mutex mutex_;
  Uses uses_;
  std::map<std::filesystem::path, Uses::iterator> by_path_;
};

}  // namespace spinfill

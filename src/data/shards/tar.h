// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/files/files.h"
#include "core/files/positional_file.h"

struct archive;  // libarchive's

namespace spinfill {

constexpr std::uint64_t kTarBlock = 512;  // bytes; headers and data begin at multiples of it

// A regular file in a tar; positions in bytes from the tar's start.
struct TarEntry {
  std::string name;
  std::uint64_t header = 0, data = 0, size = 0;
  std::uint64_t end() const { return (data + size + kTarBlock - 1) / kTarBlock * kTarBlock; }
};

// Visits the files in the bytes [begin, end) of a tar, in their order; reads only headers. Directories are skipped.
// Exit 3 names tar and entry: compressed, damaged header, link or device, absolute path or one with '..', sparse file,
// data that reach beyond `end`. Returns where the last entry ends.
std::uint64_t walk_tar(const PositionalFile& tar, std::uint64_t begin, std::uint64_t end,
                       const std::function<void(const TarEntry&)>& visit);

// For messages: the commands that unpack a tar and pack it again with its files sorted by name; more options of each.
std::string repacking(const fs::path& tar, const std::string& unpack = "", const std::string& pack = "");
std::string shell_word(const std::string& text);  // in quotes where it needs them

// WebDataset's rule: a sample's key is the path up to the first dot of the base name, the rest is the field,
// lower-cased. Empty for names that belong to no sample: without a dot, or with a base name that begins with one.
struct SampleName {
  std::string key, field;
};
std::optional<SampleName> sample_name(const std::string& name);

// Writes a tar file by file; equal input gives equal bytes (ustar, pax where a name is long; time 0, no owner).
class TarWriter {
 public:
  explicit TarWriter(fs::path path);                          // a new file
  void add(const std::string& name, std::string_view bytes);  // exit 3: disk full …
  void finish();

 private:
  [[noreturn]] void refuse() const;
  fs::path path_;
  std::unique_ptr<::archive, int (*)(::archive*)> archive_;
};

}  // namespace spinfill

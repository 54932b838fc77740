// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

struct evp_md_ctx_st;  // OpenSSL's

namespace spinfill {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// Whole file as bytes. Errors (exit 3): missing, not a regular file, larger than max_bytes, read error.
std::string read_file(const fs::path& path, std::uint64_t max_bytes = std::uint64_t{1} << 32);

// Writes beside the target, fsyncs, renames over it and fsyncs the folder: a reader sees the old file or the new one,
// never half of one. Errors (exit 3) leave the old file and no temporary behind.
// Sync::no leaves out the fsyncs: after a loss of power the file may be damaged, which its reader must find out.
enum class Sync { yes, no };
void write_file_atomic(const fs::path& path, std::string_view bytes);
void write_file_atomic(const fs::path& path, std::span<const std::string_view> pieces,  // one after the other
                       Sync sync = Sync::yes);

// JSON with the file's name, and line and column of a syntax error. Duplicate keys and NaN are refused.
Json read_json(const fs::path& path, std::uint64_t max_bytes = std::uint64_t{1} << 28);
Json parse_json(std::string_view text, const std::string& where);
void write_json_atomic(const fs::path& path, const Json& value);

// A folder that appears whole or not at all: write into path(), then commit() renames it to the target.
// Without commit() the destructor removes it. An existing target is an error (exit 2) unless it may be replaced.
// The temporary folder is locked (flock) while it is written. The constructor removes stale ones beside the target.
class AtomicFolder {
 public:
  explicit AtomicFolder(fs::path target, bool replace = false);
  ~AtomicFolder();
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;
  const fs::path& path() const { return temporary_; }
  void commit();

 private:
  fs::path target_;
  fs::path temporary_;
  bool replace_;
  bool committed_ = false;
  int lock_ = -1;  // descriptor of temporary_
};

// Removes the temporary folders in `parent` that killed processes left behind: named as AtomicFolder names its own,
// unchanged for a minute and locked by nobody. Says so if there were any; leaves what it cannot lock or remove.
void remove_stale_temporaries(const fs::path& parent);

// Removes a folder that no one sees half removed: it first takes a temporary's name, under which the rest of it counts
// as stale if the process is killed. A failure is a warning.
void remove_folder_atomic(const fs::path& path);

// base/relative, refused (exit 3) when it is absolute or leaves base, symbolic links resolved.
fs::path path_inside(const fs::path& base, const std::string& relative, const std::string& where);

// Whether a path is a folder or lies below it, symbolic links resolved; neither need exist.
bool lies_within(const fs::path& path, const fs::path& folder);

// Creates the folder and its parents; one clear error (exit 3) when it cannot be written.
void make_folder(const fs::path& path);

// Fails (exit 3) when the file system that holds path has less than bytes free.
void require_free_space(const fs::path& path, std::uint64_t bytes, const std::string& what);

// fsync of a file or folder; throws on failure.
void sync_to_disk(const fs::path& path);

class Sha256 {
 public:
  Sha256();
  void add(const void* data, std::size_t size);
  std::string hex();  // once, at the end

 private:
  std::unique_ptr<evp_md_ctx_st, void (*)(evp_md_ctx_st*)> context_;
};
std::string sha256_hex(std::string_view bytes);
std::string sha256_file(const fs::path& path);

}  // namespace spinfill

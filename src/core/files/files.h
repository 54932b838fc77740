// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace spinfill {

namespace fs = std::filesystem;

// Whole file as bytes. Errors (exit 3): missing, not a regular file, larger than max_bytes, read error, a pointer in
// place of the file (links.h).
std::string read_file(const fs::path& path, std::uint64_t max_bytes = std::uint64_t{1} << 32);

// Writes beside the target, fsyncs, renames over it and fsyncs the folder: a reader sees the old file or the new one,
// never half of one. Errors (exit 3) leave the old file and no temporary behind.
// Sync::no leaves out the fsyncs: after a loss of power the file may be damaged, which its reader must detect.
enum class Sync { yes, no };
void write_file_atomic(const fs::path& path, std::string_view bytes);
void write_file_atomic(const fs::path& path, std::span<const std::string_view> pieces,  // one after the other
                       Sync sync = Sync::yes);

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

}  // namespace spinfill

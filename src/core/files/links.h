// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/files/files.h"

namespace spinfill {

// Whether a symbolic link in a folder may lead out of it. A pack from strangers must not read what lies elsewhere; a
// user's own links (DVC, git-annex, a hub's cache, a folder of links to another disk) may be followed.
enum class Links { stay_inside, follow };

// The link by which base/relative leads out of base ("000.png is a symbolic link to /disk/000.png"), or nothing.
std::optional<std::string> link_out_of(const fs::path& base, const fs::path& relative);

// Whether something has this name, though it cannot be opened: a link to nothing, a file that DVC has not fetched.
bool has_stand_in(const fs::path& path);

// Why a path does not exist, with the command that mends it: a link to nothing (git-annex, a hub's cache), not fetched
// by DVC. Begins with "; "; empty where it is neither.
std::string why_absent(const fs::path& path);

constexpr std::uint64_t kMaxPointer = 1024;  // bytes; real pointers have some 130

// Exit 3 where the bytes are not the file but a pointer to it: of Git LFS or git-annex. Names the command that fetches.
void refuse_pointer(const fs::path& path, std::string_view bytes);

// Exit 3 for a link to nothing and for a pointer; opens files below 1 KiB only.
void require_content(const fs::path& path);

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "core/files/files.h"

// Internal to core/files: the names of what is being written, ".NAME.tmp-PID-N" beside its target.
namespace spinfill {

// A path's folder; "." where it names none.
fs::path parent_of(const fs::path& path);

// ".NAME.KIND-PID-N", a name that nothing has yet. A killed process of the same id, as in a restarted container, may
// have left one.
fs::path unused_beside(const fs::path& target, std::string_view kind);

fs::path temporary_beside(const fs::path& target);
bool is_temporary_name(std::string_view name);

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "data/open_data_set.h"

#include "core/error.h"
#include "data/sets/set_folders.h"
#include "data/shards/shards.h"

namespace spinfill {

DataSet open_data_set(const fs::path& folder, const std::string& split, Links links) {
  if (!fs::is_directory(folder)) fail("{}: there is no such folder{}", folder.string(), why_absent(folder));
  return holds_shards(folder) ? open_shards(folder, split) : open_set_folders(folder, split, links);
}

}  // namespace spinfill

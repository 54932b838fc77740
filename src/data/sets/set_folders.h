// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/files/files.h"
#include "data/sets/data_set.h"

namespace spinfill {

bool has_transforms(const fs::path& folder);  // whether it is a view set's

// The folders of a data set that hold a transforms.json, sorted; hidden ones are left out.
std::vector<fs::path> set_folders(const fs::path& folder);
// The folder itself where it is a view set's, else set_folders() of it.
std::vector<fs::path> set_folder_or_folders(const fs::path& folder);

// The sets of a split that lie in folders of their own, or the one set that the folder itself is; errors as those of
// open_data_set() (data/open_data_set.h).
DataSet open_set_folders(const fs::path& folder, const std::string& split);

}  // namespace spinfill

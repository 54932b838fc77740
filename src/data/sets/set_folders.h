// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/files/links.h"
#include "data/sets/data_set.h"

namespace spinfill {

bool has_transforms(const fs::path& folder);  // whether it is a view set's, even if that file is a link to nothing

// The folders of a data set that hold a transforms.json, sorted; hidden ones are left out. Links to folders are
// followed; those that lead nowhere, and folders that DVC has not fetched, are listed too: reading them says why not.
std::vector<fs::path> set_folders(const fs::path& folder);
// Warns of a data set's folders that are passed over, since they have no transforms.json.
void tell_other_folders(const fs::path& folder);
// The folder itself where it is a view set's, else set_folders() of it.
std::vector<fs::path> set_folder_or_folders(const fs::path& folder);

// The sets of a split that lie in folders of their own, or the one set that the folder itself is; errors as those of
// open_data_set() (data/open_data_set.h).
DataSet open_set_folders(const fs::path& folder, const std::string& split, Links links = Links::stay_inside);

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "data/sets/transforms_fields.h"
#include "data/sets/view_set.h"

namespace spinfill {

// The file that a field names, relative to the set's folder (or among set.files); "" where the field is absent or wrong
// (and reported). Back-slashes separate folders where no file has one in its name. A picture's name without ending, as
// in NeRF's synthetic scenes, stands for the one file that has a picture's ending.
enum class ListedAs { picture, other };
std::string listed_file(TransformsFields& fields, const char* name, const ViewSet& set, ListedAs as);

// Of a field and another tool's name for it; both may be stated if they agree.
std::string listed_file(TransformsFields& fields, const char* name, const char* other_name, const ViewSet& set);

}  // namespace spinfill

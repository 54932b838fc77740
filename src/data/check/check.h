// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/files/json.h"
#include "data/sets/picture_folder.h"

namespace spinfill {

struct DataProblem {
  std::string set;                       // folder's name; empty for the data set itself
  std::string frame;                     // picture or field; may be empty
  std::string problem;                   // what is wrong
  std::string advice;                    // what to do
  std::vector<std::string> frames = {};  // all that it concerns, where they are several (`frame` is the first)
};
// "car-7/045.png: the mask is empty: …"
std::string to_line(const DataProblem& problem);

struct DataCheck {
  std::int64_t sets = 0, pictures = 0;
  std::vector<DataProblem> problems;  // by set, in the order of its frames
};
Json to_json(const DataCheck& check);

struct DataCheckOptions {
  PhotographOptions photographs = {};  // how a folder of pictures is read; its links serve every set
  bool allow_missing_views = false;    // a set to be completed lacks some; a folder of pictures always may
  int threads = 1;
  std::function<void(std::int64_t done, std::int64_t total)> progress = {};  // called from one thread at a time
};

// Finds every problem of a data set, of a single view set, or of a folder of pictures alone: nothing is thrown for what
// the folder holds. Exit 3 when the folder itself cannot be listed or holds none of these.
DataCheck check_data(const fs::path& folder, const DataCheckOptions& options);

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "core/files/descriptor.h"
#include "core/files/files.h"
#include "core/files/output_folder.h"
#include "core/signals.h"

namespace spinfill {

// What a long command has done so far, for the same command to go on with after it was ended: a hidden folder
// ".NAME.unfinished" beside its --out, or ".spinfill-unfinished" in it where nothing can be put beside it. It belongs
// to one key, a hash of all that the result depends on, and to one process at a time.
class UnfinishedFolder {
 public:
  // Opens it, or makes it anew. What was begun with another key is removed, which one line says. Exit 2: another
  // process works in it, or something else lies at its place. Exit 3: it cannot be made.
  UnfinishedFolder(const OutputFolder& output, const std::string& key);
  // Removes it where nothing was put in it; else it stays.
  ~UnfinishedFolder();
  UnfinishedFolder(const UnfinishedFolder&) = delete;
  UnfinishedFolder& operator=(const UnfinishedFolder&) = delete;

  const fs::path& path() const { return path_; }
  bool goes_on() const { return goes_on_; }  // it was there
  // Something is in it: from now on it stays when the process ends.
  void stays();
  // The output is in its place.
  void remove();

 private:
  void make(const std::string& text);
  fs::path path_;
  bool goes_on_ = false;
  std::optional<RemovedAtStop> empty_;  // until something is in it
  std::optional<Descriptor> lock_;
};

// Whether `folder` is the unfinished one of this key, as another process made it.
bool is_unfinished_of(const fs::path& folder, const std::string& command, const std::string& key);

}  // namespace spinfill

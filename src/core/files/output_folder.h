// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/files/files.h"

namespace spinfill {

// The folder that a command is to write, as --out names it (docs/files.md). Every command has the same rule: what is
// there already is an empty folder or, with `replace`, an earlier output of this very command, recognised by the mark
// in it, that holds nothing but what the command wrote; and it is no input, nor a parent or child of one.
struct OutputFolder {
  fs::path path;
  std::string command;                // "complete": named in messages and in the mark
  bool replace = false;               // of --replace
  std::vector<fs::path> inputs = {};  // files and folders that the command reads; empty paths are none
};

// The mark: the command's name, then each file below with its size. It is what --replace goes by.
inline constexpr const char* kOutputMark = ".spinfill-output";

// In a folder that must stay: unfinished work (core/files/unfinished_folder.h), which is no part of an output.
inline constexpr const char* kUnfinishedInside = ".spinfill-unfinished";

// Looks at the folder before any work is done and returns the one that is meant: a link to a folder is followed.
// Exit 2: what is there may not be replaced; the path is empty, a link to nothing, or overlaps an input.
// Exit 3: the folder cannot be made there (rights, a file in the way, a name too long).
fs::path check_output_folder(const OutputFolder& output);

// What it asks of the folder that exists, whose own entry `except` does not count: exit 2 unless it is empty or may be
// replaced.
void require_replaceable(const OutputFolder& output, const fs::path& folder, const fs::path& except = {});

// What it asks of any folder that is to be made or written into: links to nothing, files in the way, rights.
fs::path check_folder_to_make(const fs::path& path);

// Writes the mark of `command` into a folder that is complete but for it.
void write_output_mark(const fs::path& folder, std::string_view command);

}  // namespace spinfill

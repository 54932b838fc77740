// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/files/links.h"

namespace spinfill {

// What happened to a file among photographs as they come.
struct LeftOut {
  std::string file;
  std::string why;  // and what to do
};

// Photographs in no order, named in no way: names say nothing about what they show.
struct Photographs {
  std::filesystem::path folder;
  std::vector<std::string> files;  // relative to it, in the order that people count in
  std::vector<std::string> films;  // MP4 and MOV, relative to it: film_frames.h takes photographs out of them
  std::map<std::string, std::filesystem::path> elsewhere = {};  // files that do not lie in it
  std::vector<LeftOut> left_out;  // everything else that lies there, but for hidden files and what systems put there
  std::filesystem::path path(const std::string& file) const;
};

// Of a folder: every picture that can be read (data/pictures/picture.h) whatever its name and ending; the same picture
// twice is one. Or of a film by itself. What a symbolic link outside the folder leads to is left out unless links may
// be followed. Exit 2: no such folder or film; exit 3: no photograph or film in it.
Photographs list_photographs(const std::filesystem::path& folder, Links links = Links::stay_inside);

// What is wrong with a file by itself: the page that shows it is for others, whom its folder does not concern.
std::string why_unread(const Error& error, const std::filesystem::path& file);

}  // namespace spinfill

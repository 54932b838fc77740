// SPDX-License-Identifier: Apache-2.0
#include "data/walkaround/photographs.h"

#include <map>

#include "core/error.h"
#include "core/files/files.h"
#include "core/files/sha256.h"
#include "data/films/film_reader.h"
#include "data/pictures/picture.h"
#include "data/sets/picture_names.h"

namespace spinfill {
namespace {

// Whether its bytes are a picture's that can be read, whatever the name says.
std::string unreadable(const fs::path& file) {
  try {
    picture_size(file);
    return {};
  } catch (const Error& error) {
    return why_unread(error, file);
  }
}

}  // namespace

std::string why_unread(const Error& error, const fs::path& file) {
  const std::string what = error.what(), own = file.string() + ": ";
  return what.starts_with(own) ? what.substr(own.size()) : what;
}

fs::path Photographs::path(const std::string& file) const {
  const auto found = elsewhere.find(file);
  return found == elsewhere.end() ? folder / file : found->second;
}

Photographs list_photographs(const fs::path& folder, Links links) {
  if (fs::is_regular_file(folder)) {
    if (!is_film_file(folder)) fail_usage("{}: neither a folder of photographs nor a film (MP4, MOV)", folder.string());
    return {folder.parent_path(), {}, {folder.filename().string()}, {}, {}};
  }
  if (!fs::is_directory(folder)) fail_usage("{}: there is no such folder of photographs", folder.string());
  const FolderListing listing = list_pictures(folder);
  Photographs out;
  out.folder = folder;
  std::map<std::string, std::string> seen;  // hash → file
  const auto take = [&](const std::string& file) {
    const auto leads_out = links == Links::follow ? std::nullopt : link_out_of(folder, file);
    if (leads_out) {
      out.left_out.push_back({file, "is a link out of the folder: give --follow-links if it is your own"});
      return;
    }
    if (is_film_file(folder / file)) {
      out.films.push_back(file);
      return;
    }
    if (const std::string why = unreadable(folder / file); !why.empty()) {
      out.left_out.push_back({file, why});
      return;
    }
    const auto [first, is_new] = seen.emplace(sha256_file(folder / file), file);
    if (is_new)
      out.files.push_back(file);
    else
      out.left_out.push_back({file, "is the same file as " + first->second});
  };
  for (const std::string& file : listing.pictures) take(file);
  for (const std::string& file : listing.other_endings) take(file);
  for (const std::string& file : listing.other_formats)
    out.left_out.push_back({file, "its format is not read: save it as JPEG, PNG or WebP"});
  for (const std::string& name : listing.folders)
    out.left_out.push_back({name, "is a folder: photographs are read from one folder alone"});
  for (const std::string& file : listing.others) {
    if (is_film_file(folder / file))
      take(file);
    else
      out.left_out.push_back({file, "is no picture"});
  }
  if (out.files.empty() && out.films.empty()) {
    std::string why;
    if (!out.left_out.empty()) why = fmt::format("; {}: {}", out.left_out[0].file, out.left_out[0].why);
    if (out.left_out.size() > 1) why += fmt::format(" (and {} more)", out.left_out.size() - 1);
    fail("{}: holds no photograph that can be read (JPEG, HEIC, AVIF, PNG, WebP){}", folder.string(), why);
  }
  return out;
}

}  // namespace spinfill

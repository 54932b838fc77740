// SPDX-License-Identifier: Apache-2.0
#include "data/sets/picture_names.h"

#include <algorithm>
#include <array>
#include <fstream>

#include "core/error.h"
#include "core/files/links.h"
#include "core/text.h"
#include "data/pictures/heif.h"

namespace spinfill {
namespace {

constexpr std::array<std::string_view, 7> kPictureEndings = {".png",  ".jpg",  ".jpeg", ".webp",
                                                             ".heic", ".heif", ".avif"};
constexpr std::array<std::string_view, 24> kOtherFormats = {
    ".tif", ".tiff", ".bmp", ".gif", ".jp2", ".j2k", ".jxl", ".tga", ".psd", ".ppm", ".pnm", ".dng",
    ".raw", ".cr2",  ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".srw", ".pef", ".3fr", ".iiq"};
constexpr std::array<std::string_view, 6> kSystemFiles = {"thumbs.db", "ehthumbs.db", "desktop.ini",
                                                          "__macosx",  "@eadir",      "icon\r"};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

template <std::size_t N>
bool is_one_of(const std::string& text, const std::array<std::string_view, N>& list) {
  return std::ranges::find(list, text) != list.end();
}

// A name as texts and numbers in turn: "img_0012 b" → "img_", 0012, " b".
std::vector<std::string> pieces_of(const std::string& name) {
  std::vector<std::string> pieces(1);
  for (const char c : name) {
    if (is_digit(c) != (pieces.size() % 2 == 0)) pieces.emplace_back();
    pieces.back() += c;
  }
  return pieces;
}

// Numbers by their value, other text by its bytes.
bool counts_before(const std::string& a, const std::string& b) {
  const std::vector<std::string> in_a = pieces_of(a), in_b = pieces_of(b);
  for (std::size_t i = 0; i < std::min(in_a.size(), in_b.size()); ++i) {
    std::string x = in_a[i], y = in_b[i];
    if (i % 2 == 1) {
      x.erase(0, std::min(x.find_first_not_of('0'), x.size() - 1));
      y.erase(0, std::min(y.find_first_not_of('0'), y.size() - 1));
      if (x.size() != y.size()) return x.size() < y.size();
    }
    if (x != y) return x < y;
  }
  return in_a.size() != in_b.size() ? in_a.size() < in_b.size() : a < b;
}

bool begins_like_a_picture(const fs::path& path) {
  std::string start(12, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(start.data(), static_cast<std::streamsize>(start.size()));
  return start.starts_with("\x89PNG") || start.starts_with("\xff\xd8\xff") ||
         (start.starts_with("RIFF") && start.ends_with("WEBP")) || is_heif(start);
}

}  // namespace

bool has_picture_ending(const fs::path& file) {
  return is_one_of(lower_case(file.extension().string()), kPictureEndings);
}

std::optional<double> azimuth_of_name(std::string_view stem) {
  const auto dot = stem.find('.');
  const std::string_view whole = stem.substr(0, dot), part = dot == stem.npos ? "0" : stem.substr(dot + 1);
  const bool digits =
      !whole.empty() && !part.empty() && std::ranges::all_of(whole, is_digit) && std::ranges::all_of(part, is_digit);
  if (!digits || stem.size() > 12) return std::nullopt;
  const double azimuth = std::stod(std::string(stem));
  return azimuth < 360 ? std::optional(azimuth) : std::nullopt;
}

std::optional<std::string> masked_stem(const std::string& stem) {
  const auto is_joint = [](char c) { return c == '_' || c == '-' || c == '.'; };
  const std::string small = lower_case(stem);
  const std::size_t size = stem.size();
  if (size > 5 && small.ends_with("mask") && is_joint(stem[size - 5])) return stem.substr(0, size - 5);
  if (size > 5 && small.starts_with("mask") && is_joint(stem[4])) return stem.substr(5);
  return std::nullopt;
}

FolderListing list_pictures(const fs::path& folder) {
  FolderListing out;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::string name = it->path().filename().string();
    if (name.starts_with(".") || is_one_of(lower_case(name), kSystemFiles)) continue;
    if (it->path().extension() == ".dvc") {
      name.resize(name.size() - 4);
      if (!has_stand_in(folder / name)) continue;  // it lies there as well
    }
    std::error_code gone;  // a link to nothing is listed by its name
    if (it->is_directory(gone)) {
      out.folders.push_back(name);
    } else if (has_picture_ending(name)) {
      out.pictures.push_back(name);
    } else if (is_one_of(lower_case(fs::path(name).extension().string()), kOtherFormats)) {
      out.other_formats.push_back(name);
    } else if (it->is_regular_file(gone) && begins_like_a_picture(it->path())) {
      out.other_endings.push_back(name);
    } else {
      out.others.push_back(name);
    }
  }
  if (error) fail("{}: cannot be listed: {}", folder.string(), error.message());
  for (auto* names : {&out.pictures, &out.other_formats, &out.other_endings, &out.folders, &out.others})
    std::ranges::sort(*names, counts_before);
  return out;
}

std::string first_names(const std::vector<std::string>& names, std::size_t shown) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), shown); ++i) text += (i > 0 ? ", " : "") + names[i];
  return names.size() > shown ? fmt::format("{} and {} more", text, names.size() - shown) : text;
}

std::vector<double> running_numbers(const std::vector<std::string>& files) {
  std::vector<std::vector<std::string>> names;
  for (const std::string& file : files) names.push_back(pieces_of(fs::path(file).stem().string()));
  std::optional<std::size_t> running;
  for (const auto& pieces : names) {
    if (pieces.size() != names[0].size()) return {};
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      if (pieces[i] == names[0][i] || running == i) continue;
      if (running || i % 2 == 0) return {};
      running = i;
    }
  }
  std::vector<double> numbers;
  for (const auto& pieces : names) {
    if (!running || pieces[*running].size() > 15) return {};
    numbers.push_back(std::stod(pieces[*running]));
  }
  return numbers;
}

bool are_frame_numbers(std::vector<double> numbers) {
  std::ranges::sort(numbers);
  const auto twice = std::ranges::unique(numbers);
  numbers.erase(twice.begin(), twice.end());
  if (numbers.size() < 2) return false;
  std::vector<double> steps;
  for (std::size_t i = 1; i < numbers.size(); ++i) steps.push_back(numbers[i] - numbers[i - 1]);
  const auto middle = steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2);
  std::ranges::nth_element(steps, middle);
  return *middle <= 2;  // no spin is photographed so densely
}

}  // namespace spinfill

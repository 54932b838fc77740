// SPDX-License-Identifier: Apache-2.0
#include "synth/import/model_files.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

#include "core/error.h"
#include "core/files/files.h"
#include "synth/import/mesh_files.h"

namespace spinfill::synth {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const int letter = std::tolower(static_cast<unsigned char>(c));
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

std::string base64_decoded(std::string_view text, const std::string& where) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::array<int, 256> value;
  value.fill(-1);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i)
    value[static_cast<unsigned char>(kAlphabet[i])] = static_cast<int>(i);
  value[static_cast<unsigned char>('-')] = 62;  // the alphabet for URLs
  value[static_cast<unsigned char>('_')] = 63;
  std::string out;
  out.reserve(text.size() / 4 * 3);
  unsigned bits = 0;
  int held = 0;
  for (const char c : text) {
    if (c == '=' || std::isspace(static_cast<unsigned char>(c)) != 0) continue;
    const int six = value[static_cast<unsigned char>(c)];
    if (six < 0) fail("{}: its data URI is not base64: export the model again", where);
    bits = (bits << 6) | static_cast<unsigned>(six);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out += static_cast<char>((bits >> held) & 0xFF);
  }
  return out;
}

// One step of a path: that name, else the first that differs in the case of its letters alone.
fs::path step_into(const fs::path& folder, const fs::path& name) {
  std::error_code error;
  if (name == "." || name == ".." || fs::exists(folder / name, error)) return folder / name;
  std::vector<fs::path> alike;
  const std::string wanted = lower(name.string());
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (lower(it->path().filename().string()) == wanted) alike.push_back(it->path());
  }
  return alike.empty() ? folder / name : *std::min_element(alike.begin(), alike.end());
}

std::optional<fs::path> file_in(const fs::path& folder, const fs::path& relative) {
  fs::path path = folder;
  for (const auto& step : relative) path = step_into(path, step);
  std::error_code error;
  return fs::is_regular_file(path, error) ? std::optional(path) : std::nullopt;
}

bool is_inside(const fs::path& path, const fs::path& top) {
  std::error_code error;
  const fs::path within = fs::weakly_canonical(path, error).lexically_relative(fs::weakly_canonical(top, error));
  return !error && !within.empty() && *within.begin() != "..";
}

// As written and decoded, with forward slashes.
std::vector<fs::path> readings(const std::string& named) {
  std::string name = named;
  std::replace(name.begin(), name.end(), '\\', '/');
  if (name.rfind("file://", 0) == 0) name = name.substr(7);
  std::vector<fs::path> out = {name};
  if (const std::string decoded = percent_decoded(name); decoded != name && decoded.find('\0') == std::string::npos)
    out.emplace_back(decoded);
  return out;
}

}  // namespace

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low < 0) {
      out += text[i];
      continue;
    }
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

std::optional<std::string> data_uri_bytes(std::string_view uri, const std::string& where) {
  if (uri.size() < 5 || lower(std::string(uri.substr(0, 5))) != "data:") return std::nullopt;
  const std::size_t comma = uri.find(',');
  if (comma == std::string_view::npos) fail("{}: its data URI has no data: export the model again", where);
  const std::string text = percent_decoded(uri.substr(comma + 1));
  const bool base64 = lower(std::string(uri.substr(0, comma))).find(";base64") != std::string::npos;
  return base64 ? base64_decoded(text, where) : text;
}

std::optional<fs::path> ModelFiles::find(const std::string& named) const {
  const fs::path base = model.parent_path();
  for (const auto& name : readings(named)) {
    if (name.empty() || name.is_absolute()) continue;
    const auto found = file_in(base, name);
    if (!is_inside(found.value_or(base / name), top)) {
      fail("{}: names the file '{}' outside {}; put it inside", model.string(), named, top.string());
    }
    if (found) return found;
  }
  return std::nullopt;
}

fs::path ModelFiles::find_texture(const std::string& named) const {
  if (const auto found = find(named)) return *found;
  std::error_code error;
  const fs::path root = fs::weakly_canonical(top, error), base = fs::weakly_canonical(model.parent_path(), error);
  for (const auto& name : readings(named)) {
    for (fs::path folder = base; !name.filename().empty(); folder = folder.parent_path()) {
      for (const char* sub : {".", "textures", "materials/textures", "images", "source"}) {
        const auto found = file_in(folder, fs::path(sub) / name.filename());
        if (found && is_inside(*found, root)) return *found;
      }
      if (folder == root || folder == folder.parent_path()) break;
    }
  }
  fail(
      "{}: texture '{}' is not found in {}, nor in a folder textures or images from there up to {}; put it beside "
      "the model",
      model.string(), named, base.string(), root.string());
}

}  // namespace spinfill::synth

// SPDX-License-Identifier: Apache-2.0
#include "core/files/text_file.h"

#include <algorithm>
#include <array>

#include "core/text.h"

namespace spinfill {
namespace {

// The wide encoding that the text begins with, by its mark or by where the zero bytes of its first characters lie (RFC
// 4627, §3); empty where it has none of them.
std::string wide_encoding(std::string_view bytes) {
  if (bytes.starts_with(std::string_view("\xFF\xFE\0\0", 4)) || bytes.starts_with(std::string_view("\0\0\xFE\xFF", 4)))
    return "UTF-32";
  if (bytes.starts_with("\xFF\xFE") || bytes.starts_with("\xFE\xFF")) return "UTF-16";
  std::array<bool, 4> zero{};
  for (std::size_t i = 0; i < std::min<std::size_t>(4, bytes.size()); ++i) zero[i] = bytes[i] == '\0';
  if (bytes.size() < 2) return "";
  if (zero[0] && zero[1] && zero[2]) return "UTF-32BE";
  if (!zero[0] && zero[1] && zero[2] && zero[3]) return "UTF-32LE";
  if (zero[0] && !zero[1]) return "UTF-16BE";
  return !zero[0] && zero[1] ? "UTF-16LE" : "";
}

}  // namespace

std::string_view utf8_text(std::string_view bytes, const std::string& where, ExitCode code) {
  const auto refuse = [&](const std::string& what) { throw Error(code, fmt::format("{}: {}", where, what)); };
  const auto convert = [](std::string_view from) {
    return fmt::format("convert it to UTF-8: iconv -f {} -t UTF-8 FILE > NEW", from);
  };
  if (const std::string wide = wide_encoding(bytes); !wide.empty())
    refuse(fmt::format("is text in {}: {}", wide, convert(wide)));
  if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
  const std::size_t end = utf8_length(bytes);
  if (end < bytes.size()) {
    // Windows has letters and signs where Latin-1 has control characters.
    const bool windows =
        std::ranges::any_of(bytes.substr(end), [](char c) { return (static_cast<unsigned char>(c) & 0xE0) == 0x80; });
    const std::string_view likely = windows ? "WINDOWS-1252" : "ISO-8859-1";
    refuse(fmt::format("line {} is not UTF-8 but, it seems, {}: {}",
                       1 + std::count(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(end), '\n'),
                       windows ? "Windows-1252" : "Latin-1", convert(likely)));
  }
  if (bytes.find('\0') != bytes.npos) refuse("holds zero bytes: is no text file");
  return bytes;
}

std::string read_text_file(const fs::path& path, std::uint64_t max_bytes) {
  std::string bytes = read_file(path, max_bytes);
  bytes.erase(0, bytes.size() - utf8_text(bytes, path.string()).size());
  return bytes;
}

}  // namespace spinfill

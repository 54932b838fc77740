// SPDX-License-Identifier: Apache-2.0
#include "model/diffusers/import_report.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>

namespace spinfill {
namespace {

constexpr KeyFate kFates[] = {KeyFate::loaded, KeyFate::widened, KeyFate::made_new, KeyFate::left_over};

// "unet.down_blocks.1", "unet.conv_in", "conditioner"; of what is left over the first word of its name.
std::string part_of(const ImportedKey& key) {
  const bool blocks = key.name.starts_with("unet.down_blocks.") || key.name.starts_with("unet.up_blocks.");
  const int dots = key.fate == KeyFate::left_over || !key.name.starts_with("unet.") ? 1 : blocks ? 3 : 2;
  std::size_t end = 0;
  for (int i = 0; i < dots && end != std::string::npos; ++i) end = key.name.find('.', end + (i > 0 ? 1 : 0));
  return key.name.substr(0, end);
}

std::string line_of(const ImportedKey& key) {
  std::string line = fmt::format("  {:<9}  {}", name_of(key.fate), key.name);
  if (!key.source_shape.empty() && key.source_shape != key.shape)
    line += fmt::format(" [{}]", fmt::join(key.source_shape, ","));
  if (!key.shape.empty()) {
    line += fmt::format("{} [{}]", key.source_shape.empty() || key.source_shape == key.shape ? "" : " to",
                        fmt::join(key.shape, ","));
  }
  if (!key.source.empty() && key.source != key.name && "unet." + key.source != key.name) line += " from " + key.source;
  return line + (key.note.empty() ? "" : ": " + key.note) + "\n";
}

}  // namespace

std::string import_table(const ImportedWeights& weights, bool all) {
  std::vector<std::pair<std::string, std::array<int, 4>>> parts;
  for (const ImportedKey& key : weights.keys) {
    const std::string part = part_of(key);
    auto found = std::ranges::find(parts, part, [](const auto& one) { return one.first; });
    if (found == parts.end()) found = parts.insert(parts.end(), {part, {}});
    ++found->second[static_cast<std::size_t>(key.fate)];
  }
  std::string text = fmt::format("  {:<28}", "part");
  for (const KeyFate fate : kFates) text += fmt::format("{:>11}", name_of(fate));
  text += "\n";
  for (const auto& [part, counts] : parts) {
    text += fmt::format("  {:<28}", part);
    for (const int count : counts) text += fmt::format("{:>11}", count == 0 ? "-" : std::to_string(count));
    text += "\n";
  }
  for (const ImportedKey& key : weights.keys) {
    if (all || key.fate == KeyFate::widened || key.fate == KeyFate::made_new) text += line_of(key);
  }
  return text;
}

Json import_keys(const ImportedWeights& weights) {
  Json keys = Json::array();
  for (const ImportedKey& key : weights.keys) {
    keys.push_back({{"key", key.name},
                    {"fate", name_of(key.fate)},
                    {"source", key.source},
                    {"shape", key.shape},
                    {"source_shape", key.source_shape},
                    {"note", key.note}});
  }
  return keys;
}

Json import_counts(const ImportedWeights& weights) {
  Json counts = Json::object();
  for (const KeyFate fate : kFates) counts[name_of(fate)] = std::ranges::count(weights.keys, fate, &ImportedKey::fate);
  return counts;
}

}  // namespace spinfill

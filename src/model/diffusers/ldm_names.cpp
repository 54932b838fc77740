// SPDX-License-Identifier: Apache-2.0
#include "model/diffusers/ldm_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace spinfill {
namespace {

using Renames = std::vector<std::pair<std::string, std::string>>;

const Renames kWhole = {{"time_embed.0.", "time_embedding.linear_1."},
                        {"time_embed.2.", "time_embedding.linear_2."},
                        {"label_emb.0.0.", "add_embedding.linear_1."},
                        {"label_emb.0.2.", "add_embedding.linear_2."},
                        {"input_blocks.0.0.", "conv_in."},
                        {"out.0.", "conv_norm_out."},
                        {"out.2.", "conv_out."},
                        {"middle_block.1.", "mid_block.attentions.0."}};

const Renames kResnet = {{"in_layers.0.", "norm1."},          {"in_layers.2.", "conv1."},
                         {"emb_layers.1.", "time_emb_proj."}, {"out_layers.0.", "norm2."},
                         {"out_layers.3.", "conv2."},         {"skip_connection.", "conv_shortcut."}};

std::optional<std::string> renamed(const std::string& name, const Renames& renames, const std::string& place = "") {
  for (const auto& [from, to] : renames) {
    if (name.starts_with(from)) return place + to + name.substr(from.size());
  }
  return std::nullopt;
}

// Takes "NUMBER." off the front.
std::optional<std::int64_t> take_number(std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value < 0 || value > 1000 || end == text.data() + text.size() || *end != '.')
    return std::nullopt;
  text.erase(0, static_cast<std::size_t>(end - text.data()) + 1);
  return value;
}

// The position of a block in such a list: "input_blocks.4.1.proj_in.weight" is {4, 1, "proj_in.weight"}.
struct Place {
  std::int64_t block = 0, part = 0;
  std::string rest;
};
std::optional<Place> place_in(const std::string& list, const std::string& name) {
  if (!name.starts_with(list)) return std::nullopt;
  Place place{0, 0, name.substr(list.size())};
  const auto block = take_number(place.rest);
  const auto part = block ? take_number(place.rest) : std::nullopt;
  if (!part) return std::nullopt;
  place.block = *block;
  place.part = *part;
  return place;
}

// A level has its layers and, but for the last, one that halves: the first of these tells how many layers.
std::int64_t layers_of(const std::vector<std::string>& names) {
  std::int64_t first = 1000, last = 0;
  for (const std::string& name : names) {
    const auto place = place_in("input_blocks.", name);
    if (!place) continue;
    last = std::max(last, place->block);
    if (place->rest.starts_with("op.")) first = std::min(first, place->block);
  }
  return std::max<std::int64_t>(1, std::min(first - 1, last));
}

std::optional<std::string> diffusers_name(const std::string& name, std::int64_t layers) {
  if (const auto place = place_in("input_blocks.", name); place && place->block > 0) {
    const std::int64_t level = (place->block - 1) / (layers + 1), layer = (place->block - 1) % (layers + 1);
    const std::string block = fmt::format("down_blocks.{}.", level);
    if (place->part == 0 && layer == layers) return renamed(place->rest, {{"op.", "downsamplers.0.conv."}}, block);
    if (place->part == 0) return renamed(place->rest, kResnet, fmt::format("{}resnets.{}.", block, layer));
    if (place->part == 1 && layer < layers) return fmt::format("{}attentions.{}.{}", block, layer, place->rest);
    return std::nullopt;
  }
  if (const auto place = place_in("output_blocks.", name)) {
    const std::int64_t level = place->block / (layers + 1), layer = place->block % (layers + 1);
    const std::string block = fmt::format("up_blocks.{}.", level);
    if (place->part == 0) return renamed(place->rest, kResnet, fmt::format("{}resnets.{}.", block, layer));
    if (place->part > 2) return std::nullopt;
    if (place->rest.starts_with("conv.")) return renamed(place->rest, {{"conv.", "upsamplers.0.conv."}}, block);
    return fmt::format("{}attentions.{}.{}", block, layer, place->rest);
  }
  for (const auto& [from, to] : {std::pair<const char*, const char*>("middle_block.0.", "mid_block.resnets.0."),
                                 {"middle_block.2.", "mid_block.resnets.1."}}) {
    if (name.starts_with(from)) return renamed(name.substr(std::string(from).size()), kResnet, to);
  }
  return renamed(name, kWhole);
}

}  // namespace

std::map<std::string, std::string> diffusers_names(const std::vector<std::string>& names) {
  const std::int64_t layers = layers_of(names);
  std::map<std::string, std::string> renames;
  for (const std::string& name : names) {
    if (auto ours = diffusers_name(name, layers)) renames[name] = std::move(*ours);
  }
  return renames;
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "model/diffusers/unet_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "core/error.h"

namespace spinfill {
namespace {

constexpr const char* kClass = "UNet2DConditionModel";
constexpr std::int64_t kMaxLevels = 8, kMaxWidth = 16384;

// Fields that change what is computed, at the one value that this network computes; the order is diffusers'.
const std::vector<std::pair<std::string, Json>>& fixed_fields() {
  static const std::vector<std::pair<std::string, Json>> fields = {
      {"center_input_sample", false},
      {"flip_sin_to_cos", true},
      {"freq_shift", 0},
      {"mid_block_type", "UNetMidBlock2DCrossAttn"},
      {"only_cross_attention", false},
      {"downsample_padding", 1},
      {"mid_block_scale_factor", 1},
      {"act_fn", "silu"},
      {"norm_eps", 1e-5},
      {"reverse_transformer_layers_per_block", nullptr},
      {"encoder_hid_dim", nullptr},
      {"encoder_hid_dim_type", nullptr},
      {"dual_cross_attention", false},
      {"class_embed_type", nullptr},
      {"num_class_embeds", nullptr},
      {"resnet_time_scale_shift", "default"},
      {"resnet_skip_time_act", false},
      {"resnet_out_scale_factor", 1.0},
      {"time_embedding_type", "positional"},
      {"time_embedding_dim", nullptr},
      {"time_embedding_act_fn", nullptr},
      {"timestep_post_act", nullptr},
      {"time_cond_proj_dim", nullptr},
      {"conv_in_kernel", 3},
      {"conv_out_kernel", 3},
      {"attention_type", "default"},
      {"class_embeddings_concat", false},
      {"mid_block_only_cross_attention", nullptr},
      {"cross_attention_norm", nullptr},
  };
  return fields;
}

// Fields that change nothing here.
constexpr const char* kIgnored[] = {"sample_size", "dropout", "upcast_attention", "addition_embed_type_num_heads"};
constexpr const char* kRead[] = {"in_channels",
                                 "out_channels",
                                 "down_block_types",
                                 "up_block_types",
                                 "block_out_channels",
                                 "layers_per_block",
                                 "norm_num_groups",
                                 "cross_attention_dim",
                                 "transformer_layers_per_block",
                                 "attention_head_dim",
                                 "num_attention_heads",
                                 "use_linear_projection",
                                 "addition_embed_type",
                                 "addition_time_embed_dim",
                                 "projection_class_embeddings_input_dim"};

class ConfigReader {
 public:
  ConfigReader(const Json& config, const std::string& where) : config_(config), where_(where) {
    if (!config.is_object()) fail("{}: holds no JSON object", where);
    const Json name = config.value("_class_name", Json());
    if (name != Json(kClass)) {
      fail("{}: describes {}, but a {} is wanted: name the folder of the UNet, often unet/", where,
           name.is_string() ? "a " + name.get<std::string>() : "no model of diffusers (no _class_name)", kClass);
    }
  }

  UNetOptions read() const {
    check_fixed();
    UNetOptions unet;
    unet.in_channels = number("in_channels", 4);
    unet.out_channels = number("out_channels", 4);
    unet.block_out_channels = each("block_out_channels", {320, 640, 1280, 1280});
    const std::size_t levels = unet.block_out_channels.size();
    unet.attention_levels = attention(levels);
    unet.layers_per_block = all("layers_per_block", 2, levels);
    unet.norm_num_groups = number("norm_num_groups", 32);
    unet.cross_attention_dim = all("cross_attention_dim", 1280, levels);
    unet.transformer_layers_per_block = per_level("transformer_layers_per_block", 1, levels);
    // Up to now diffusers calls the number of heads attention_head_dim.
    const bool named = config_.contains("num_attention_heads") && !config_["num_attention_heads"].is_null();
    unet.attention_heads = per_level(named ? "num_attention_heads" : "attention_head_dim", 8, levels);
    unet.linear_projection = flag("use_linear_projection");
    read_added(unet);
    check_divisors(unet);
    return unet;
  }

 private:
  [[noreturn]] void refuse(const std::string& field, const std::string& why) const {
    fail("{}: {}: {}", where_, field, why);
  }

  void check_fixed() const {
    for (const auto& [name, wanted] : fixed_fields()) {
      if (config_.contains(name) && config_[name] != wanted)
        refuse(name, fmt::format("is {}, but this network has {} alone", config_[name].dump(), wanted.dump()));
    }
    for (const auto& [name, value] : config_.items()) {
      const auto is_name = [&name = name](const auto& known) { return name == known; };
      const bool known = std::ranges::any_of(kIgnored, is_name) || std::ranges::any_of(kRead, is_name) ||
                         std::ranges::any_of(fixed_fields(), [&](const auto& field) { return is_name(field.first); });
      if (known || name.starts_with("_") || value.is_null() || value == Json(false)) continue;
      refuse(name, fmt::format("is {}: unknown here, so what it changes cannot be told", value.dump()));
    }
  }

  std::int64_t checked(const std::string& name, const Json& value) const {
    if (!value.is_number_integer() || value < 1 || value > kMaxWidth)
      refuse(name, fmt::format("{} is not a whole number from 1 to {}", value.dump(), kMaxWidth));
    return value.get<std::int64_t>();
  }
  std::int64_t number(const std::string& name, std::int64_t missing) const {
    return config_.contains(name) ? checked(name, config_[name]) : missing;
  }
  bool flag(const std::string& name) const {
    const Json value = config_.value(name, Json(false));
    if (!value.is_boolean()) refuse(name, value.dump() + " is neither true nor false");
    return value.get<bool>();
  }
  std::vector<std::int64_t> each(const std::string& name, std::vector<std::int64_t> missing) const {
    if (!config_.contains(name)) return missing;
    const Json& value = config_[name];
    if (!value.is_array() || value.empty() || value.size() > kMaxLevels)
      refuse(name, fmt::format("is no list of 1 to {} numbers", kMaxLevels));
    std::vector<std::int64_t> numbers;
    for (const Json& item : value) numbers.push_back(checked(name, item));
    return numbers;
  }
  PerLevel per_level(const std::string& name, std::int64_t missing, std::size_t levels) const {
    if (!config_.contains(name)) return missing;
    if (!config_[name].is_array()) return checked(name, config_[name]);
    std::vector<std::int64_t> numbers = each(name, {});
    if (numbers.size() != levels)
      refuse(name, fmt::format("lists {} numbers for {} levels of block_out_channels", numbers.size(), levels));
    const bool equal = std::ranges::count(numbers, numbers.front()) == std::ranges::ssize(numbers);
    return equal ? PerLevel(numbers.front()) : PerLevel(std::move(numbers));
  }
  // A list is accepted where all its numbers are equal.
  std::int64_t all(const std::string& name, std::int64_t missing, std::size_t levels) const {
    const PerLevel value = per_level(name, missing, levels);
    if (!value.same_for_all()) refuse(name, "differs from level to level, which this network cannot");
    return value.at(0);
  }

  // Which levels have transformers, from the names of the blocks on both sides.
  std::vector<std::int64_t> attention(std::size_t levels) const {
    const auto side = [&](const char* name, const char* plain, const char* cross, std::vector<std::string> types) {
      if (config_.contains(name)) {
        const Json& value = config_[name];
        if (!value.is_array() || !std::ranges::all_of(value, [](const Json& item) { return item.is_string(); }))
          refuse(name, "is no list of names");
        types = value.get<std::vector<std::string>>();
      }
      if (types.size() != levels)
        refuse(name, fmt::format("lists {} blocks for {} levels of block_out_channels", types.size(), levels));
      std::vector<std::int64_t> has;
      for (const std::string& type : types) {
        if (type != plain && type != cross)
          refuse(name, fmt::format("'{}' is neither {} nor {}: this network has no others", type, plain, cross));
        has.push_back(type == cross ? 1 : 0);
      }
      return has;
    };
    const std::string cross = "CrossAttnDownBlock2D", cross_up = "CrossAttnUpBlock2D";
    const auto down =
        side("down_block_types", "DownBlock2D", "CrossAttnDownBlock2D", {cross, cross, cross, "DownBlock2D"});
    auto up = side("up_block_types", "UpBlock2D", "CrossAttnUpBlock2D", {"UpBlock2D", cross_up, cross_up, cross_up});
    std::ranges::reverse(up);
    if (up != down) refuse("up_block_types", "has transformers at other levels than down_block_types");
    return down;
  }

  void read_added(UNetOptions& unet) const {
    const Json kind = config_.value("addition_embed_type", Json());
    if (kind.is_null()) return;
    if (kind != Json("text_time"))
      refuse("addition_embed_type", fmt::format("is {}, but this network has null or \"text_time\"", kind.dump()));
    unet.size_embedding_dim = number("addition_time_embed_dim", 0);
    unet.pooled_text_dim = number("projection_class_embeddings_input_dim", 0) - 6 * unet.size_embedding_dim;
    if (unet.size_embedding_dim < 2 || unet.size_embedding_dim % 2 != 0 || unet.pooled_text_dim < 0) {
      refuse("projection_class_embeddings_input_dim",
             "must be the width of the pooled text and six times addition_time_embed_dim, an even number");
    }
  }

  void check_divisors(const UNetOptions& unet) const {
    for (std::size_t level = 0; level < unet.block_out_channels.size(); ++level) {
      const std::int64_t channels = unet.block_out_channels[level];
      if (channels % unet.norm_num_groups != 0 || channels % unet.attention_heads.at(level) != 0 || channels % 2 != 0) {
        refuse("block_out_channels",
               fmt::format("{} is no multiple of 2, norm_num_groups and the number of heads", channels));
      }
    }
  }

  const Json& config_;
  std::string where_;
};

Json json_of(const PerLevel& value) {
  return value.same_for_all() ? Json(value.at(0)) : Json(value.values());
}

}  // namespace

UNetOptions read_unet_config(const Json& config, const std::string& where) {
  return ConfigReader(config, where).read();
}

Json write_unet_config(const UNetOptions& unet) {
  std::vector<std::string> down, up;
  for (const std::int64_t has : unet.attention_levels) {
    down.emplace_back(has != 0 ? "CrossAttnDownBlock2D" : "DownBlock2D");
    up.insert(up.begin(), has != 0 ? "CrossAttnUpBlock2D" : "UpBlock2D");
  }
  Json config = {{"_class_name", kClass},
                 {"_diffusers_version", "0.37.0"},
                 {"in_channels", unet.in_channels},
                 {"out_channels", unet.out_channels},
                 {"down_block_types", down},
                 {"up_block_types", up},
                 {"block_out_channels", unet.block_out_channels},
                 {"layers_per_block", unet.layers_per_block},
                 {"norm_num_groups", unet.norm_num_groups},
                 {"cross_attention_dim", unet.cross_attention_dim},
                 {"transformer_layers_per_block", json_of(unet.transformer_layers_per_block)},
                 {"attention_head_dim", json_of(unet.attention_heads)},
                 {"num_attention_heads", nullptr},
                 {"use_linear_projection", unet.linear_projection},
                 {"addition_embed_type", nullptr},
                 {"addition_time_embed_dim", nullptr},
                 {"projection_class_embeddings_input_dim", nullptr}};
  if (unet.size_embedding_dim > 0) {
    config["addition_embed_type"] = "text_time";
    config["addition_time_embed_dim"] = unet.size_embedding_dim;
    config["projection_class_embeddings_input_dim"] = unet.pooled_text_dim + 6 * unet.size_embedding_dim;
  }
  for (const auto& [name, value] : fixed_fields()) config[name] = value;
  return config;
}

std::vector<std::pair<std::string, std::string>> size_keys(const UNetOptions& unet) {
  const auto list = [](const std::vector<std::int64_t>& values) {
    return fmt::format("[{}]", fmt::join(values, ", "));
  };
  return {{"block_out_channels", list(unet.block_out_channels)},
          {"layers_per_block", std::to_string(unet.layers_per_block)},
          {"attention_levels", list(unet.attention_levels)},
          {"transformer_layers_per_block", unet.transformer_layers_per_block.text()},
          {"attention_heads", unet.attention_heads.text()},
          {"cross_attention_dim", std::to_string(unet.cross_attention_dim)},
          {"norm_num_groups", std::to_string(unet.norm_num_groups)},
          {"linear_projection", unet.linear_projection ? "true" : "false"},
          {"size_embedding_dim", std::to_string(unet.size_embedding_dim)},
          {"pooled_text_dim", std::to_string(unet.pooled_text_dim)}};
}

}  // namespace spinfill

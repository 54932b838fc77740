// SPDX-License-Identifier: Apache-2.0
#include "model/autoencoder/architecture.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/error.h"

namespace spinfill {
namespace {

constexpr const char* kClasses[] = {"AutoencoderTiny", "AutoencoderKL"};
constexpr std::int64_t kMostChannels = 8192, kMostBlocks = 64, kMostLevels = 6;

const char* class_of(AutoencoderKind kind) {
  return kClasses[kind == AutoencoderKind::tiny ? 0 : 1];
}

// The fields of a config.json, each checked when it is read.
class ConfigFields {
 public:
  ConfigFields(const Json& config, const std::string& where) : config_(config), where_(where) {
    if (!config.is_object()) fail("{}: is no JSON object: give the config.json that diffusers writes", where);
  }

  std::int64_t integer(const char* name, std::int64_t missing, std::int64_t least, std::int64_t most) const {
    const Json* value = find(name);
    return value == nullptr ? missing : integer_of(*value, name, least, most);
  }

  std::vector<std::int64_t> list(const char* name, std::vector<std::int64_t> missing, std::int64_t most) const {
    const Json* value = find(name);
    if (value == nullptr) return missing;
    if (!value->is_array() || value->empty() || std::ssize(*value) > kMostLevels)
      refuse(name, fmt::format("must list 1 to {} numbers", kMostLevels));
    std::vector<std::int64_t> numbers;
    for (const Json& item : *value) numbers.push_back(integer_of(item, name, 1, most));
    return numbers;
  }

  double number(const char* name, double missing, double least, double most) const {
    const Json* value = find(name);
    if (value == nullptr) return missing;
    if (!value->is_number() || !(value->get<double>() >= least && value->get<double>() <= most))
      refuse(name, fmt::format("must be a number from {} to {}", least, most));
    return value->get<double>();
  }

  bool flag(const char* name, bool missing) const {
    const Json* value = find(name);
    if (value == nullptr) return missing;
    if (!value->is_boolean()) refuse(name, "must be true or false");
    return value->get<bool>();
  }

  // Only this value is computed here.
  void only(const char* name, const Json& expected) const {
    const Json* value = find(name);
    if (value != nullptr && *value != expected)
      refuse(name, fmt::format("is {}; only {} is known here", value->dump().substr(0, 60), expected.dump()));
  }
  void only_kinds(const char* name, const std::string& kind) const {
    const Json* value = find(name);
    if (value == nullptr) return;
    if (!value->is_array() || !std::ranges::all_of(*value, [&](const Json& item) { return item == Json(kind); }))
      refuse(name, fmt::format("is {}; only {} is known here", value->dump().substr(0, 60), kind));
  }

  [[noreturn]] void refuse(const char* name, const std::string& why) const {
    fail("{}: field '{}' {}", where_, name, why);
  }

 private:
  const Json* find(const char* name) const {
    const auto found = config_.find(name);
    return found == config_.end() || found->is_null() ? nullptr : &*found;
  }
  std::int64_t integer_of(const Json& value, const char* name, std::int64_t least, std::int64_t most) const {
    if (!value.is_number_integer() || value.get<double>() < static_cast<double>(least) ||
        value.get<double>() > static_cast<double>(most))
      refuse(name, fmt::format("must be a whole number from {} to {}", least, most));
    return value.get<std::int64_t>();
  }

  const Json& config_;
  const std::string& where_;
};

AutoencoderArchitecture tiny_from(const ConfigFields& fields) {
  AutoencoderArchitecture a = standard_architecture(AutoencoderKind::tiny, 4);
  a.latent_channels = fields.integer("latent_channels", 4, 1, 256);
  a.block_out_channels = fields.list("encoder_block_out_channels", a.block_out_channels, kMostChannels);
  const auto decoder = fields.list("decoder_block_out_channels", a.block_out_channels, kMostChannels);
  a.encoder_blocks = fields.list("num_encoder_blocks", a.encoder_blocks, kMostBlocks);
  a.decoder_blocks = fields.list("num_decoder_blocks", a.decoder_blocks, kMostBlocks);
  for (const char* name : {"encoder_block_out_channels", "decoder_block_out_channels"}) {
    const auto& widths = name[0] == 'e' ? a.block_out_channels : decoder;
    if (std::ranges::any_of(widths, [&](auto c) { return c != a.block_out_channels.front(); }))
      fields.refuse(name, "lists unlike widths; only those of one width throughout are known here");
  }
  if (decoder.size() != a.block_out_channels.size() || a.encoder_blocks.size() != decoder.size() ||
      a.decoder_blocks.size() != decoder.size())
    fields.refuse("num_encoder_blocks", "and the other lists of levels must be of one length");
  fields.only("act_fn", "relu");
  fields.only("upsample_fn", "nearest");
  fields.only("upsampling_scaling_factor", 2);
  return a;
}

AutoencoderArchitecture kl_from(const ConfigFields& fields) {
  AutoencoderArchitecture a;
  a.kind = AutoencoderKind::kl;
  a.latent_channels = fields.integer("latent_channels", 4, 1, 256);
  a.block_out_channels = fields.list("block_out_channels", {64}, kMostChannels);
  a.layers_per_block = fields.integer("layers_per_block", 1, 1, kMostBlocks);
  a.norm_num_groups = fields.integer("norm_num_groups", 32, 1, kMostChannels);
  a.quant_conv = fields.flag("use_quant_conv", true);
  a.post_quant_conv = fields.flag("use_post_quant_conv", true);
  a.mid_attention = fields.flag("mid_block_add_attention", true);
  if (std::ranges::any_of(a.block_out_channels, [&](auto c) { return c % a.norm_num_groups != 0; }))
    fields.refuse("norm_num_groups", "must divide every entry of block_out_channels");
  fields.only("act_fn", "silu");
  fields.only_kinds("down_block_types", "DownEncoderBlock2D");
  fields.only_kinds("up_block_types", "UpDecoderBlock2D");
  fields.only("latents_mean", nullptr);
  fields.only("latents_std", nullptr);
  return a;
}

}  // namespace

AutoencoderArchitecture standard_architecture(AutoencoderKind kind, std::int64_t latent_channels) {
  AutoencoderArchitecture a;
  a.kind = kind;
  a.latent_channels = latent_channels;
  if (kind == AutoencoderKind::tiny) {
    a.block_out_channels = {64, 64, 64, 64};
    a.encoder_blocks = {1, 3, 3, 3};
    a.decoder_blocks = {3, 3, 3, 1};
  } else {
    a.block_out_channels = {128, 256, 512, 512};
    a.scaling_factor = 0.18215;
  }
  return a;
}

AutoencoderArchitecture usual_architecture(AutoencoderKind kind, std::int64_t latent_channels, std::int64_t factor) {
  AutoencoderArchitecture usual = standard_architecture(kind, latent_channels);
  const auto levels = static_cast<std::size_t>(std::countr_zero(static_cast<std::uint64_t>(factor)));
  usual.block_out_channels.resize(levels + 1, usual.block_out_channels.back());
  if (kind == AutoencoderKind::tiny) {
    usual.encoder_blocks.resize(levels + 1, usual.encoder_blocks.back());
    usual.decoder_blocks.assign(levels + 1, usual.decoder_blocks.front());
    usual.decoder_blocks.back() = 1;
  }
  return usual;
}

AutoencoderArchitecture architecture_from_json(const Json& config, const std::string& where) {
  const ConfigFields fields(config, where);
  const Json name = config.value("_class_name", Json());
  if (name != Json(kClasses[0]) && name != Json(kClasses[1]))
    fields.refuse("_class_name",
                  fmt::format("is {}; known are {}", name.dump().substr(0, 60), fmt::join(kClasses, " and ")));
  AutoencoderArchitecture a = name == Json(kClasses[0]) ? tiny_from(fields) : kl_from(fields);
  fields.only("in_channels", 3);
  fields.only("out_channels", 3);
  a.scaling_factor = fields.number("scaling_factor", a.kind == AutoencoderKind::tiny ? 1 : 0.18215, 1e-6, 1e6);
  a.shift_factor = fields.number("shift_factor", 0, -1e6, 1e6);
  return a;
}

Json to_json(const AutoencoderArchitecture& a) {
  Json json = {{"_class_name", class_of(a.kind)},
               {"in_channels", 3},
               {"out_channels", 3},
               {"latent_channels", a.latent_channels},
               {"scaling_factor", a.scaling_factor},
               {"shift_factor", a.shift_factor}};
  if (a.kind == AutoencoderKind::tiny) {
    json.update({{"encoder_block_out_channels", a.block_out_channels},
                 {"decoder_block_out_channels", a.block_out_channels},
                 {"num_encoder_blocks", a.encoder_blocks},
                 {"num_decoder_blocks", a.decoder_blocks},
                 {"act_fn", "relu"},
                 {"upsample_fn", "nearest"}});
    return json;
  }
  const std::size_t levels = a.block_out_channels.size();
  json.update({{"block_out_channels", a.block_out_channels},
               {"down_block_types", std::vector<std::string>(levels, "DownEncoderBlock2D")},
               {"up_block_types", std::vector<std::string>(levels, "UpDecoderBlock2D")},
               {"layers_per_block", a.layers_per_block},
               {"norm_num_groups", a.norm_num_groups},
               {"act_fn", "silu"},
               {"use_quant_conv", a.quant_conv},
               {"use_post_quant_conv", a.post_quant_conv},
               {"mid_block_add_attention", a.mid_attention}});
  return json;
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "model/autoencoder/other_names.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/error.h"

namespace spinfill {
namespace {

constexpr std::string_view kCheckpointPrefix = "first_stage_model.";

// Replaces `from` by `to` where the name holds it.
bool replace(std::string& name, std::string_view from, std::string_view to) {
  const std::size_t at = name.find(from);
  if (at == std::string::npos) return false;
  name.replace(at, from.size(), to);
  return true;
}

at::Tensor as_linear(const at::Tensor& weight) {
  const bool kernel = weight.dim() == 4 && weight.size(2) == 1 && weight.size(3) == 1;
  return kernel ? weight.squeeze(3).squeeze(2) : weight;
}

std::optional<std::int64_t> leading_number(const std::string& name) {
  std::int64_t number = 0;
  const char* end = name.data() + name.size();
  const auto [stopped, error] = std::from_chars(name.data(), end, number);
  if (error != std::errc() || stopped == end || *stopped != '.') return std::nullopt;
  return number;
}

// How many of prefix0., prefix1., … there are.
std::int64_t count_of(const TensorMap& tensors, const std::string& prefix) {
  std::int64_t count = 0;
  const auto there = [&] {
    const auto found = tensors.lower_bound(fmt::format("{}{}.", prefix, count));
    return found != tensors.end() && found->first.starts_with(fmt::format("{}{}.", prefix, count));
  };
  while (there()) ++count;
  return count;
}

// "encoder.down.1.block.0.norm1.weight" → "encoder.down_blocks.1.resnets.0.norm1.weight"
std::string diffusers_name(std::string name, std::int64_t levels) {
  replace(name, ".nin_shortcut.", ".conv_shortcut.");
  replace(name, ".norm_out.", ".conv_norm_out.");
  if (replace(name, ".mid.attn_1.", ".mid_block.attentions.0.")) {
    replace(name, ".norm.", ".group_norm.");
    for (const auto& [from, to] : {std::pair{".q.", ".to_q."}, {".k.", ".to_k."}, {".v.", ".to_v."}})
      replace(name, from, to);
    replace(name, ".proj_out.", ".to_out.0.");
    return name;
  }
  replace(name, ".mid.block_1.", ".mid_block.resnets.0.");
  replace(name, ".mid.block_2.", ".mid_block.resnets.1.");
  for (std::int64_t level = 0; level < levels; ++level) {
    if (replace(name, fmt::format("encoder.down.{}.", level), fmt::format("encoder.down_blocks.{}.", level)) ||
        replace(name, fmt::format("decoder.up.{}.", level), fmt::format("decoder.up_blocks.{}.", levels - 1 - level))) {
      replace(name, ".block.", ".resnets.");
      replace(name, ".downsample.", ".downsamplers.0.");
      replace(name, ".upsample.", ".upsamplers.0.");
      break;
    }
  }
  return name;
}

struct Scaling {
  const char* part;  // of a name that files of this kind have
  double factor, shift;
};
// Stable Diffusion XL, 3, and 1 and 2.
constexpr Scaling kScalings[] = {{"conditioner.embedders.", 0.13025, 0},
                                 {"model.diffusion_model.joint_blocks.", 1.5305, 0.0609},
                                 {"cond_stage_model.", 0.18215, 0}};

void set_scaling(AutoencoderArchitecture& a, const TensorMap& tensors, const std::string& where) {
  for (const Scaling& scaling : kScalings) {
    const auto found = tensors.lower_bound(scaling.part);
    if (found == tensors.end() || !found->first.starts_with(scaling.part)) continue;
    a.scaling_factor = scaling.factor;
    a.shift_factor = scaling.shift;
    return;
  }
  fail(
      "{}: holds an autoencoder, but nothing that tells its scaling factor: put it as "
      "diffusion_pytorch_model.safetensors "
      "into a folder with a config.json of diffusers that says it",
      where);
}

// Of weights with diffusers' names.
AutoencoderArchitecture architecture_of(const TensorMap& tensors, const std::string& where) {
  const auto size = [&](const std::string& name, std::int64_t dim) {
    const auto found = tensors.find(name);
    if (found == tensors.end() || found->second.dim() != 4)
      fail("{}: has no tensor '{}' of four dimensions, as an AutoencoderKL has", where, name);
    return found->second.size(dim);
  };
  AutoencoderArchitecture a = standard_architecture(AutoencoderKind::kl, size("decoder.conv_in.weight", 1));
  a.block_out_channels.clear();
  const std::int64_t levels = count_of(tensors, "encoder.down_blocks.");
  for (std::int64_t i = 0; i < levels; ++i)
    a.block_out_channels.push_back(size(fmt::format("encoder.down_blocks.{}.resnets.0.conv1.weight", i), 0));
  a.layers_per_block = count_of(tensors, "encoder.down_blocks.0.resnets.");
  a.quant_conv = tensors.contains("quant_conv.weight");
  a.post_quant_conv = tensors.contains("post_quant_conv.weight");
  a.mid_attention = tensors.contains("decoder.mid_block.attentions.0.to_q.weight");
  // Its ranges are those of a config.json.
  return architecture_from_json(to_json(a), where);
}

}  // namespace

TensorMap with_attention_names(const TensorMap& tensors) {
  TensorMap named;
  for (const auto& [given, tensor] : tensors) {
    std::string name = given;
    if (name.find(".attentions.") != std::string::npos) {
      for (const auto& [from, to] :
           {std::pair{".query.", ".to_q."}, {".key.", ".to_k."}, {".value.", ".to_v."}, {".proj_attn.", ".to_out.0."}})
        replace(name, from, to);
    }
    named[name] = name.find(".to_") != std::string::npos ? as_linear(tensor) : tensor;
  }
  return named;
}

TensorMap from_sequential(const TensorMap& encoder, const TensorMap& decoder) {
  TensorMap named;
  const auto add = [&](const TensorMap& part, const std::string& prefix, std::int64_t less) {
    for (const auto& [name, tensor] : part) {
      const auto number = leading_number(name);
      if (!number) {
        named[prefix + name] = tensor;
        continue;
      }
      named[fmt::format("{}layers.{}{}", prefix, *number - less, name.substr(name.find('.')))] = tensor;
    }
  };
  add(encoder, "encoder.", 0);
  add(decoder, "decoder.", 1);
  return named;
}

AutoencoderFile from_checkpoint(const TensorMap& tensors, const std::string& where) {
  TensorMap own;
  for (const auto& [name, tensor] : tensors) {
    if (name.starts_with(kCheckpointPrefix)) own[name.substr(kCheckpointPrefix.size())] = tensor;
  }
  if (own.empty()) own = tensors;
  const std::int64_t levels = count_of(own, "encoder.down.");
  if (levels == 0)
    fail(
        "{}: is no autoencoder: no keys first_stage_model.* of a Stable Diffusion checkpoint; of diffusers' name the "
        "folder with its config.json",
        where);
  TensorMap named;
  for (const auto& [name, tensor] : own) {
    if (!name.starts_with("loss.")) named[diffusers_name(name, levels)] = tensor;
  }
  AutoencoderFile file{{}, with_attention_names(named), where};
  file.architecture = architecture_of(file.tensors, where);
  set_scaling(file.architecture, tensors, where);
  return file;
}

}  // namespace spinfill

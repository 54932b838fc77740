// SPDX-License-Identifier: Apache-2.0
#include "model/diffusers/unet_import.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "core/error.h"
#include "model/denoiser/denoiser.h"
#include "model/denoiser/initialise.h"
#include "model/denoiser/unet_options.h"
#include "model/diffusers/unet_config.h"
#include "model/network/unet.h"

namespace spinfill {
namespace {

constexpr const char* kUnet = "unet.";

std::string shape_text(const std::vector<std::int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ","));
}

std::string first_few(const std::vector<std::string>& names) {
  const std::size_t shown = std::min<std::size_t>(names.size(), 3);
  return fmt::format("{}{}", fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shown), ", "),
                     names.size() > shown ? ", ..." : "");
}

bool is_end(const std::string& name) {
  return name.starts_with("conv_in.") || name.starts_with("conv_out.");
}

std::map<std::string, std::vector<std::int64_t>> shapes_of(UNetOptions options) {
  options.tensors = at::TensorOptions().device(at::kMeta);
  std::map<std::string, std::vector<std::int64_t>> shapes;
  for (const auto& item : UNet(options)->named_parameters()) shapes[item.key()] = item.value().sizes().vec();
  return shapes;
}

// The preset whose UNet has the names and shapes of a source that does not say its structure.
const Preset* preset_of(const UNetSource& source) {
  const std::vector<Preset>& presets = model_presets();
  const auto fits = [&](const Preset& preset) {
    auto shapes = shapes_of(unet_options(from_json<ModelConfig>(preset.values, preset.name)));
    if (shapes.size() != source.tensors.size()) return false;
    return std::ranges::all_of(shapes, [&](const auto& one) {
      const auto found = source.tensors.find(one.first);
      return found != source.tensors.end() && (is_end(one.first) || found->second.sizes() == one.second);
    });
  };
  const auto found = std::ranges::find_if(presets, fits);
  return found == presets.end() ? nullptr : &*found;
}

std::optional<UNetOptions> structure_of(const UNetSource& source) {
  if (source.structure) return source.structure;
  const Preset* preset = preset_of(source);
  if (preset == nullptr) return std::nullopt;
  return unet_options(from_json<ModelConfig>(preset->values, preset->name));
}

// Names every key of the sizes that differs.
void require_structure(const UNetSource& source, const ModelConfig& config) {
  const auto structure = structure_of(source);
  if (!structure) return;  // names and shapes are compared anyway
  const auto ours = size_keys(unet_options(config)), theirs = size_keys(*structure);
  std::vector<std::string> differences;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    if (ours[i] != theirs[i])
      differences.push_back(
          fmt::format("model.{} is {}, the source has {}", ours[i].first, ours[i].second, theirs[i].second));
  }
  if (differences.empty()) return;
  fail_usage("{}: its UNet does not fit the configuration: {}; --print-config prints a section that fits", source.name,
             fmt::join(differences, "; "));
}

class Import {
 public:
  Import(const UNetSource& source, const ModelConfig& config, bool new_ends)
      : source_(source), config_(config), shapes_(shapes_of(unet_options(config))), new_ends_(new_ends) {}

  ImportedWeights run(std::uint64_t seed) {
    choose_ends();
    require_all();
    for (const auto& [name, shape] : shapes_) take(name, shape);
    Denoiser denoiser(config_, 0, at::kMeta);
    for (const auto& [name, parameter] : denoiser.parameters()) {
      if (!name.starts_with(kUnet)) take_own(name, parameter.sizes().vec());
    }
    fill_new(denoiser, seed);
    for (const std::string& name : source_.outside)
      out_.keys.push_back({name, KeyFate::left_over, name, {}, {}, "no part of the UNet"});
    for (const auto& [name, tensor] : source_.own) {
      if (!out_.state.contains(name) || made_new_.contains(name))
        out_.keys.push_back({name, KeyFate::left_over, name, {}, tensor.sizes().vec(), "this model has no such"});
    }
    if (new_ends_) {
      for (const auto& [name, tensor] : source_.tensors) {
        if (is_end(name))
          out_.keys.push_back(
              {in_file(name), KeyFate::left_over, in_file(name), {}, tensor.sizes().vec(), "new ends were asked for"});
      }
    }
    return std::move(out_);
  }

 private:
  std::string in_file(const std::string& name) const {
    const auto found = source_.named_in_file.find(name);
    return found == source_.named_in_file.end() ? name : found->second;
  }

  // Whether the source's ends are those of its latents alone, or, exported from here, those of the whole model.
  void choose_ends() {
    if (new_ends_) return;
    const auto size = [&](const char* name, std::int64_t dimension) {
      const auto found = source_.tensors.find(name);
      if (found == source_.tensors.end() || found->second.dim() != 4)
        fail("{}: {} is missing or no convolution", source_.name, in_file(name));
      return found->second.size(dimension);
    };
    const std::int64_t in = size("conv_in.weight", 1), out = size("conv_out.weight", 0);
    const std::int64_t latents = config_.latent_channels();
    if (in == config_.input_channels() && out == config_.output_channels()) return;
    if (in == latents && out == latents) {
      widen_ = true;
      return;
    }
    if (in != out)
      fail_usage("{}: takes {} channels and gives {}: an inpainting or depth UNet; take one without further inputs",
                 source_.name, in, out);
    fail_usage(
        "{}: is for latents of {} channels, model.autoencoder {} gives {}: choose one of {}, or take all but conv_in "
        "and "
        "conv_out by --new-ends",
        source_.name, in, name_of(config_.autoencoder), latents, in);
  }

  void require_all() const {
    std::vector<std::string> missing, unexpected, misshaped, broken;
    for (const auto& [name, shape] : shapes_) {
      if (new_ends_ && is_end(name)) continue;
      const auto found = source_.tensors.find(name);
      if (found == source_.tensors.end()) {
        missing.push_back(name);
        continue;
      }
      const at::Tensor& tensor = found->second;
      const bool end = widen_ && is_end(name);
      if (tensor.sizes() != (end ? at::IntArrayRef(narrow_shape(name)) : at::IntArrayRef(shape)))
        misshaped.push_back(
            fmt::format("{} {} for {}", in_file(name), shape_text(tensor.sizes().vec()), shape_text(shape)));
      else if (!at::isFloatingType(tensor.scalar_type()))
        broken.push_back(fmt::format("{} is {}", in_file(name), at::toString(tensor.scalar_type())));
      else if (!at::isfinite(tensor).all().item<bool>())
        broken.push_back(in_file(name) + " is not finite");
    }
    for (const auto& [name, tensor] : source_.tensors) {
      if (!shapes_.contains(name)) unexpected.push_back(in_file(name));
    }
    std::string problems;
    const auto add = [&](const char* what, const std::vector<std::string>& names) {
      if (!names.empty())
        problems += fmt::format("{}{} {} ({})", problems.empty() ? "" : "; ", names.size(), what, first_few(names));
    };
    add("missing", missing);
    add("without a place", unexpected);
    add("of another shape", misshaped);
    add("without values", broken);
    if (!problems.empty()) fail("{}: its UNet is not that of the configuration: {}", source_.name, problems);
  }

  // Of the source's conv_in and conv_out where they are for its latents alone.
  std::vector<std::int64_t> narrow_shape(const std::string& name) const {
    std::vector<std::int64_t> shape = shapes_.at(name);
    if (name == "conv_in.weight") shape[1] = config_.latent_channels();
    if (name.starts_with("conv_out.")) shape[0] = config_.latent_channels();
    return shape;
  }

  void take(const std::string& name, const std::vector<std::int64_t>& shape) {
    if (new_ends_ && is_end(name)) return make_new(kUnet + name, shape, "new ends were asked for");
    const at::Tensor& given = source_.tensors.at(name);
    ImportedKey key{kUnet + name, KeyFate::loaded, in_file(name), shape, given.sizes().vec(), ""};
    at::Tensor value = given.to(at::kFloat);
    if (key.shape != key.source_shape) {
      key.fate = KeyFate::widened;
      key.note = name == "conv_in.weight" ? "further inputs zero" : "further outputs zero";
      at::Tensor wide = at::zeros(shape, at::kFloat);
      const std::int64_t dimension = name == "conv_in.weight" ? 1 : 0;
      wide.narrow(dimension, 0, value.size(dimension)).copy_(value);
      value = wide;
    }
    out_.state[key.name] = value;
    out_.keys.push_back(std::move(key));
  }

  // A parameter outside the UNet: from an export of this program, else new.
  void take_own(const std::string& name, const std::vector<std::int64_t>& shape) {
    const auto found = source_.own.find(name);
    if (found == source_.own.end()) return make_new(name, shape, "");
    const at::Tensor& given = found->second;
    if (given.sizes() != shape) return make_new(name, shape, "of another shape in " + std::string(kOwnWeights));
    if (!at::isFloatingType(given.scalar_type()) || !at::isfinite(given).all().item<bool>())
      fail("{}: {}: '{}' has values that are no finite numbers", source_.name, kOwnWeights, name);
    out_.state[name] = given.to(at::kFloat);
    out_.keys.push_back({name, KeyFate::loaded, name, shape, shape, ""});
  }

  void make_new(const std::string& name, const std::vector<std::int64_t>& shape, const std::string& note) {
    made_new_.insert(name);
    out_.keys.push_back({name, KeyFate::made_new, "", shape, {}, note});
  }

  void fill_new(const Denoiser& denoiser, std::uint64_t seed) {
    for (auto& [name, value] :
         initial_weights(denoiser.modules(), seed, [&](const std::string& name) { return made_new_.contains(name); })) {
      out_.state[name] = value;
    }
  }

  const UNetSource& source_;
  const ModelConfig& config_;
  std::map<std::string, std::vector<std::int64_t>> shapes_;  // of the model's UNet
  bool new_ends_, widen_ = false;
  std::set<std::string> made_new_;
  ImportedWeights out_;
};

}  // namespace

ImportedWeights import_unet(const UNetSource& source, const ModelConfig& config, std::uint64_t seed, bool new_ends) {
  require_structure(source, config);
  return Import(source, config, new_ends).run(seed);
}

std::string fitting_config(const UNetSource& source) {
  const auto structure = structure_of(source);
  if (!structure) {
    fail(
        "{}: a single file does not say its structure, and its shapes are those of no preset: convert it to a folder "
        "of diffusers",
        source.name);
  }
  std::string text = "model:\n";
  for (const auto& [key, value] : size_keys(*structure)) text += fmt::format("  {}: {}\n", key, value);
  return text;
}

}  // namespace spinfill

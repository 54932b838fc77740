// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <torch/nn/modules/container/modulelist.h>

#include "model/autoencoder/network.h"

namespace spinfill {
namespace {

constexpr double kEpsilon = 1e-6;  // of the group norms

struct Sizes {
  std::int64_t groups;
  at::TensorOptions tensors;
};

Step local_step(std::function<at::Tensor(const at::Tensor&)> function, std::int64_t channels, std::int64_t reach) {
  Step step;
  step.run = [function = std::move(function)](const FeatureMap& at, const Normalise&) {
    return FeatureMap{function(at.x), {}};
  };
  step.channels = channels;
  step.reach = reach;
  return step;
}

Step norm_step(const GroupNorm& norm, std::function<FeatureMap(const FeatureMap&, const Normalise&)> run,
               std::int64_t channels) {
  Step step;
  step.run = std::move(run);
  step.norm = norm;
  step.channels = channels;
  step.reach = 1;
  return step;
}

// diffusers' ResnetBlock2D without a noise embedding, in two steps.
class KlResnetImpl : public torch::nn::Module {
 public:
  KlResnetImpl(std::int64_t in, std::int64_t out, const Sizes& s) {
    norm1_ = register_module("norm1", GroupNorm(s.groups, in, kEpsilon, s.tensors));
    conv1_ = register_module("conv1", Conv2d(in, out, 3, 1, s.tensors));
    norm2_ = register_module("norm2", GroupNorm(s.groups, out, kEpsilon, s.tensors));
    conv2_ = register_module("conv2", Conv2d(out, out, 3, 1, s.tensors));
    if (in != out) shortcut_ = register_module("conv_shortcut", Conv2d(in, out, 1, 1, s.tensors));
  }
  void add_steps(Steps& steps) const {
    const std::int64_t out = conv1_->weight.size(0);
    steps.push_back(norm_step(
        norm1_,
        [norm = norm1_, conv = conv1_](const FeatureMap& at, const Normalise& normalise) {
          return FeatureMap{conv->forward(at::silu(normalise(norm, at.x))), at.x};
        },
        out));
    steps.back().inside_block = true;
    steps.push_back(norm_step(
        norm2_,
        [norm = norm2_, conv = conv2_, shortcut = shortcut_](const FeatureMap& at, const Normalise& normalise) {
          const at::Tensor changed = conv->forward(at::silu(normalise(norm, at.x)));
          return FeatureMap{(shortcut.is_empty() ? at.kept : shortcut->forward(at.kept)) + changed, {}};
        },
        out));
  }

 private:
  GroupNorm norm1_{nullptr}, norm2_{nullptr};
  Conv2d conv1_{nullptr}, conv2_{nullptr}, shortcut_{nullptr};
};
TORCH_MODULE(KlResnet);

// diffusers' Attention as the autoencoder has it: one head, added to its input.
class KlAttentionImpl : public torch::nn::Module {
 public:
  KlAttentionImpl(std::int64_t channels, const Sizes& s) {
    norm_ = register_module("group_norm", GroupNorm(s.groups, channels, kEpsilon, s.tensors));
    query_ = register_module("to_q", Linear(channels, channels, true, s.tensors));
    key_ = register_module("to_k", Linear(channels, channels, true, s.tensors));
    value_ = register_module("to_v", Linear(channels, channels, true, s.tensors));
    out_ = Linear(channels, channels, true, s.tensors);
    torch::nn::ModuleList list;
    list->push_back(out_);
    register_module("to_out", list);
  }
  at::Tensor forward(const at::Tensor& x) const {
    const at::Tensor tokens = norm_->forward(x).flatten(2).transpose(1, 2).unsqueeze(1);  // [N,1,hw,C]
    const at::Tensor mixed =
        at::scaled_dot_product_attention(query_->forward(tokens), key_->forward(tokens), value_->forward(tokens));
    return x + out_->forward(mixed).squeeze(1).transpose(1, 2).reshape(x.sizes());
  }

 private:
  GroupNorm norm_{nullptr};
  Linear query_{nullptr}, key_{nullptr}, value_{nullptr}, out_{nullptr};
};
TORCH_MODULE(KlAttention);

// What the parts of an encoder and a decoder have in common.
class KlPart : public torch::nn::Module {
 protected:
  explicit KlPart(const AutoencoderArchitecture& a, const at::TensorOptions& tensors)
      : sizes_{a.norm_num_groups, tensors} {}

  // Resnets of one level; gives its module.
  std::shared_ptr<torch::nn::Module> level(std::int64_t in, std::int64_t out, std::int64_t layers, Steps& steps) {
    torch::nn::ModuleList resnets;
    for (std::int64_t i = 0; i < layers; ++i) {
      const KlResnet resnet(i == 0 ? in : out, out, sizes_);
      resnets->push_back(resnet);
      resnet->add_steps(steps);
    }
    auto block = std::make_shared<torch::nn::Module>();
    block->register_module("resnets", resnets);
    return block;
  }

  Conv2d resampler(const std::shared_ptr<torch::nn::Module>& block, const char* name, std::int64_t channels,
                   std::int64_t stride) {
    const Conv2d conv(channels, channels, 3, stride, sizes_.tensors);
    auto named = std::make_shared<torch::nn::Module>();
    named->register_module("conv", conv);
    torch::nn::ModuleList list;
    list->push_back(named);
    block->register_module(name, list);
    return conv;
  }

  void add_middle(std::int64_t channels, bool with_attention, Steps& steps) {
    auto block = std::make_shared<torch::nn::Module>();
    torch::nn::ModuleList resnets, attentions;
    const KlResnet first(channels, channels, sizes_), second(channels, channels, sizes_);
    resnets->push_back(first);
    resnets->push_back(second);
    first->add_steps(steps);
    if (with_attention) {
      const KlAttention attention(channels, sizes_);
      attentions->push_back(attention);
      block->register_module("attentions", attentions);
      steps.push_back(local_step([=](const at::Tensor& x) { return attention->forward(x); }, channels, 0));
      steps.back().needs_all = true;
    }
    second->add_steps(steps);
    block->register_module("resnets", resnets);
    register_module("mid_block", block);
  }

  void add_conv(const char* name, std::int64_t in, std::int64_t out, Steps& steps) {
    const Conv2d conv = register_module(name, Conv2d(in, out, 3, 1, sizes_.tensors));
    steps.push_back(local_step([=](const at::Tensor& x) { return conv->forward(x); }, out, 1));
  }

  void add_end(std::int64_t in, std::int64_t out, Steps& steps) {
    const GroupNorm norm = register_module("conv_norm_out", GroupNorm(sizes_.groups, in, kEpsilon, sizes_.tensors));
    const Conv2d conv = register_module("conv_out", Conv2d(in, out, 3, 1, sizes_.tensors));
    steps.push_back(norm_step(
        norm,
        [=](const FeatureMap& at, const Normalise& normalise) {
          return FeatureMap{conv->forward(at::silu(normalise(norm, at.x))), {}};
        },
        out));
  }

  Sizes sizes_;
};

class KlEncoder : public KlPart {
 public:
  KlEncoder(const AutoencoderArchitecture& a, const at::TensorOptions& tensors, Steps& steps) : KlPart(a, tensors) {
    const auto& widths = a.block_out_channels;
    add_conv("conv_in", 3, widths.front(), steps);
    torch::nn::ModuleList blocks;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const auto block = level(widths[i == 0 ? 0 : i - 1], widths[i], a.layers_per_block, steps);
      if (i + 1 < widths.size()) {
        // A row and a column of zeros are added on the far sides alone.
        const Conv2d conv = resampler(block, "downsamplers", widths[i], 2);
        steps.push_back(local_step(
            [=](const at::Tensor& x) {
              return conv->of_padded(at::constant_pad_nd(x, {0, 1, 0, 1}));
            },
            widths[i], 1));
        steps.back().down = 2;
      }
      blocks->push_back(block);
    }
    register_module("down_blocks", blocks);
    add_middle(widths.back(), a.mid_attention, steps);
    add_end(widths.back(), 2 * a.latent_channels, steps);
  }
};

class KlDecoder : public KlPart {
 public:
  KlDecoder(const AutoencoderArchitecture& a, const at::TensorOptions& tensors, Steps& steps) : KlPart(a, tensors) {
    const auto& widths = a.block_out_channels;
    add_conv("conv_in", a.latent_channels, widths.back(), steps);
    add_middle(widths.back(), a.mid_attention, steps);
    torch::nn::ModuleList blocks;
    for (std::size_t i = widths.size(); i-- > 0;) {
      const std::int64_t in = i + 1 < widths.size() ? widths[i + 1] : widths.back();
      const auto block = level(in, widths[i], a.layers_per_block + 1, steps);
      if (i > 0) {
        const Conv2d conv = resampler(block, "upsamplers", widths[i], 1);
        steps.push_back(local_step(
            [=](const at::Tensor& x) {
              const std::int64_t size[] = {2 * x.size(2), 2 * x.size(3)};
              return conv->forward(at::upsample_nearest2d(x, size));
            },
            widths[i], 1));
        steps.back().up = 2;
      }
      blocks->push_back(block);
    }
    register_module("up_blocks", blocks);
    add_end(widths.front(), 3, steps);
  }
};

}  // namespace

AutoencoderKL::AutoencoderKL(const AutoencoderArchitecture& a, const at::TensorOptions& tensors)
    : AutoencoderNetwork(a) {
  const auto small = [&](const char* name, std::int64_t channels) {
    const Conv2d conv = register_module(name, Conv2d(channels, channels, 1, 1, tensors));
    return local_step([=](const at::Tensor& x) { return conv->forward(x); }, channels, 0);
  };
  if (a.post_quant_conv) decoder_steps_.push_back(small("post_quant_conv", a.latent_channels));
  register_module("encoder", std::make_shared<KlEncoder>(a, tensors, encoder_steps_));
  register_module("decoder", std::make_shared<KlDecoder>(a, tensors, decoder_steps_));
  if (a.quant_conv) encoder_steps_.push_back(small("quant_conv", 2 * a.latent_channels));
}

at::Tensor AutoencoderKL::latents_of(const at::Tensor& encoded) const {
  return encoded.narrow(1, 0, architecture_.latent_channels);
}

AutoencoderKL::Posterior AutoencoderKL::posterior(const at::Tensor& pictures) const {
  const auto parts = run_whole(encoder_steps_, pictures).chunk(2, 1);
  return {parts[0], parts[1].clamp(-30, 20)};
}

at::Tensor AutoencoderKL::Posterior::sample(const at::Tensor& noise) const {
  return mean + (log_variance / 2).exp() * noise;
}

at::Tensor AutoencoderKL::Posterior::divergence() const {
  return (mean.square() + log_variance.exp() - 1 - log_variance).sum({1, 2, 3}) / 2;
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "model/network/unet.h"

#include <ATen/ATen.h>

#include "model/network/recompute.h"

namespace spinfill {

namespace {

ResnetBlock2D make_resnet(std::int64_t in, std::int64_t out, const UNetOptions& o) {
  return ResnetBlock2D(ResnetBlockOptions{in, out, 4 * o.block_out_channels.front(), o.norm_num_groups, o.tensors});
}

Transformer2DModel make_transformer(std::size_t level, const UNetOptions& o, std::int64_t& next_layer) {
  TransformerOptions options;
  options.width = o.block_out_channels[level];
  options.heads = o.attention_heads.at(level);
  options.cross_attention_dim = o.cross_attention_dim;
  options.groups = o.norm_num_groups;
  options.layers = o.transformer_layers_per_block.at(level);
  options.linear_projection = o.linear_projection;
  options.first_layer = next_layer;
  options.tensors = o.tensors;
  next_layer += options.layers;
  return Transformer2DModel(options);
}

template <class Module>
torch::nn::ModuleList list_of(const std::vector<Module>& modules) {
  torch::nn::ModuleList list;
  for (const auto& module : modules) list->push_back(module);
  return list;
}

// A resnet and, where there is one, the transformer after it. Works on aliases of x and tokens: the gradients of their
// several uses in here are added up first, as they are where a segment is recomputed, so that both give the same bits.
at::Tensor run_layer(const ResnetBlock2D& resnet, const Transformer2DModel& transformer, const at::Tensor& x,
                     const at::Tensor& embedding, const at::Tensor& tokens, ViewContext& context) {
  // Holders are handles: their forward is not const.
  ResnetBlock2D first = resnet;
  Transformer2DModel second = transformer;
  const at::Tensor hidden = first->forward(at::alias(x), embedding);
  return second.is_empty() ? hidden : second->forward(hidden, at::alias(tokens), context);
}

// The same as a segment that owns all it needs: the references' keys and values are its inputs in the targets' pass and
// its outputs, before the result, in theirs.
at::Tensor recompute_layer(const ResnetBlock2D& resnet, const Transformer2DModel& transformer, const at::Tensor& x,
                           const at::Tensor& embedding, const at::Tensor& tokens, ViewContext& context) {
  std::vector<at::Tensor> inputs = {x, embedding, tokens}, parameters = resnet->parameters();
  const std::size_t first = transformer.is_empty() ? 0 : transformer->first_layer();
  const std::size_t end = transformer.is_empty() ? 0 : first + transformer->layers();
  if (!transformer.is_empty()) {
    for (const at::Tensor& parameter : transformer->parameters()) parameters.push_back(parameter);
  }
  for (std::size_t layer = first; context.pass == ViewPass::targets && layer < end; ++layer) {
    const auto& reference = context.cache->layers.at(layer);
    if (!reference.key.defined()) continue;  // no references at all
    inputs.push_back(reference.key);
    inputs.push_back(reference.value);
  }
  const bool last = context.pass == ViewPass::references && first <= static_cast<std::size_t>(context.last_layer) &&
                    static_cast<std::size_t>(context.last_layer) < end;
  const auto layout = std::make_shared<const ViewLayout>(*context.layout);
  const Segment segment = [=, own = context](const std::vector<at::Tensor>& given) {
    ReferenceCache record, cache;
    ViewContext local = own;
    local.layout = layout.get();
    local.record = &record;
    local.cache = &cache;
    cache.layers.resize(end);
    for (std::size_t i = 3; i < given.size(); i += 2) cache.layers[first + (i - 3) / 2] = {given[i], given[i + 1]};
    const at::Tensor result = run_layer(resnet, transformer, given[0], given[1], given[2], local);
    std::vector<at::Tensor> outputs;
    for (const auto& layer : record.layers) outputs.insert(outputs.end(), {layer.key, layer.value});
    if (!local.finished) outputs.push_back(result);
    return outputs;
  };
  const std::vector<at::Tensor> outputs = recomputed(segment, inputs, parameters);
  for (std::size_t i = 0; i + 1 < outputs.size(); i += 2)
    context.record->layers.push_back({outputs[i], outputs[i + 1]});
  context.finished = last;
  return last ? at::Tensor() : outputs.back();
}

at::Tensor layer(const ResnetBlock2D& resnet, const Transformer2DModel& transformer, const at::Tensor& x,
                 const at::Tensor& embedding, const at::Tensor& tokens, ViewContext& context) {
  return (context.recompute ? recompute_layer : run_layer)(resnet, transformer, x, embedding, tokens, context);
}

const Transformer2DModel& nth_or_none(const std::vector<Transformer2DModel>& transformers, std::size_t i) {
  static const Transformer2DModel kNone{nullptr};
  return transformers.empty() ? kNone : transformers[i];
}

}  // namespace

DownBlockImpl::DownBlockImpl(const UNetBlockOptions& block, const UNetOptions& o, std::int64_t& next_layer) {
  for (std::int64_t in : block.in_channels) {
    resnets_.push_back(make_resnet(in, block.out_channels, o));
    if (block.attention) attentions_.push_back(make_transformer(block.level, o, next_layer));
  }
  if (block.attention) register_module("attentions", list_of(attentions_));
  register_module("resnets", list_of(resnets_));
  if (block.resample) {
    downsampler_ = Downsample2D(block.out_channels, o.tensors);
    register_module("downsamplers", list_of(std::vector{downsampler_}));
  }
}

at::Tensor DownBlockImpl::forward(at::Tensor x, const at::Tensor& embedding, const at::Tensor& tokens,
                                  ViewContext& context, std::vector<at::Tensor>& skips) {
  for (std::size_t i = 0; i < resnets_.size(); ++i) {
    x = layer(resnets_[i], nth_or_none(attentions_, i), x, embedding, tokens, context);
    if (context.finished) return {};
    skips.push_back(x);
  }
  if (!downsampler_.is_empty()) {
    x = downsampler_->forward(x);
    skips.push_back(x);
  }
  return x;
}

MidBlockImpl::MidBlockImpl(const UNetOptions& o, std::int64_t& next_layer) {
  const std::int64_t width = o.block_out_channels.back();
  first_ = make_resnet(width, width, o);
  second_ = make_resnet(width, width, o);
  attention_ = make_transformer(o.block_out_channels.size() - 1, o, next_layer);
  register_module("attentions", list_of(std::vector{attention_}));
  register_module("resnets", list_of(std::vector{first_, second_}));
}

at::Tensor MidBlockImpl::forward(at::Tensor x, const at::Tensor& embedding, const at::Tensor& tokens,
                                 ViewContext& context) {
  x = layer(first_, attention_, x, embedding, tokens, context);
  if (context.finished) return {};
  return layer(second_, Transformer2DModel{nullptr}, x, embedding, tokens, context);
}

UpBlockImpl::UpBlockImpl(const UNetBlockOptions& block, const UNetOptions& o, std::int64_t& next_layer) {
  for (std::int64_t in : block.in_channels) {
    resnets_.push_back(make_resnet(in, block.out_channels, o));
    if (block.attention) attentions_.push_back(make_transformer(block.level, o, next_layer));
  }
  if (block.attention) register_module("attentions", list_of(attentions_));
  register_module("resnets", list_of(resnets_));
  if (block.resample) {
    upsampler_ = Upsample2D(block.out_channels, o.tensors);
    register_module("upsamplers", list_of(std::vector{upsampler_}));
  }
}

at::Tensor UpBlockImpl::forward(at::Tensor x, const at::Tensor& embedding, const at::Tensor& tokens,
                                ViewContext& context, std::vector<at::Tensor>& skips) {
  for (std::size_t i = 0; i < resnets_.size(); ++i) {
    x = layer(resnets_[i], nth_or_none(attentions_, i), at::cat({x, skips.back()}, 1), embedding, tokens, context);
    skips.pop_back();
    if (context.finished) return {};
  }
  // To the size of the next skip: twice this one, or one less where halving rounded up.
  if (!upsampler_.is_empty()) x = upsampler_->forward(x, skips.back().size(2), skips.back().size(3));
  return x;
}

UNetImpl::UNetImpl(const UNetOptions& o)
    : time_channels_(o.block_out_channels.front()), size_channels_(o.size_embedding_dim) {
  const auto& widths = o.block_out_channels;
  const std::size_t levels = widths.size();
  conv_in_ = register_module("conv_in", Conv2d(o.in_channels, widths.front(), 3, 1, o.tensors));
  time_embedding_ = register_module("time_embedding", EmbeddingMlp(time_channels_, 4 * time_channels_, o.tensors));
  if (size_channels_ > 0) {
    add_embedding_ = register_module(
        "add_embedding", EmbeddingMlp(o.pooled_text_dim + 6 * size_channels_, 4 * time_channels_, o.tensors));
  }

  std::vector<std::int64_t> skip_channels = {widths.front()};
  for (std::size_t level = 0; level < levels; ++level) {
    UNetBlockOptions block;
    block.in_channels.assign(static_cast<std::size_t>(o.layers_per_block), widths[level]);
    block.in_channels.front() = level == 0 ? widths.front() : widths[level - 1];
    block.out_channels = widths[level];
    block.attention = o.attention_levels[level] != 0;
    block.resample = level + 1 < levels;
    block.level = level;
    down_.emplace_back(block, o, layers_);
    skip_channels.insert(skip_channels.end(), block.in_channels.size() + (block.resample ? 1 : 0), widths[level]);
  }
  register_module("down_blocks", list_of(down_));
  mid_ = register_module("mid_block", MidBlock(o, layers_));

  std::int64_t channels = widths.back();
  for (std::size_t level = levels; level-- > 0;) {
    UNetBlockOptions block;
    for (std::int64_t i = 0; i <= o.layers_per_block; ++i) {
      block.in_channels.push_back(channels + skip_channels.back());
      skip_channels.pop_back();
      channels = widths[level];
    }
    block.out_channels = widths[level];
    block.attention = o.attention_levels[level] != 0;
    block.resample = level > 0;
    block.level = level;
    up_.emplace_back(block, o, layers_);
  }
  register_module("up_blocks", list_of(up_));
  conv_norm_out_ = register_module("conv_norm_out", GroupNorm(o.norm_num_groups, widths.front(), 1e-5, o.tensors));
  conv_out_ = register_module("conv_out", Conv2d(widths.front(), o.out_channels, 3, 1, o.tensors));
}

at::Tensor UNetImpl::embed_time(const at::Tensor& t) {
  return time_embedding_->forward(sinusoidal_embedding(t, time_channels_).to(conv_in_->weight.scalar_type()));
}

at::Tensor UNetImpl::embed_sizes(const at::Tensor& sizes, const at::Tensor& pooled_text) {
  const at::Tensor waves = sinusoidal_embedding(sizes.flatten(), size_channels_).view({sizes.size(0), -1});
  return add_embedding_->forward(at::cat({pooled_text, waves}, 1).to(conv_in_->weight.scalar_type()));
}

at::Tensor UNetImpl::forward(const at::Tensor& x, const at::Tensor& embedding, const at::Tensor& tokens,
                             ViewContext& context) {
  const at::Tensor activated = at::silu(embedding);  // what every resnet does to it first
  at::Tensor hidden = conv_in_->forward(x);
  std::vector<at::Tensor> skips = {hidden};
  for (auto& block : down_) {
    hidden = block->forward(hidden, activated, tokens, context, skips);
    if (context.finished) return {};
  }
  hidden = mid_->forward(hidden, activated, tokens, context);
  if (context.finished) return {};
  for (auto& block : up_) {
    hidden = block->forward(hidden, activated, tokens, context, skips);
    if (context.finished) return {};
  }
  return conv_out_->forward(at::silu(conv_norm_out_->forward(hidden)));
}

}  // namespace spinfill

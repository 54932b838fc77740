// SPDX-License-Identifier: Apache-2.0
#include "train/step/weight_shards.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include "core/error.h"

namespace spinfill {

WeightShards::WeightShards(Ranks& ranks, std::vector<NamedParameter> parameters, std::int64_t bucket_bytes)
    : ranks_(ranks), parameters_(std::move(parameters)) {
  const at::NoGradGuard no_grad;
  if (parameters_.empty()) fail("there are no weights to share among processes");
  const auto options = parameters_.front().tensor.options().requires_grad(false);
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor& tensor = parameters_[i].tensor;
    const bool full =
        !buckets_.empty() && (buckets_.back().size + tensor.numel()) * tensor.element_size() > bucket_bytes;
    if (buckets_.empty() || full) buckets_.emplace_back();
    buckets_.back().members.push_back({i, buckets_.back().size});
    buckets_.back().size += tensor.numel();
  }
  for (std::size_t b = 0; b < buckets_.size(); ++b) {
    Bucket& bucket = buckets_[b];
    const std::int64_t slice = (bucket.size + ranks.world() - 1) / ranks.world(), begin = slice * ranks.rank();
    bucket.size = slice * ranks.world();
    bucket.weights = at::zeros({slice}, options);
    for (const auto& [parameter, first] : bucket.members) {
      const std::int64_t from = std::max(first, begin);
      const std::int64_t to = std::min(first + parameters_[parameter].tensor.numel(), begin + slice);
      if (from >= to) continue;
      pieces_.push_back({b, parameter, from - first, from - begin, bucket.weights.narrow(0, from - begin, to - from)});
    }
  }
  read_weights();
}

std::vector<NamedParameter> WeightShards::pieces() const {
  std::vector<NamedParameter> list;
  for (const Piece& piece : pieces_)
    list.push_back({parameters_[piece.parameter].name, piece.weights, parameters_[piece.parameter].decays});
  return list;
}

// `tensors` has one per parameter; an undefined one counts as zero.
at::Tensor WeightShards::flat(const Bucket& bucket, const std::vector<at::Tensor>& tensors) const {
  at::Tensor whole = at::zeros({bucket.size}, bucket.weights.options());
  for (const auto& [parameter, first] : bucket.members) {
    const at::Tensor& tensor = tensors[parameter];
    if (tensor.defined()) whole.narrow(0, first, tensor.numel()).view(tensor.sizes()).copy_(tensor);
  }
  return whole;
}

void WeightShards::take_gradients() {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> gradients;
  for (const NamedParameter& parameter : parameters_) gradients.push_back(parameter.tensor.grad());
  for (Bucket& bucket : buckets_) {
    const at::Tensor whole = flat(bucket, gradients);
    for (const auto& [parameter, first] : bucket.members) {
      gradients[parameter].reset();
      parameters_[parameter].tensor.mutable_grad().reset();
    }
    bucket.gradients = at::empty_like(bucket.weights);
    ranks_.sum_slices(whole, bucket.gradients);
  }
  for (Piece& piece : pieces_)
    piece.weights.mutable_grad() = buckets_[piece.bucket].gradients.narrow(0, piece.in_slice, piece.weights.numel());
}

void WeightShards::publish() {
  const at::NoGradGuard no_grad;
  for (Bucket& bucket : buckets_) {
    const at::Tensor whole = at::empty({bucket.size}, bucket.weights.options());
    ranks_.join_slices(bucket.weights, whole);
    for (const auto& [parameter, first] : bucket.members) {
      const at::Tensor& tensor = parameters_[parameter].tensor;
      tensor.detach().copy_(whole.narrow(0, first, tensor.numel()).view(tensor.sizes()));
    }
    bucket.gradients.reset();
  }
  for (Piece& piece : pieces_) piece.weights.mutable_grad().reset();
}

void WeightShards::read_weights() {
  const at::NoGradGuard no_grad;
  for (Piece& piece : pieces_) {
    const at::Tensor whole = parameters_[piece.parameter].tensor.detach().reshape({-1});
    piece.weights.copy_(whole.narrow(0, piece.begin, piece.weights.numel()));
  }
}

PieceMap WeightShards::named(const std::string& prefix, const std::vector<at::Tensor>& values) const {
  PieceMap map;
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    const NamedParameter& parameter = parameters_[pieces_[i].parameter];
    const bool scalar = values[i].dim() == 0;  // like the step count that every piece has
    map[prefix + parameter.name] = {values[i].reshape({-1}), scalar ? 0 : pieces_[i].begin,
                                    scalar ? std::vector<std::int64_t>() : parameter.tensor.sizes().vec()};
  }
  return map;
}

void WeightShards::spread(const TensorMap& of_first, const std::string& prefix, const std::vector<at::Tensor>& values) {
  const at::NoGradGuard no_grad;
  const bool scalar = !values.empty() && values.front().dim() == 0;
  // What is missing fails on the first rank, and so on all, before anything is sent.
  for (const NamedParameter& parameter : parameters_) {
    if (!ranks_.first()) break;
    const auto found = of_first.find(prefix + parameter.name);
    if (found == of_first.end()) fail("checkpoint: '{}{}' is missing", prefix, parameter.name);
    if (found->second.numel() != (scalar ? 1 : parameter.tensor.numel()))
      fail("checkpoint: '{}{}' has another shape", prefix, parameter.name);
  }
  std::size_t next = 0;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor& like = parameters_[i].tensor;
    at::Tensor whole = at::empty({scalar ? 1 : like.numel()}, like.options().requires_grad(false));
    if (ranks_.first()) whole.copy_(of_first.at(prefix + parameters_[i].name).reshape({-1}));
    ranks_.copy_from_first({whole});
    for (; next < pieces_.size() && pieces_[next].parameter == i; ++next)
      values[next].copy_(scalar ? whole[0] : whole.narrow(0, pieces_[next].begin, values[next].numel()));
  }
}

TensorMap WeightShards::gather(const std::vector<at::Tensor>& values) {
  const at::NoGradGuard no_grad;
  TensorMap wholes;
  for (std::size_t b = 0; b < buckets_.size(); ++b) {
    const Bucket& bucket = buckets_[b];
    const at::Tensor slice = at::zeros_like(bucket.weights), whole = at::empty({bucket.size}, slice.options());
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      if (pieces_[i].bucket == b) slice.narrow(0, pieces_[i].in_slice, values[i].numel()).copy_(values[i]);
    }
    ranks_.join_slices(slice, whole);
    for (const auto& [parameter, first] : bucket.members) {
      const at::Tensor& tensor = parameters_[parameter].tensor;
      wholes[parameters_[parameter].name] = whole.narrow(0, first, tensor.numel()).view(tensor.sizes());
    }
  }
  return wholes;
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/tensors/pieces.h"
#include "core/tensors/safetensors.h"
#include "train/ranks/ranks.h"
#include "train/step/optimizer.h"

namespace spinfill {

// ZeRO stage 1 (Rajbhandari et al., "ZeRO: memory optimizations toward training trillion parameter models", SC 2020,
// §5.1): every rank holds all weights, but the optimiser's moments and the averaged weights only of its own pieces,
// 1/W of all. Parameters lie in buckets one after the other, each bucket is cut into W equal slices, and a piece is
// what a slice holds of one parameter. A step gives what an unsharded one gives, up to rounding.
class WeightShards {
 public:
  // Buckets of at most bucket_bytes, or of one larger parameter.
  WeightShards(Ranks& ranks, std::vector<NamedParameter> parameters, std::int64_t bucket_bytes = kBucketBytes);

  // This rank's pieces of the weights, [n] each, for the optimiser.
  std::vector<NamedParameter> pieces() const;

  // The pieces' gradients become the sums over all ranks; the parameters' own are released.
  void take_gradients();
  // Copies the pieces into the weights of all ranks.
  void publish();
  // Copies the weights into the pieces.
  void read_weights();

  // Between values of the pieces, such as moments, and the whole tensors they are parts of:
  PieceMap named(const std::string& prefix, const std::vector<at::Tensor>& values) const;
  // From the first rank's whole tensors, named prefix + parameter name, to every rank's values.
  void spread(const TensorMap& of_first, const std::string& prefix, const std::vector<at::Tensor>& values);
  // The whole tensors, on every rank, by the parameters' names.
  TensorMap gather(const std::vector<at::Tensor>& values);

 private:
  struct Member {
    std::size_t parameter;  // index
    std::int64_t first;     // in the bucket
  };
  struct Bucket {
    std::vector<Member> members;
    std::int64_t size = 0;          // of its parameters, rounded up to a multiple of W
    at::Tensor weights, gradients;  // [size/W], this rank's slice
  };
  struct Piece {
    std::size_t bucket, parameter;
    std::int64_t begin;     // in the parameter
    std::int64_t in_slice;  // in this rank's slice
    at::Tensor weights;     // view of the slice
  };
  at::Tensor flat(const Bucket& bucket, const std::vector<at::Tensor>& tensors) const;
  Ranks& ranks_;
  std::vector<NamedParameter> parameters_;
  std::vector<Bucket> buckets_;
  std::vector<Piece> pieces_;
};

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "model/autoencoder/network.h"

#include <ATen/ATen.h>

#include "core/error.h"
#include "model/autoencoder/tiles.h"

namespace spinfill {
namespace {

at::Tensor through(const Steps& steps, const at::Tensor& maps, std::int64_t tile) {
  if (tile == 0) return run_whole(steps, maps);
  std::vector<at::Tensor> each;
  for (const at::Tensor& map : maps.split(1)) each.push_back(run_tiled(steps, map, tile));
  return each.size() == 1 ? each.front() : at::cat(each);
}

}  // namespace

at::Tensor AutoencoderNetwork::encode(const at::Tensor& pictures, std::int64_t tile) const {
  return (latents_of(through(encoder_steps_, pictures, tile)) - architecture_.shift_factor) *
         architecture_.scaling_factor;
}

at::Tensor AutoencoderNetwork::decode(const at::Tensor& latents, std::int64_t tile) const {
  return through(decoder_steps_, latents / architecture_.scaling_factor + architecture_.shift_factor, tile);
}

std::shared_ptr<AutoencoderNetwork> make_network(const AutoencoderArchitecture& a, const at::TensorOptions& tensors) {
  if (a.kind == AutoencoderKind::tiny) return std::make_shared<AutoencoderTiny>(a, tensors);
  if (a.kind == AutoencoderKind::kl) return std::make_shared<AutoencoderKL>(a, tensors);
  fail("the autoencoder '{}' has no network", name_of(a.kind));
}

}  // namespace spinfill

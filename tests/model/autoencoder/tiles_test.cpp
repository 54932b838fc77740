// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "core/tensors/counted_memory.h"
#include "model/autoencoder/autoencoder.h"
#include "model/autoencoder/network.h"
#include "model/filling.h"
#include "model/tiny.h"
#include "support/support.h"

namespace spinfill {
namespace {

AutoencoderArchitecture kl_of(std::vector<std::int64_t> widths) {
  AutoencoderArchitecture a = standard_architecture(AutoencoderKind::kl, 4);
  a.block_out_channels = std::move(widths);
  a.norm_num_groups = 4;
  return a;
}

std::shared_ptr<AutoencoderNetwork> filled(const AutoencoderArchitecture& a, at::ScalarType dtype = at::kFloat) {
  auto network = make_network(a, at::TensorOptions().dtype(dtype));
  test::prepare(*network);
  return network;
}

// In tiles of several sizes: smaller than what a result depends on, one that does not divide the picture, one larger.
// In float64, where nothing but a seam is seen.
void expect_seamless(const AutoencoderArchitecture& a, at::IntArrayRef size) {
  const at::NoGradGuard no_grad;
  const auto network = filled(a, at::kDouble);
  const at::Tensor pictures = (test::random_uniform(size, 5) * 2 - 1).to(at::kDouble);
  const at::Tensor latents = network->encode(pictures), decoded = network->decode(latents);
  for (const std::int64_t tile : {8, 40, 1024}) {
    const double scale = latents.abs().max().item<double>(), light = decoded.abs().max().item<double>();
    EXPECT_LT(test::max_difference(network->encode(pictures, tile), latents), 1e-10 * scale) << tile;
    EXPECT_LT(test::max_difference(network->decode(latents, tile), decoded), 1e-10 * light) << tile;
  }
}

TEST(Tiles, TinyIsSeamless) {
  AutoencoderArchitecture a = standard_architecture(AutoencoderKind::tiny, 4);
  a.block_out_channels = {8, 8, 8, 8};
  expect_seamless(a, {2, 3, 64, 88});
}

TEST(Tiles, KlIsSeamlessWithNormsAndAttentionOverTheWholePicture) {
  expect_seamless(kl_of({8, 12, 16, 16}), {1, 3, 48, 64});
}

// The norms and the attention are what makes naive tiles differ.
TEST(Tiles, KlComputedTileByTileAloneWouldDiffer) {
  const at::NoGradGuard no_grad;
  const auto network = filled(kl_of({8, 12, 16, 16}));
  const at::Tensor latents = test::random_normal({1, 4, 8, 8}, 3);
  const at::Tensor whole = network->decode(latents), left = network->decode(latents.narrow(3, 0, 6));
  EXPECT_GT(test::max_difference(whole.narrow(3, 0, 8), left.narrow(3, 0, 8)), 1e-3);
}

TEST(Tiles, RealTaesdIsSeamless) {
  SPINFILL_NEEDS_REAL_DATA();
  const at::NoGradGuard no_grad;
  const LatentAutoencoder taesd(read_autoencoder(test::real_data() / "taesd"));
  const at::Tensor picture = test::random_uniform({1, 3, 160, 208}, 5) * 2 - 1;
  const at::Tensor latents = taesd.encode(picture), decoded = taesd.decode(latents);
  EXPECT_LT(test::max_difference(taesd.encode(picture, 64), latents), 1e-4);
  EXPECT_LT(test::max_difference(taesd.decode(latents, 64), decoded), 1e-4);
}

std::int64_t peak_bytes_of(const std::function<void()>& function) {
  CountedMemory memory(at::kCPU);
  const std::int64_t before = memory.held();
  function();
  return memory.peak() - before;
}

// Of Stable Diffusion's proportions (channels 1, 2, 4, 4), its decoder's widest map has 2·128 channels at the picture's
// size. In tiles at most a quarter of that is held for the input and again for the output of a stretch; the tiles
// themselves do not grow with the picture.
TEST(Tiles, MemoryIsBounded) {
  const at::NoGradGuard no_grad;
  const auto network = filled(kl_of({8, 16, 32, 32}));
  const at::Tensor latents = test::random_normal({1, 4, 48, 48}, 3);
  const std::int64_t widest = 16 * 384 * 384 * 4;
  const std::int64_t whole = peak_bytes_of([&] { network->decode(latents); });
  const std::int64_t tiled = peak_bytes_of([&] { network->decode(latents, 64); });
  EXPECT_GT(whole, 2 * widest);
  EXPECT_LT(tiled, 0.75 * widest);
  const at::Tensor pictures = test::random_uniform({1, 3, 384, 384}, 3);
  const std::int64_t encoded = peak_bytes_of([&] { network->encode(pictures, 64); });
  EXPECT_LT(encoded, 0.75 * widest);
  EXPECT_GT(peak_bytes_of([&] { network->encode(pictures); }), 2 * encoded);
}

}  // namespace
}  // namespace spinfill

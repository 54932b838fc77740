// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>

#include <opencv2/core.hpp>

#include "model/autoencoder/autoencoder.h"

namespace spinfill {

// A picture through an autoencoder and back: what it alone loses.
struct RoundTripOptions {
  std::array<double, 3> background = {1, 1, 1};  // sRGB in [0,1]: autoencoders know no alpha
  std::int64_t tile = -1;  // px; 0: whole; −1: whole up to kWholePixels, else tiles of kUsualTile
};
inline constexpr std::int64_t kWholePixels = 1024 * 1024, kUsualTile = 512;

struct RoundTrip {
  cv::Mat rgb;               // 8 bits, of the picture's size, on the background
  double latent_mean = 0;    // of its latents' values …
  double latent_square = 0;  // … and of their squares
  double seconds = 0;        // encoding and decoding
  bool tiled = false;
};

// The picture is composited on the background; sides that are no multiples of the autoencoder's factor are padded by
// their last row and column, and what comes back is cropped. `device` is where the autoencoder is. Errors (exit 3): a
// picture that cannot be read.
RoundTrip round_trip(const std::filesystem::path& picture, const LatentAutoencoder& autoencoder, at::Device device,
                     const RoundTripOptions& options);

}  // namespace spinfill

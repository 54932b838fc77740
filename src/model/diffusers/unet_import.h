// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/config/named.h"
#include "core/tensors/safetensors.h"
#include "model/config.h"
#include "model/diffusers/unet_source.h"

namespace spinfill {

enum class KeyFate { loaded, widened, made_new, left_over };
template <>
inline constexpr Named<KeyFate> kNamesOf<KeyFate>[] = {{KeyFate::loaded, "loaded"},
                                                       {KeyFate::widened, "widened"},
                                                       {KeyFate::made_new, "new"},
                                                       {KeyFate::left_over, "left over"}};

// What became of one key.
struct ImportedKey {
  std::string name;  // of this program's parameter; of one that is left over: in its file
  KeyFate fate;
  std::string source;  // its name in the file
  std::vector<std::int64_t> shape, source_shape;
  std::string note;
};

struct ImportedWeights {
  TensorMap state;  // every parameter of the denoiser, float32
  std::vector<ImportedKey> keys;
};

// Weights of a whole denoiser of `config` that begins as the source's UNet does. Input channels that the source lacks
// are zero, output channels zero as in a new model: the first output channels are the source's output for the same
// latents, noise embedding and tokens, whatever the further inputs hold. What the source has nothing for is drawn from
// `seed` as in a new model (model/denoiser/initialise.h). new_ends: conv_in and conv_out are new, for latents of
// another kind. Errors (exit 2): the structures differ, with the keys of `config` that would fit; exit 3: missing,
// unexpected, mis-shaped or non-finite tensors.
ImportedWeights import_unet(const UNetSource& source, const ModelConfig& config, std::uint64_t seed,
                            bool new_ends = false);

// The section `model` for a source, as YAML: the sizes that fit it.
std::string fitting_config(const UNetSource& source);

}  // namespace spinfill

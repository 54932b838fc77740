// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "data/batches/batch.h"
#include "data/priors/surface_warp.h"
#include "model/autoencoder/autoencoder.h"
#include "model/config.h"
#include "model/network/view_layout.h"

namespace spinfill {

// Which samples lose which condition: [B] bool on any device, undefined: none.
struct ConditionDrop {
  at::Tensor identity, references, priors, normals;  // normals: of references
};

// Drawn per sample from (seed, global sample index, Stream::dropout).
ConditionDrop draw_condition_drop(const DropoutConfig& config, const std::vector<std::int64_t>& samples,
                                  std::uint64_t seed);
// All conditions of all samples: the unconditional branch of classifier-free guidance (rays stay).
ConditionDrop drop_everything(std::int64_t samples);

// What the processor decides before anything is computed on a batch. Its tensors are on the model's device.
struct Arrangement {
  ViewLayout layout;
  ConditionDrop drop;
  at::Tensor category_rows;  // [B] int64: of the category embedding; 0 unknown
};

// All that the network is told about a batch, in the order of `layout`. Holds nothing of the targets' pictures and
// normals. S channels are generated: C, or with model.normals 2C, the normals' after the picture's; then a second mask
// says whether a reference's normals are known.
struct Conditioning {
  ViewLayout layout;
  at::Tensor reference_input;  // [ΣR,Cin,h,w] clean latents, masks, rays, priors, prior image's latents
  at::Tensor target_input;     // [ΣT,Cin−S,h,w] the same without latents
  at::Tensor base;  // [ΣT,S,h,w] latents of the best prior image and of the hull's normals, 0 where priors are dropped
                    // (undefined where no prior image is corrected)
  at::Tensor scale;  // [ΣT] s of D = base + s·g·F; σ_data where priors are dropped (undefined where no prior image is
                     // corrected)
  at::Tensor blend;  // [ΣT,2,S,h,w] background − base and other prior image − base; normals: none − base, 0 (undefined
                     // unless config.blend)
  at::Tensor gate;  // [ΣT,S or 1,h,w] in [0,1]: where F acts, 1 where priors are dropped (undefined where no prior
                    // image is corrected)
  std::shared_ptr<const SurfaceWarp> surface;  // of the targets, with OutputForm::sources
  at::Tensor shown;                            // [ΣT] 1, or 0 where priors are dropped, with OutputForm::sources
  at::Tensor reference_embedding;              // [ΣR,E] "clean" noise embedding + cue
  at::Tensor target_embedding;                 // [ΣT,E] cue
  at::Tensor reference_tokens;                 // [ΣR,T,D] condition tokens for cross-attention
  at::Tensor target_tokens;                    // [ΣT,T,D]
};

// The rays of every view in the vehicle frame at latent resolution, [B,V,ModelConfig::ray_channels(),h,w] float32:
// r = [d ; o×d] (Sitzmann et al. 2021, eq. 2) or [o ; d], o in vehicle lengths; then sin(2^l·π·r), cos(2^l·π·r) for l =
// 0 … L − 1 (Mildenhall et al. 2020, eq. 4).
at::Tensor view_rays(const Batch& batch, std::int64_t latent_height, std::int64_t latent_width,
                     const ModelConfig& config);

// The prior maps, and after them the hull's normals in the camera's frame, where the studio's light stands still:
// [B,V,ModelConfig::kPriorChannels,H,W].
at::Tensor prior_channels(const Batch& batch);

// Latents of the views in `rows` of the batch's pictures: [N,C,h,w].
at::Tensor view_latents(const Batch& batch, const at::Tensor& rows, const Autoencoder& autoencoder);

// Latents of normals [N,3,H,W] in [−1,1], encoded as a picture whose grey is no surface: [N,C,h,w].
at::Tensor normal_latents(const at::Tensor& normals, const Autoencoder& autoencoder);

// What a clean view is of the views in `rows`: the picture's latents, with model.normals those of their normals after
// them, [N,S,h,w]. Errors: the batch has no normals.
at::Tensor clean_latents(const Batch& batch, const at::Tensor& rows, const ModelConfig& config,
                         const Autoencoder& autoencoder);

}  // namespace spinfill

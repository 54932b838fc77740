// SPDX-License-Identifier: Apache-2.0
#include "model/denoiser/batch_conditioning.h"

#include <ATen/ATen.h>

#include <cmath>

#include "core/error.h"
#include "data/priors/prior_image.h"
#include "model/device.h"

namespace spinfill {
namespace {

at::Tensor per_row(const at::Tensor& values) {
  return values.view({-1, 1, 1, 1});
}

// [B] spread to rows; undefined when nothing is dropped.
at::Tensor dropped_rows(const at::Tensor& drop, const at::Tensor& samples) {
  if (!drop.defined()) return {};
  return drop.index_select(0, samples);
}

// On a processor maps that nothing is dropped of are not copied.
at::Tensor without(const at::Tensor& maps, const at::Tensor& dropped) {
  if (dropped.defined() && dropped.is_cpu() && !dropped.any().item<bool>()) return maps;
  return dropped.defined() ? maps.masked_fill(per_row(dropped), 0) : maps;
}

// Where the network may correct the prior image: the silhouette [N,1,H,W] widened and softened, as weights of latents.
at::Tensor residual_gate(const at::Tensor& silhouette, const ModelConfig& config, const Autoencoder& autoencoder) {
  if (config.residual_margin >= 1) return at::ones({silhouette.size(0), 1, 1, 1}, silhouette.options());
  const auto margin =
      static_cast<std::int64_t>(std::ceil(config.residual_margin * static_cast<double>(silhouette.size(3))));
  const std::int64_t side = 2 * margin + 1;
  // The largest of a square is the largest of its rows' largest.
  const at::Tensor rows = at::max_pool2d(silhouette, {1, side}, {1, 1}, {0, margin});
  const at::Tensor wide = at::max_pool2d(rows, {side, 1}, {1, 1}, {margin, 0});
  return autoencoder.pixel_weights(at::avg_pool2d(wide, {3, 3}, {1, 1}, {1, 1}, false, /*count_include_pad=*/false));
}

// The conditions of one batch, made piece by piece.
class BatchConditions {
 public:
  BatchConditions(const Batch& batch, const Arrangement& arrangement, const ModelConfig& config,
                  const Autoencoder& autoencoder)
      : batch_(batch),
        layout_(arrangement.layout),
        drop_(arrangement.drop),
        config_(config),
        autoencoder_(autoencoder),
        residual_(config.corrects_prior()),
        height_(batch.colour.size(-2) / autoencoder.factor()),
        width_(batch.colour.size(-1) / autoencoder.factor()) {
    if (config_.use_rays) rays_ = view_rays(batch_, height_, width_, config_);
    if (config_.use_priors) priors_ = prior_channels(batch_);
    if (residual_) {
      image_ = prior_image(batch_.priors, batch_.background);
      other_ = flipped_or(batch_.priors, image_);
      if (config_.prior_image == PriorImage::mirror_or_prior) std::swap(image_, other_);
    }
  }

  // [ΣR,Cin,h,w]
  at::Tensor reference_input(ConditionerImpl& learned) const {
    at::Tensor unseen = dropped_rows(drop_.references, layout_.reference_samples);
    if (!unseen.defined()) unseen = at::zeros({layout_.references}, batch_.colour.options().dtype(at::kBool));
    std::vector<at::Tensor> latents = {
        learned.reference_latents(view_latents(batch_, layout_.reference_rows, autoencoder_), unseen)};
    at::Tensor seen = per_row(1 - unseen.to(at::kFloat)).expand({layout_.references, 1, height_, width_});
    if (config_.normals) {
      const at::Tensor given = without(given_normals(), unseen);
      const at::Tensor normals = batch_.normals.defined()
                                     ? take_views(batch_.normals, layout_.reference_rows)
                                     : at::zeros_like(take_views(batch_.colour, layout_.reference_rows));
      latents.push_back(normal_latents(normals, autoencoder_) * given);
      seen = at::cat({seen, given.expand_as(seen)}, 1);
    }
    const std::vector<at::Tensor> maps = maps_of(layout_.reference_rows, layout_.reference_samples, seen,
                                                 base_of(layout_.reference_rows, layout_.reference_samples));
    latents.insert(latents.end(), maps.begin(), maps.end());
    return at::cat(latents, 1);
  }

  // [ΣT,S,h,w], undefined where no prior image is corrected.
  at::Tensor base() const { return base_of(layout_.target_rows, layout_.target_samples); }

  // [ΣT,Cin−S,h,w]
  at::Tensor target_input(const at::Tensor& base) const {
    const at::Tensor mask =
        at::zeros({layout_.targets, config_.normals ? 2 : 1, height_, width_}, batch_.colour.options());
    return at::cat(maps_of(layout_.target_rows, layout_.target_samples, mask, base), 1);
  }

  // Adds scale, blend and gate to c.base.
  void add_output_parts(Conditioning& c) const {
    c.scale = at::full({layout_.targets}, config_.residual_scale, c.base.options());
    const at::Tensor dropped = dropped_rows(drop_.priors, layout_.target_samples);
    if (config_.output == OutputForm::sources) {
      c.surface = std::make_shared<const SurfaceWarp>(batch_.prior_inputs(), batch_.priors, layout_.target_rows);
      c.shown =
          dropped.defined() ? 1 - dropped.to(c.base.scalar_type()) : at::ones({layout_.targets}, c.base.options());
    } else if (config_.blend) {
      const auto beside_base = [&](const at::Tensor& latents) { return without(latents - c.base, dropped); };
      const at::Tensor other = autoencoder_.encode(take_views(other_, layout_.target_rows) * 2 - 1);
      if (config_.normals) {
        // Nothing tells the flipped view's normals: there the hull's stay.
        const at::Tensor hull = c.base.narrow(1, other.size(1), other.size(1));
        const at::Tensor none = normal_latents(at::zeros_like(take_views(image_, layout_.target_rows)), autoencoder_);
        c.blend = at::stack(
            {beside_base(at::cat({background_latents(), none}, 1)), beside_base(at::cat({other, hull}, 1))}, 1);
      } else {
        c.blend = at::stack({beside_base(background_latents()), beside_base(other)}, 1);
      }
    }
    if (dropped.defined()) c.scale.masked_fill_(dropped, config_.sigma_data);
    c.gate = residual_gate(take_views(batch_.priors.silhouette, layout_.target_rows), config_, autoencoder_);
    if (config_.normals && c.gate.size(1) > 1) c.gate = at::cat({c.gate, c.gate}, 1);
    if (dropped.defined()) c.gate = c.gate.masked_fill(per_row(dropped), 1);
  }

 private:
  // [ΣR,1,1,1]: 1 where a reference's normals are given and not dropped.
  at::Tensor given_normals() const {
    if (!batch_.normals_given.defined()) return at::zeros({layout_.references, 1, 1, 1}, batch_.colour.options());
    const at::Tensor given = batch_.normals_given.flatten().index_select(0, layout_.reference_rows);
    return without(per_row(given), dropped_rows(drop_.normals, layout_.reference_samples));
  }

  // The inputs that references and targets have in common, row by row.
  std::vector<at::Tensor> maps_of(const at::Tensor& rows, const at::Tensor& samples, const at::Tensor& mask,
                                  const at::Tensor& base) const {
    const at::Tensor dropped = dropped_rows(drop_.priors, samples);
    std::vector<at::Tensor> maps = {mask};
    if (config_.use_rays) maps.push_back(take_views(rays_, rows));
    if (config_.use_priors) {
      maps.push_back(without(space_to_depth(take_views(priors_, rows), autoencoder_.factor()), dropped));
    }
    if (residual_) maps.push_back(base);
    return maps;
  }

  // [ΣT,C,h,w], encoded once for each sample.
  at::Tensor background_latents() const {
    const at::Tensor plain = batch_.background.to(image_.scalar_type())
                                 .view({-1, 3, 1, 1})
                                 .expand({-1, 3, image_.size(-2), image_.size(-1)});
    return autoencoder_.encode_kept(plain * 2 - 1).index_select(0, layout_.target_samples);
  }

  // Latents of the prior image that is corrected, and of the hull's normals.
  at::Tensor base_of(const at::Tensor& rows, const at::Tensor& samples) const {
    if (!residual_) return {};
    at::Tensor base = autoencoder_.encode(take_views(image_, rows) * 2 - 1);
    if (config_.normals)
      base = at::cat({base, normal_latents(take_views(batch_.priors.normal, rows), autoencoder_)}, 1);
    return without(base, dropped_rows(drop_.priors, samples));
  }

  const Batch& batch_;
  const ViewLayout& layout_;
  const ConditionDrop& drop_;
  const ModelConfig& config_;
  const Autoencoder& autoencoder_;
  bool residual_;
  std::int64_t height_, width_;
  at::Tensor rays_, priors_;
  at::Tensor image_, other_;  // the two prior images: the one that is corrected and the one that can be blended in
};

}  // namespace

Arrangement arrange_batch(const Batch& batch, const ConditionDrop& drop, const ModelConfig& config,
                          const Autoencoder& autoencoder) {
  const bool residual = config.corrects_prior();
  if ((config.use_priors || residual) && !batch.priors.warped.defined()) {
    fail("the batch has no prior maps: compute them before conditioning");
  }
  const std::int64_t factor = autoencoder.factor();
  if (batch.colour.size(-2) % factor != 0 || batch.colour.size(-1) % factor != 0) {
    fail_usage("pictures of {} x {} pixels: width and height must be multiples of {} for this model",
               batch.colour.size(-1), batch.colour.size(-2), factor);
  }
  const at::Tensor category = batch.category + 1;
  if (config.use_category && category.numel() > 0 &&
      (category.min().item<std::int64_t>() < 0 || category.max().item<std::int64_t>() > config.categories)) {
    fail("category index outside -1 ... {}: this model knows {} categories: raise model.categories, or state unknown",
         config.categories - 1, config.categories);
  }
  const at::Device device = batch.colour.device();
  const auto there = [&](const at::Tensor& mask) { return mask.defined() ? sent(mask, device) : mask; };
  return {make_view_layout(batch.is_reference, batch.is_target, device),
          {there(drop.identity), there(drop.references), there(drop.priors), there(drop.normals)},
          sent(category, device)};
}

Conditioning condition_batch(const Batch& batch, const Arrangement& arrangement, const ModelConfig& config,
                             const Autoencoder& autoencoder, ConditionerImpl& learned) {
  const BatchConditions conditions(batch, arrangement, config, autoencoder);
  const ViewLayout& layout = arrangement.layout;
  Conditioning c;
  c.layout = layout;
  c.reference_input = conditions.reference_input(learned);
  c.base = conditions.base();
  c.target_input = conditions.target_input(c.base);
  if (c.base.defined()) conditions.add_output_parts(c);
  c.reference_embedding = learned.cue(batch, layout.reference_rows) + learned.clean_embedding;
  c.target_embedding = learned.cue(batch, layout.target_rows);
  const at::Tensor tokens = learned.tokens(batch, arrangement);
  c.reference_tokens = tokens.index_select(0, layout.reference_samples);
  c.target_tokens = tokens.index_select(0, layout.target_samples);
  return c;
}

}  // namespace spinfill

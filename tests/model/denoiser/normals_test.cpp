// SPDX-License-Identifier: Apache-2.0
// model.normals: a second group of latents through conditioning, loss and sampling.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <string>
#include <vector>

#include "data/priors/prior_image.h"
#include "model/cost/cost.h"
#include "model/cost/meta_kernels.h"
#include "model/denoiser/loss.h"
#include "model/denoiser/preconditioning.h"
#include "model/sampling/generate.h"
#include "model/sampling/reference_normals.h"
#include "model/sampling/target_latents.h"
#include "model/tiny.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::max_difference;
using test::random_normal;

ModelConfig with_normals(OutputForm output = OutputForm::prior_residual) {
  ModelConfig config = test::tiny_config();
  config.normals = true;
  config.output = output;
  return config;
}

// Every view has normals, references are given theirs.
Batch batch_of(const std::vector<std::string>& slots) {
  Batch batch = test::make_batch(slots);
  batch.normals = test::random_uniform(batch.colour.sizes(), 77) * 2 - 1;
  batch.normals_given = batch.is_reference.to(at::kFloat);
  return batch;
}

struct Made {
  explicit Made(const ModelConfig& config, const std::vector<std::string>& slots = {"rrrrtrrt", "t-rt---t"})
      : denoiser(config, 1), batch(batch_of(slots)) {
    test::randomise(denoiser);
  }
  // D of fixed noise.
  at::Tensor denoised(const Batch& given, const ConditionDrop& drop = {}, bool joint = false) const {
    const at::NoGradGuard no_grad;
    const Conditioning c = denoiser.condition(given, drop);
    const at::Tensor x = random_normal({c.layout.targets, 24, 8, 12}, 11);
    const at::Tensor sigma = at::exp(random_normal({c.layout.targets}, 12));
    if (joint) return denoiser.denoise_joint(x, sigma, c);
    return denoiser.denoise(x, sigma, c, denoiser.encode_references(c));
  }
  Denoiser denoiser;
  Batch batch;
};

// References changed, or targets.
Batch with_other_normals(const Batch& batch, const at::Tensor& chosen) {
  Batch out = batch;
  out.normals = at::where(chosen.view({chosen.size(0), -1, 1, 1, 1}), batch.normals * -0.5, batch.normals);
  return out;
}

TEST(Normals, WidenTheEndsAlone) {
  for (const OutputForm output : {OutputForm::prior_residual, OutputForm::edm}) {
    const ModelConfig with = with_normals(output);
    ModelConfig without = with;
    without.normals = false;
    const std::int64_t more = output == OutputForm::edm ? 12 : 24;
    EXPECT_EQ(with.input_channels(), without.input_channels() + more + 1);
    EXPECT_EQ(with.output_channels(), without.output_channels() + 12);
    const Denoiser wide(with, 1, at::kMeta), narrow(without, 1, at::kMeta);
    const auto a = wide.parameters(), b = narrow.parameters();
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a[i].first, b[i].first);
      const bool end = a[i].first.starts_with("unet.conv_in.w") || a[i].first.starts_with("unet.conv_out.");
      EXPECT_EQ(a[i].second.sizes() == b[i].second.sizes(), !end) << a[i].first;
    }
  }
  test::expect_error(ExitCode::usage, {"normals", "prior-residual"}, [] {
    from_json<ModelConfig>(Json{{"normals", true}, {"output", "sources"}, {"prior_image", "prior"}}, "test");
  });
}

TEST(Normals, WithoutTheSwitchABatchsNormalsChangeNothing) {
  Made m(test::tiny_config());
  Batch plain = m.batch;
  plain.normals = plain.normals_given = at::Tensor();
  EXPECT_TRUE(generate(m.denoiser, m.batch, {}, 3).equal(generate(m.denoiser, plain, {}, 3)));
  LossOptions options;
  options.normals = 7;
  EXPECT_TRUE(training_loss(m.denoiser, m.batch, options, 5).sum.equal(training_loss(m.denoiser, plain, {}, 5).sum));
}

TEST(Normals, OfTargetsReachTheLossAlone) {
  const Made m(with_normals());
  const Batch other = with_other_normals(m.batch, m.batch.is_target);
  const Conditioning a = m.denoiser.condition(m.batch), b = m.denoiser.condition(other);
  EXPECT_TRUE(a.reference_input.equal(b.reference_input));
  EXPECT_TRUE(a.target_input.equal(b.target_input));
  EXPECT_TRUE(a.base.equal(b.base) && a.blend.equal(b.blend) && a.gate.equal(b.gate));
  TargetFields of_a, of_b;
  EXPECT_TRUE(generate(m.denoiser, m.batch, {}, 3, {}, &of_a).equal(generate(m.denoiser, other, {}, 3, {}, &of_b)));
  EXPECT_TRUE(of_a.normals.equal(of_b.normals));
  EXPECT_NE(training_loss(m.denoiser, m.batch, {}, 5).sum.item<float>(),
            training_loss(m.denoiser, other, {}, 5).sum.item<float>());
}

TEST(Normals, OfReferencesAreConditions) {
  for (const OutputForm output : {OutputForm::prior_residual, OutputForm::edm}) {
    const Made m(with_normals(output));
    const at::Tensor known = m.denoised(m.batch);
    EXPECT_GT(max_difference(known, m.denoised(with_other_normals(m.batch, m.batch.is_reference))), 1e-3);
    EXPECT_LT(max_difference(known, m.denoised(m.batch, {}, /*joint=*/true)), 1e-4) << "cached as in one pass";

    // Unknown ones: another mask, and whatever stands in the batch is not looked at.
    Batch unknown = m.batch;
    unknown.normals_given = at::zeros_like(m.batch.normals_given);
    const at::Tensor without = m.denoised(unknown);
    EXPECT_GT(max_difference(known, without), 1e-3);
    EXPECT_TRUE(without.equal(m.denoised(with_other_normals(unknown, m.batch.is_reference))));
    Batch none = unknown;
    none.normals = none.normals_given = at::Tensor();
    EXPECT_TRUE(without.equal(m.denoised(none)));
    const at::Tensor all = at::ones({2}, at::kBool), first = at::arange(2) == 0;
    EXPECT_TRUE(without.equal(m.denoised(m.batch, {{}, {}, {}, all}))) << "dropped";
    // The second set of two comes first in the layout: it has fewer references.
    const at::Tensor half = m.denoised(m.batch, {{}, {}, {}, first});
    EXPECT_LT(max_difference(half.narrow(0, 0, 3), known.narrow(0, 0, 3)), 1e-5);
    EXPECT_LT(max_difference(half.narrow(0, 3, 2), without.narrow(0, 3, 2)), 1e-5);
    // Who loses the references' pictures loses their normals.
    const ConditionDrop pictures{{}, all, {}, {}}, both{{}, all, {}, all};
    EXPECT_TRUE(m.denoised(m.batch, pictures).equal(m.denoised(m.batch, both)));
  }
}

TEST(Normals, TheirDropoutMovesNoOtherDraw) {
  DropoutConfig config{.identity = 0.5, .references = 0.5, .priors = 0.5, .normals = 0};
  const std::vector<std::int64_t> samples = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  const ConditionDrop none = draw_condition_drop(config, samples, 3);
  config.normals = 0.5;
  const ConditionDrop some = draw_condition_drop(config, samples, 3);
  EXPECT_TRUE(none.identity.equal(some.identity) && none.references.equal(some.references) &&
              none.priors.equal(some.priors));
  EXPECT_FALSE(none.normals.any().item<bool>());
  const auto dropped = some.normals.sum().item<std::int64_t>();
  EXPECT_TRUE(dropped > 0 && dropped < 10) << dropped;
}

// A fresh prior-residual model gives the prior image and the hull's normals.
TEST(Normals, BeginAsTheHulls) {
  const Denoiser denoiser(with_normals(), 1);
  const Batch batch = batch_of({"rrrrtrrt"});
  TargetFields fields;
  generate(denoiser, batch, {}, 3, {}, &fields);
  for (const int v : {4, 7}) EXPECT_LT(max_difference(fields.normals[0][v], batch.priors.normal[0][v]), 1e-6);
  EXPECT_TRUE(fields.normals[0][0].equal(batch.normals[0][0])) << "given ones stay";

  LossOptions options;
  options.mode = LossMode::regression;
  options.foreground_weight = 3;
  options.normals = 0.25;
  const TrainingLoss loss = training_loss(denoiser, batch, options, 5);
  const double s = denoiser.config().residual_scale, lambda = 1 / (s * s) + 1 / (80.0 * 80.0);
  const at::Tensor base = mirror_or_prior_image(batch.priors, batch.background) * 2 - 1;
  double expected = 0, plain = 0;
  for (const int v : {4, 7}) {
    const at::Tensor picture = (base[0][v] - (batch.colour[0][v] * 2 - 1)).square().to(at::kDouble);
    const at::Tensor normals = (batch.priors.normal[0][v] - batch.normals[0][v]).square().to(at::kDouble);
    const at::Tensor weight = 1 + 2 * batch.alpha[0][v];
    expected += ((picture + 0.25 * normals) * weight).sum().item<double>() * lambda;
    plain += (picture + normals).sum().item<double>();
  }
  EXPECT_NEAR(loss.sum.item<double>(), expected, 1e-4 * expected);
  EXPECT_NEAR(loss.squared_error.item<double>(), plain, 1e-4 * plain);
  EXPECT_EQ(loss.count, 2 * 6 * 16 * 24);
}

// What takes colour for the background's takes normals away, and what takes it from the flipped view leaves them.
TEST(Normals, AreBlendedWithNone) {
  const Made m(with_normals());
  const Conditioning c = m.denoiser.condition(m.batch);
  ASSERT_EQ(c.blend.sizes(), at::IntArrayRef({5, 2, 24, 8, 12}));
  EXPECT_LT(max_difference(c.blend.select(1, 0).narrow(1, 12, 12), -c.base.narrow(1, 12, 12)), 1e-6);
  EXPECT_EQ(c.blend.select(1, 1).narrow(1, 12, 12).abs().max().item<float>(), 0);
  EXPECT_GT(c.blend.select(1, 1).narrow(1, 0, 12).abs().max().item<float>(), 0.1);
}

TEST(Normals, PerceptualDistanceIsOfPictures) {
  const Made m(with_normals(OutputForm::edm));
  LossOptions options;
  options.mode = LossMode::diffusion;
  const double without = training_loss(m.denoiser, m.batch, options, 5).sum.item<double>();
  options.lpips = 2;
  std::int64_t rows = 0;
  const PerceptualDistance one = [&](const at::Tensor& pictures, const at::Tensor& truths) {
    EXPECT_EQ(pictures.sizes(), truths.sizes());
    rows = pictures.size(0);
    return at::ones({pictures.size(0)}) + 0 * pictures.sum();
  };
  const double with = training_loss(m.denoiser, m.batch, options, 5, one).sum.item<double>();
  EXPECT_NEAR(with - without, 2.0 * static_cast<double>(rows) * 3 * 16 * 24, 1e-3 * with);
}

TEST(Normals, ABatchWithoutThemIsNoTrainingBatch) {
  const Denoiser denoiser(with_normals(), 1);
  test::expect_error(ExitCode::runtime, {"no normals", "data.normals"},
                     [&] { training_loss(denoiser, test::make_batch({"rrrrtrrr"}), {}, 1); });
}

// Every solver holds the known latents at y + σ·ε.
TEST(Inpainting, HoldsKnownChannelsAtEveryNoiseLevel) {
  const at::Tensor y = random_normal({2, 3, 4, 4}, 1).to(at::kDouble),
                   noise = random_normal({2, 3, 4, 4}, 2).to(at::kDouble);
  const auto sigmas = karras_sigmas(6, 0.01, 20, 7);
  int calls = 0;
  const DenoiseFunction known = [&](const at::Tensor& x, double sigma) {
    EXPECT_LT(max_difference(x, y + sigma * noise), 1e-9) << sigma;
    ++calls;
    return y;
  };
  const at::Tensor x = y + sigmas.front() * noise;
  EXPECT_TRUE(sample_euler(x, sigmas, known).equal(y));
  EXPECT_TRUE(sample_heun(x, sigmas, known).equal(y));
  EXPECT_TRUE(sample_dpmpp_2m(x, sigmas, known).equal(y));
  EXPECT_EQ(calls, 6 + 11 + 6);
}

TEST(Inpainting, EndsAtTheKnownPictures) {
  for (const OutputForm output : {OutputForm::prior_residual, OutputForm::edm, OutputForm::epsilon}) {
    const Made m(with_normals(output));
    const at::NoGradGuard no_grad;
    for (const Solver solver : {Solver::dpmpp_2m, Solver::heun, Solver::euler}) {
      for (const std::int64_t steps : {1, 4}) {
        SamplerConfig config;
        config.solver = solver;
        config.steps = steps;
        const TargetLatents sampled = sample_targets(m.denoiser, m.batch, config, {.pictures_known = true});
        const at::Tensor known = view_latents(m.batch, sampled.rows, m.denoiser.autoencoder());
        EXPECT_TRUE(sampled.latents.narrow(1, 0, 12).equal(known)) << name_of(output) << " " << steps;
        // What is known of the picture matters to the normals.
        Batch other = m.batch;
        other.colour = 1 - m.batch.colour;
        other.colour = at::where(m.batch.is_target.view({2, 8, 1, 1, 1}), other.colour, m.batch.colour);
        const at::Tensor of_other =
            sample_targets(m.denoiser, other, config, {.pictures_known = true}).latents.narrow(1, 12, 12);
        const double differs = max_difference(of_other, sampled.latents.narrow(1, 12, 12));
        EXPECT_EQ(differs > 1e-4, steps > 1 || output != OutputForm::prior_residual) << name_of(output) << differs;
      }
    }
  }
}

TEST(ReferenceNormals, AreGeneratedWhereThereAreNone) {
  const Made m(with_normals());
  const SamplerConfig config;
  Batch wild = m.batch;
  wild.normals_given = m.batch.normals_given.clone();
  wild.normals_given[0][1] = wild.normals_given[1][2] = 0;
  wild.identity_known = at::ones({wild.size()}, at::kBool);  // of sets, not of views
  EXPECT_FALSE(lacks_reference_normals(m.batch, config, m.denoiser.config()));
  ASSERT_TRUE(lacks_reference_normals(wild, config, m.denoiser.config()));
  int evaluated = 0;
  const Batch found = with_reference_normals(m.denoiser, wild, config, 3, [&] { ++evaluated; });
  EXPECT_EQ(evaluated, 1);
  EXPECT_FALSE(lacks_reference_normals(found, config, m.denoiser.config()));
  for (int b = 0; b < 2; ++b) {
    for (int v = 0; v < 8; ++v) {
      const bool generated = (b == 0 && v == 1) || (b == 1 && v == 2);
      EXPECT_EQ(found.normals[b][v].equal(m.batch.normals[b][v]), !generated) << b << " " << v;
    }
  }
  EXPECT_LE(found.normals.abs().max().item<float>(), 1);
  EXPECT_TRUE(found.colour.equal(wild.colour) && found.is_target.equal(wild.is_target));

  // generate() begins with it: the same as in two steps, counted, and only where the sampler says so.
  TargetFields at_once, in_steps, without;
  const at::Tensor pictures = generate(
      m.denoiser, wild.one(0), config, 3,
      [&](std::int64_t done, std::int64_t total) {
        EXPECT_EQ(total, 2);
        evaluated = static_cast<int>(done);
      },
      &at_once);
  EXPECT_EQ(evaluated, 2);
  EXPECT_EQ(evaluations(2, config, m.denoiser.config()), 1) << "of the targets";
  const Batch first = with_reference_normals(m.denoiser, wild.one(0), config, 3);
  EXPECT_TRUE(pictures.equal(generate(m.denoiser, first, config, 3, {}, &in_steps)));
  EXPECT_TRUE(at_once.normals.equal(in_steps.normals));
  EXPECT_TRUE(at_once.normals[0][1].equal(first.normals[0][1])) << "of references, too";
  SamplerConfig off;
  off.reference_normals = false;
  EXPECT_FALSE(pictures.equal(generate(m.denoiser, wild.one(0), off, 3, {}, &without)));
  // Samples do not know of each other.
  EXPECT_TRUE(generate(m.denoiser, wild, config, 3)[0].equal(pictures[0]));
}

TEST(ReferenceNormals, GoWithEverySampler) {
  for (const OutputForm output : {OutputForm::prior_residual, OutputForm::v}) {
    const Made m(with_normals(output));
    Batch wild = m.batch;
    wild.normals = wild.normals_given = at::Tensor();
    SamplerConfig config;
    config.steps = 3;
    config.mode = SamplingMode::sequential;
    std::int64_t calls = 0, all = 0;
    TargetFields fields;
    const at::Tensor pictures = generate(
        m.denoiser, wild, config, 3,
        [&](std::int64_t done, std::int64_t total) {
          calls = done;
          all = total;
        },
        &fields);
    EXPECT_EQ(calls, all);
    EXPECT_EQ(all, 3 * (2 + 1) + 3 * (3 + 1));
    EXPECT_TRUE(at::isfinite(pictures).all().item<bool>() && at::isfinite(fields.normals).all().item<bool>());
    for (int v : {4, 7}) EXPECT_GT(fields.normals[0][v].abs().max().item<float>(), 0);
    EXPECT_EQ(fields.normals[1][1].abs().max().item<float>(), 0) << "absent";
  }
}

// A GPU may record training with them.
TEST(Normals, AreOnTheDevice) {
  Batch batch = batch_of({"rrrrtrrt"});
  const std::vector<at::Tensor*> there = batch.on_device();
  for (const at::Tensor* tensor : {&batch.normals, &batch.normals_given})
    EXPECT_NE(std::find(there.begin(), there.end(), tensor), there.end());
  use_meta_kernels();
  DataConfig data;
  data.width = 24;
  data.height = 16;
  data.normals = true;
  const Denoiser denoiser(with_normals(), 1, at::kMeta);
  const Batch blank = blank_batch({{6, 2}, {5, 3}}, data, at::kMeta);
  const TrainingLoss loss = training_loss(denoiser, blank, {}, 1);
  loss.sum.backward();
  EXPECT_EQ(loss.count, 5 * 6 * 16 * 24);
  generate(denoiser, blank, {}, 1);
}

}  // namespace
}  // namespace spinfill

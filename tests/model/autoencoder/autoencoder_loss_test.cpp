// SPDX-License-Identifier: Apache-2.0
#include "model/autoencoder/loss.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

#include "core/files/json.h"
#include "core/tensors/safetensors.h"
#include "model/autoencoder/autoencoder.h"
#include "model/filling.h"
#include "support/support.h"

namespace spinfill {
namespace {

// tests/fixtures/model/make_autoencoder_loss.py made the references with diffusers' networks and PyTorch.

using test::fill;

AutoencoderFile filled_file(const std::string& name) {
  static const Json json = read_json(test::fixture("model/autoencoders.json"));
  AutoencoderFile file{architecture_from_json(json.at(name).at("config"), name), {}, name};
  for (const auto& [key, shape] : json.at(name).at("keys").items())
    file.tensors[key] = test::prepared(key, shape.get<std::vector<std::int64_t>>());
  return file;
}

AutoencoderPass filled_pass(const std::string& name, bool samples) {
  AutoencoderPass pass;
  pass.pictures = ((fill(name + ".pictures", {2, 3, 32, 32}) + 1) / 2).to(at::kFloat);
  pass.coverage = ((fill(name + ".coverage", {2, 1, 32, 32}) + 1) / 2).to(at::kFloat);
  if (samples) pass.noise = fill(name + ".noise", {2, 4, 8, 8}).to(at::kFloat);
  return pass;
}

AutoencoderLossOptions all_terms() {
  AutoencoderLossOptions options;
  options.foreground_weight = 3;
  options.kl = 0.01;
  options.discriminator = 0.7;
  return options;
}

// As rough() of make_autoencoder_loss.py.
at::Tensor rough(const std::string& name, at::IntArrayRef shape) {
  const std::int64_t count = c10::multiply_integers(shape);
  const at::Tensor i = at::arange(count, at::kDouble);
  const at::Tensor wave = at::sin(0.37 * i * i + static_cast<double>(test::crc32(name) % 1000)).view(shape);
  if (shape.size() > 1) return wave * (1.5 / std::sqrt(static_cast<double>(count / shape[0])));
  return wave * 0.3 + (name.ends_with("weight") ? 1.0 : 0.0);
}

PatchDiscriminator filled_discriminator() {
  PatchDiscriminator discriminator(1, at::kCPU, 8);
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : discriminator.parameters()) at::Tensor(tensor).copy_(rough(name, tensor.sizes()));
  return discriminator;
}

// Products with probes, in the order of the sorted names.
at::Tensor probed(TrainedAutoencoder::Parameters parameters, const std::vector<at::Tensor>& gradients) {
  std::vector<std::pair<std::string, double>> products;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    std::string name = parameters[i].first;
    if (name.starts_with("discriminator.")) name = name.substr(14);
    const at::Tensor probe = fill(name + ".probe", parameters[i].second.sizes());
    products.emplace_back(name, gradients[i].defined() ? (gradients[i] * probe).sum().item<double>() : 0);
  }
  std::ranges::sort(products);
  std::vector<double> values;
  for (const auto& [name, value] : products) values.push_back(value);
  return at::tensor(values, at::kDouble);
}

void expect_near(const at::Tensor& ours, const at::Tensor& theirs, const std::string& what) {
  ASSERT_EQ(ours.sizes(), theirs.sizes()) << what;
  const double scale = std::max(1.0, theirs.abs().max().item<double>());
  EXPECT_LT((ours - theirs).abs().max().item<double>(), 2e-5 * scale) << what;
}

TEST(AutoencoderLoss, TermsAndGradientsAreThoseOfPyTorch) {
  const TensorMap references = read_safetensors(test::fixture("model/autoencoder_loss.safetensors")).tensors;
  for (const std::string name : {"tiny", "kl"}) {
    for (const AutoencoderPart part : {AutoencoderPart::all, AutoencoderPart::decoder}) {
      const std::string key = name + "." + name_of(part);
      const TrainedAutoencoder autoencoder(filled_file(name), part, at::kCPU);
      EXPECT_EQ(autoencoder.samples(), key == "kl.all");
      const PatchDiscriminator discriminator = filled_discriminator();
      const AutoencoderGradients ours =
          autoencoder_gradients(autoencoder, &discriminator, filled_pass(name, autoencoder.samples()), all_terms(), {});
      const AutoencoderTerms& terms = ours.terms;
      EXPECT_EQ(std::isnan(terms.kl), key != "kl.all");
      EXPECT_TRUE(std::isnan(terms.lpips));
      const double kl = std::isnan(terms.kl) ? 0 : terms.kl;
      expect_near(
          at::tensor({terms.loss, terms.l1, kl, terms.adversarial, terms.discriminator, terms.adaptive}, at::kDouble),
          references.at(key + ".terms"), key);
      expect_near(probed(autoencoder.trained(), ours.of_autoencoder), references.at(key + ".gradients"), key);
      expect_near(probed(discriminator.parameters(), ours.of_discriminator), references.at(key + ".discriminator"),
                  key);
      for (const auto& [parameter, tensor] : autoencoder.parameters()) {
        EXPECT_FALSE(tensor.grad().defined()) << parameter;
        const bool of_decoder = parameter.starts_with("decoder.") || parameter.starts_with("post_quant_conv.");
        EXPECT_EQ(tensor.requires_grad(), part == AutoencoderPart::all || of_decoder) << parameter;
      }
    }
  }
}

TEST(AutoencoderLoss, OfNumbersThatAreKnown) {
  const at::Tensor truth = at::zeros({2, 3, 2, 2}), coverage = at::zeros({2, 1, 2, 2});
  coverage[0][0][0][0] = 1;
  at::Tensor picture = truth.clone();
  picture[0].narrow(1, 0, 1).narrow(2, 0, 1).fill_(0.5);  // the covered pixel alone
  picture[1].fill_(-0.25);
  const at::Tensor l1 = weighted_l1(picture, truth, coverage, 5);
  EXPECT_NEAR(l1[0].item<double>(), 0.5 * 5 / 8, 1e-6);
  EXPECT_NEAR(l1[1].item<double>(), 0.25, 1e-6);
  EXPECT_NEAR(hinge_loss(at::tensor({2.0, 0.5}), at::tensor({-3.0, -0.5})).item<double>(), 0.25, 1e-12);
  EXPECT_NEAR(adaptive_weight(at::tensor(3.0), at::tensor(1.5)).item<double>(), 3 / 1.5001, 1e-9);
  EXPECT_EQ(adaptive_weight(at::tensor(3.0), at::tensor(0.0)).item<double>(), 1e4);
}

TEST(AutoencoderLoss, PerceptualDistanceCountsByItsWeight) {
  const TrainedAutoencoder autoencoder(filled_file("tiny"), AutoencoderPart::decoder, at::kCPU);
  AutoencoderLossOptions options = all_terms();
  options.lpips = 0.5;
  const PerceptualDistance squares = [](const at::Tensor& pictures, const at::Tensor& truths) {
    return (pictures - truths).square().mean({1, 2, 3});
  };
  const AutoencoderTerms terms =
      autoencoder_gradients(autoencoder, nullptr, filled_pass("tiny", false), options, squares).terms;
  EXPECT_GT(terms.lpips, 0);
  EXPECT_NEAR(terms.loss, terms.l1 + 0.5 * terms.lpips, 1e-6 * terms.loss);
  EXPECT_TRUE(std::isnan(terms.adversarial));
}

TEST(TrainedAutoencoder, RandomWeightsAreDrawnBySeedAndName) {
  const AutoencoderArchitecture kl = [] {
    AutoencoderArchitecture a = usual_architecture(AutoencoderKind::kl, 4, 4);
    a.block_out_channels = {32, 32, 64};
    return a;
  }();
  const auto weights = [&](std::uint64_t seed) {
    return TrainedAutoencoder(kl, seed, AutoencoderPart::all, at::kCPU).parameters();
  };
  const auto one = weights(1), again = weights(1), other = weights(2);
  for (std::size_t i = 0; i < one.size(); ++i) {
    EXPECT_TRUE(at::equal(one[i].second, again[i].second)) << one[i].first;
    EXPECT_TRUE(at::isfinite(one[i].second).all().item<bool>()) << one[i].first;
    if (one[i].first.find("norm") == std::string::npos)
      EXPECT_FALSE(at::equal(one[i].second, other[i].second)) << one[i].first;
  }
  EXPECT_EQ(TrainedAutoencoder(kl, 1, AutoencoderPart::all, at::kCPU).last_layer().sizes(),
            at::IntArrayRef({3, 32, 3, 3}));
}

TEST(Discriminator, IsAsPublished) {
  const PatchDiscriminator discriminator(1, at::kCPU);
  std::int64_t count = 0;
  for (const auto& [name, tensor] : discriminator.parameters()) count += tensor.numel();
  EXPECT_EQ(count, 2'765'633);  // NLayerDiscriminator(3, 64, 3) with batch norm
  const at::Tensor patches = discriminator.forward(at::zeros({2, 3, 256, 256}));
  EXPECT_EQ(patches.sizes(), at::IntArrayRef({2, 1, 30, 30}));
  test::expect_error(ExitCode::runtime, {"16 x 16 px", "24"}, [&] {
    discriminator.forward(at::zeros({1, 3, 16, 16}));
  });
}

}  // namespace
}  // namespace spinfill

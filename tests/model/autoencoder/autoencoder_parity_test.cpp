// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "core/files/json.h"
#include "core/tensors/safetensors.h"
#include "model/autoencoder/autoencoder.h"
#include "model/autoencoder/network.h"
#include "model/filling.h"
#include "model/tiny.h"
#include "support/support.h"

namespace spinfill {
namespace {

// tests/fixtures/model/make_autoencoders.py made the references with diffusers and the same filling.

using test::fill;

const TensorMap& autoencoder_fixtures() {
  static const TensorMap map = read_safetensors(test::fixture("model/autoencoders.safetensors")).tensors;
  return map;
}

const Json& described(const std::string& name) {
  static const Json json = read_json(test::fixture("model/autoencoders.json"));
  return json.at(name);
}

void expect_equal(const at::Tensor& ours, const std::string& name) {
  const at::Tensor& theirs = autoencoder_fixtures().at(name);
  ASSERT_EQ(ours.sizes(), theirs.sizes()) << name;
  const double scale = std::max(1.0, theirs.abs().max().item<double>());
  EXPECT_LT(test::max_difference(ours, theirs), 1e-5 * scale) << name;
}

AutoencoderArchitecture architecture(const std::string& name) {
  return architecture_from_json(described(name).at("config"), name);
}

std::shared_ptr<AutoencoderNetwork> filled(const std::string& name) {
  auto network = make_network(architecture(name), at::TensorOptions().dtype(at::kDouble));
  test::prepare(*network);
  return network;
}

class AutoencoderParity : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Diffusers, AutoencoderParity, testing::Values("kl", "kl16", "kl32", "kl_plain", "tiny"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(AutoencoderParity, NamesAndShapes) {
  const std::string name = GetParam();
  std::map<std::string, std::vector<std::int64_t>> ours, theirs;
  for (const auto& [key, shape] : described(name).at("keys").items())
    theirs[key] = shape.get<std::vector<std::int64_t>>();
  const auto network = make_network(architecture(name), at::TensorOptions().device(at::kMeta));
  for (const auto& item : network->named_parameters()) ours[item.key()] = item.value().sizes().vec();
  EXPECT_EQ(ours, theirs);
}

TEST_P(AutoencoderParity, OutputsAndGradients) {
  const std::string name = GetParam();
  const auto network = filled(name);
  const std::int64_t factor = architecture(name).factor();
  const at::Tensor& stored = autoencoder_fixtures().at(name + ".latents");
  const at::Tensor x = fill(name + ".x", {2, 3, stored.size(2) * factor, stored.size(3) * factor}).requires_grad_();
  const at::Tensor latents = network->encode(x);
  expect_equal(latents.detach(), name + ".latents");
  const at::Tensor z = fill(name + ".z", stored.sizes()).requires_grad_();
  const at::Tensor picture = network->decode(z);
  expect_equal(picture.detach(), name + ".picture");
  (latents * fill(name + ".latents.probe", latents.sizes())).sum().backward();
  (picture * fill(name + ".picture.probe", picture.sizes())).sum().backward();
  expect_equal(x.grad(), name + ".grad_x");
  expect_equal(z.grad(), name + ".grad_z");
  std::map<std::string, at::Tensor> parameters;
  for (const auto& item : network->named_parameters()) parameters[item.key()] = item.value();
  std::vector<at::Tensor> products;
  for (const auto& [key, parameter] : parameters) {
    ASSERT_TRUE(parameter.grad().defined()) << key;
    products.push_back((parameter.grad() * fill(key + ".probe", parameter.sizes())).sum());
  }
  expect_equal(at::stack(products), name + ".params");
}

TEST_P(AutoencoderParity, EncodesOddSizesAsDiffusers) {
  const std::string name = GetParam();
  const std::map<std::string, std::vector<std::int64_t>> sizes = {
      {"kl", {1, 3, 23, 18}}, {"kl16", {1, 3, 11, 14}}, {"tiny", {1, 3, 15, 21}}};
  if (!sizes.contains(name)) return;  // any size is whole for a factor of 1
  const at::NoGradGuard no_grad;
  expect_equal(filled(name)->encode(fill(name + ".odd.x", sizes.at(name))), name + ".odd");
}

TEST(AutoencoderParityKl, PosteriorHasVarianceAndDivergence) {
  const at::NoGradGuard no_grad;
  const auto network = filled("kl");
  const auto& kl = dynamic_cast<const AutoencoderKL&>(*network);
  const auto posterior = kl.posterior(fill("kl.x", {2, 3, 24, 16}));
  expect_equal((posterior.log_variance / 2).exp(), "kl.std");
  expect_equal(posterior.divergence(), "kl.divergence");
  const at::Tensor noise = fill("noise", posterior.mean.sizes());
  EXPECT_LT(test::max_difference(posterior.sample(noise) - posterior.mean, noise * autoencoder_fixtures().at("kl.std")),
            1e-12);
}

TEST(AutoencoderParityTaesd, RealWeights) {
  SPINFILL_NEEDS_REAL_DATA();
  const at::NoGradGuard no_grad;
  const LatentAutoencoder taesd(read_autoencoder(test::real_data() / "taesd"));
  expect_equal(taesd.encode(fill("taesd.x", {1, 3, 40, 56}).to(at::kFloat)), "taesd.latents");
  expect_equal(taesd.decode(fill("taesd.z", {1, 4, 5, 7}).to(at::kFloat)), "taesd.picture");
}

}  // namespace
}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "model/autoencoder/files.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "core/files/files.h"
#include "model/autoencoder/autoencoder.h"
#include "model/filling.h"
#include "model/tiny.h"
#include "support/mutate.h"
#include "support/support.h"

namespace spinfill {
namespace {

namespace fs = std::filesystem;

const Json& described_autoencoder(const std::string& name) {
  static const Json json = read_json(test::fixture("model/autoencoders.json"));
  return json.at(name);
}

// Weights as filling.py fills them, by diffusers' names.
TensorMap weights_of(const std::string& name, at::ScalarType dtype = at::kFloat) {
  TensorMap tensors;
  for (const auto& [key, shape] : described_autoencoder(name).at("keys").items())
    tensors[key] = test::prepared(key, shape.get<std::vector<std::int64_t>>()).to(dtype);
  return tensors;
}

void write_config(const fs::path& folder, const Json& config) {
  make_folder(folder);
  write_json_atomic(folder / "config.json", config);
}

// A folder as diffusers writes it.
void write_folder(const fs::path& folder, const std::string& name, const TensorMap& tensors) {
  write_config(folder, described_autoencoder(name).at("config"));
  write_safetensors(folder / "diffusion_pytorch_model.safetensors", tensors);
}

at::Tensor latents_by(const fs::path& path) {
  const at::NoGradGuard no_grad;
  return LatentAutoencoder(read_autoencoder(path)).encode(test::fill("picture", {1, 3, 24, 16}).to(at::kFloat));
}

TEST(AutoencoderFiles, EveryWayOfStoringThemGivesTheSameModel) {
  const test::TemporaryFolder temp;
  write_folder(temp / "plain", "kl", weights_of("kl"));
  const at::Tensor expected = latents_by(temp / "plain");
  const std::string hash = read_autoencoder(temp / "plain").content_hash();

  write_folder(temp / "pipeline" / "vae", "kl", weights_of("kl"));
  EXPECT_TRUE(latents_by(temp / "pipeline").equal(expected));
  EXPECT_EQ(read_autoencoder(temp / "pipeline").content_hash(), hash);

  // Several files with an index.
  write_config(temp / "sharded", described_autoencoder("kl").at("config"));
  TensorMap halves[2];
  Json map = Json::object();
  for (const auto& [key, tensor] : weights_of("kl")) {
    const int half = key.starts_with("decoder") ? 1 : 0;
    halves[half][key] = tensor;
    map[key] = fmt::format("part-{}.safetensors", half);
  }
  for (int i : {0, 1}) write_safetensors(temp / "sharded" / fmt::format("part-{}.safetensors", i), halves[i]);
  const fs::path index = temp / "sharded" / "diffusion_pytorch_model.safetensors.index.json";
  write_json_atomic(index, {{"metadata", {{"total_size", 1}}}, {"weight_map", map}});
  EXPECT_TRUE(latents_by(temp / "sharded").equal(expected));
  map["encoder.conv_in.bias"] = "part-1.safetensors";
  write_json_atomic(index, {{"weight_map", map}});
  test::expect_error(ExitCode::runtime, {"part-0.safetensors", "encoder.conv_in.bias"},
                     [&] { read_autoencoder(temp / "sharded"); });
  map["encoder.conv_in.bias"] = "../plain/diffusion_pytorch_model.safetensors";
  write_json_atomic(index, {{"weight_map", map}});
  test::expect_error(ExitCode::runtime, {"index.json"}, [&] { read_autoencoder(temp / "sharded"); });

  // Older names of the attention's layers, as convolutions.
  TensorMap old;
  for (const auto& [name, weight] : weights_of("kl")) {
    std::string key = name;
    at::Tensor tensor = weight;
    for (const auto& [now, then] : std::map<std::string, std::string>{
             {"to_q", "query"}, {"to_k", "key"}, {"to_v", "value"}, {"to_out.0", "proj_attn"}}) {
      const std::size_t at = key.find("." + now + ".");
      if (at == std::string::npos) continue;
      key.replace(at + 1, now.size(), then);
      if (tensor.dim() == 2) tensor = tensor.unsqueeze(2).unsqueeze(3);
    }
    old[key] = tensor;
  }
  EXPECT_TRUE(old.contains("encoder.mid_block.attentions.0.proj_attn.weight"));
  write_folder(temp / "old", "kl", old);
  EXPECT_TRUE(latents_by(temp / "old").equal(expected));

  // Our own single file.
  save_autoencoder(temp / "own.safetensors", read_autoencoder(temp / "old"));
  EXPECT_TRUE(latents_by(temp / "own.safetensors").equal(expected));
  EXPECT_EQ(read_autoencoder(temp / "own.safetensors").content_hash(), hash);
}

TEST(AutoencoderFiles, HalfPrecisionIsReadAsItIs) {
  const test::TemporaryFolder temp;
  for (const at::ScalarType dtype : {at::kHalf, at::kBFloat16}) {
    const TensorMap rounded = weights_of("kl16", dtype);
    TensorMap floats;
    for (const auto& [key, tensor] : rounded) floats[key] = tensor.to(at::kFloat);
    const fs::path half = temp / fmt::format("half-{}", static_cast<int>(dtype)), whole = half.string() + "-whole";
    write_config(half, described_autoencoder("kl16").at("config"));
    write_safetensors(half / "diffusion_pytorch_model.fp16.safetensors", rounded);
    write_folder(whole, "kl16", floats);
    EXPECT_TRUE(latents_by(half).equal(latents_by(whole)));
    EXPECT_EQ(read_autoencoder(half).content_hash(), read_autoencoder(whole).content_hash());
    save_autoencoder(half / "own.safetensors", read_autoencoder(half));
    EXPECT_EQ(read_safetensors(half / "own.safetensors").tensors.begin()->second.scalar_type(), dtype);
  }
}

TEST(AutoencoderFiles, SingleStableDiffusionFile) {
  const test::TemporaryFolder temp;
  write_folder(temp / "folder", "kl32", weights_of("kl32"));
  TensorMap file;
  for (const auto& [key, there] : described_autoencoder("kl32").at("single_file").items())
    file[there[0].get<std::string>()] = weights_of("kl32").at(key).view(there[1].get<std::vector<std::int64_t>>());
  const fs::path path = temp / "sd.safetensors";
  write_safetensors(path, file);
  test::expect_error(ExitCode::runtime, {"sd.safetensors", "scaling factor", "config.json"},
                     [&] { read_autoencoder(path); });
  const std::map<std::string, double> factors = {{"cond_stage_model.transformer.weight", 0.18215},
                                                 {"conditioner.embedders.0.weight", 0.13025}};
  for (const auto& [part, factor] : factors) {
    TensorMap checkpoint = file;
    checkpoint[part] = checkpoint["model.diffusion_model.input_blocks.0.0.weight"] = at::zeros({1});
    write_safetensors(path, checkpoint);
    EXPECT_EQ(read_autoencoder(path).architecture.scaling_factor, factor);
  }
  EXPECT_TRUE(latents_by(path).equal(latents_by(temp / "folder")));
}

TEST(AutoencoderFiles, WrongWeightsAreOneErrorThatNamesThem) {
  const test::TemporaryFolder temp;
  TensorMap tensors = weights_of("kl");
  tensors.erase("decoder.conv_out.bias");
  tensors["decoder.more"] = at::zeros({1});
  tensors["encoder.conv_in.weight"] = at::zeros({8, 4, 3, 3});
  tensors["quant_conv.bias"].fill_(std::nan(""));
  write_folder(temp / "wrong", "kl", tensors);
  test::expect_error(ExitCode::runtime,
                     {"wrong", "1 missing (decoder.conv_out.bias)", "1 unexpected (decoder.more)",
                      "encoder.conv_in.weight [8,4,3,3] for [8,3,3,3]", "1 not finite (quant_conv.bias)"},
                     [&] { LatentAutoencoder(read_autoencoder(temp / "wrong")); });
}

TEST(AutoencoderFiles, WhatIsNoAutoencoderIsSaid) {
  const test::TemporaryFolder temp;
  make_folder(temp / "empty");
  test::expect_error(ExitCode::usage, {"nothing", "no such"}, [&] { read_autoencoder(temp / "nothing"); });
  test::expect_error(ExitCode::runtime, {"empty", "config.json", "TAESD"}, [&] { read_autoencoder(temp / "empty"); });
  write_config(temp / "bare", described_autoencoder("kl").at("config"));
  test::expect_error(ExitCode::usage, {"bare", "safetensors"}, [&] { read_autoencoder(temp / "bare"); });
  write_file_atomic(temp / "bare" / "diffusion_pytorch_model.bin", "PK");
  test::expect_error(ExitCode::usage, {"model.bin", "pickle"}, [&] { read_autoencoder(temp / "bare"); });
  write_safetensors(temp / "other.safetensors", {{"x", at::zeros({1})}});
  test::expect_error(ExitCode::runtime, {"other.safetensors", "no autoencoder"},
                     [&] { read_autoencoder(temp / "other.safetensors"); });
  const auto refused = [&](const std::string& field, const Json& value) {
    Json config =
        described_autoencoder(field.starts_with("num_") || field == "upsample_fn" ? "tiny" : "kl").at("config");
    config[field] = value;
    test::expect_error(ExitCode::runtime, {"config.json", field},
                       [&] { architecture_from_json(config, "config.json"); });
  };
  refused("_class_name", "AutoencoderDC");
  refused("latent_channels", 0);
  refused("latent_channels", "4");
  refused("block_out_channels", Json::array());
  refused("block_out_channels", Json{1e300});
  refused("norm_num_groups", 3);
  refused("scaling_factor", 0);
  refused("act_fn", "gelu");
  refused("down_block_types", Json{"AttnDownEncoderBlock2D"});
  refused("latents_mean", Json{0.1});
  refused("in_channels", 4);
  refused("use_quant_conv", 1);
  refused("upsample_fn", "bilinear");
  refused("num_encoder_blocks", Json{1});
}

TEST(AutoencoderFiles, ArchitectureSurvivesItsJson) {
  for (const char* name : {"kl", "kl16", "kl_plain", "tiny"}) {
    const AutoencoderArchitecture a = architecture_from_json(described_autoencoder(name).at("config"), name);
    EXPECT_EQ(to_json(architecture_from_json(to_json(a), name)), to_json(a));
  }
}

TEST(AutoencoderFiles, DamagedConfigIsAnErrorAndNothingElse) {
  for (const char* name : {"kl", "tiny"}) {
    test::mutate_and_try(described_autoencoder(name).at("config").dump(), [](std::string_view text) {
      to_json(architecture_from_json(parse_json(text, "damaged"), "damaged"));
    });
  }
}

TEST(AutoencoderFiles, ConfigurationAndFileMustAgree) {
  const test::TemporaryFolder temp;
  write_folder(temp / "kl", "kl", weights_of("kl"));
  ModelConfig config;
  config.autoencoder = AutoencoderKind::kl;
  test::expect_error(ExitCode::usage, {"model.autoencoder_from"}, [&] { make_autoencoder(config); });
  config.autoencoder_from = (temp / "kl").string();
  test::expect_error(ExitCode::usage, {"autoencoder_factor is 8", "factor 4"}, [&] { make_autoencoder(config); });
  config.autoencoder_factor = 4;
  EXPECT_EQ(make_autoencoder(config)->channels(), 4);
  config.autoencoder_channels = 16;
  test::expect_error(ExitCode::usage, {"autoencoder_channels is 16", "4 latent channels"},
                     [&] { make_autoencoder(config); });
  config.autoencoder = AutoencoderKind::tiny;
  test::expect_error(ExitCode::usage, {"autoencoder is tiny", "kind kl"}, [&] { make_autoencoder(config); });
}

TEST(KeptLatents, AreTheSameBitsAndFoundByPictureAndWeights) {
  const at::NoGradGuard no_grad;
  const test::TemporaryFolder folder;
  const auto store = std::make_shared<ContentStore>(folder / "store", std::uint64_t{1} << 30, 0);
  const test::TemporaryFolder files;
  write_folder(files / "one", "tiny", weights_of("tiny"));
  TensorMap changed_weights = weights_of("tiny");
  changed_weights.begin()->second = changed_weights.begin()->second * 1.5;
  write_folder(files / "two", "tiny", changed_weights);
  LatentAutoencoder autoencoder(read_autoencoder(files / "one")), other(read_autoencoder(files / "two"));
  const at::Tensor pictures = test::fill("picture", {3, 3, 24, 16}).to(at::kFloat);
  const at::Tensor anew = autoencoder.encode(pictures);
  EXPECT_TRUE(autoencoder.encode_kept(pictures).equal(anew));  // without a store
  autoencoder.keep_latents(store);
  other.keep_latents(store);
  EXPECT_TRUE(autoencoder.encode_kept(pictures).equal(anew));
  EXPECT_EQ(store->found(), 0);
  EXPECT_EQ(store->missed(), 3);
  EXPECT_TRUE(autoencoder.encode_kept(pictures.flip({0})).equal(anew.flip({0})));
  EXPECT_EQ(store->found(), 3);
  EXPECT_TRUE(other.encode_kept(pictures).equal(other.encode(pictures)));  // other weights
  at::Tensor changed = pictures.clone();
  changed[1][2][23][15] += 1e-3;
  EXPECT_TRUE(autoencoder.encode_kept(changed).equal(autoencoder.encode(changed)));
  EXPECT_EQ(store->found(), 5);
  EXPECT_EQ(store->missed(), 7);
  EXPECT_EQ(autoencoder.encode_kept(pictures.narrow(0, 0, 0)).size(0), 0);
}

TEST(AutoencoderFiles, RealTaesdLosesWhatItShould) {
  SPINFILL_NEEDS_REAL_DATA();
  const AutoencoderFile file = read_autoencoder(test::real_data() / "taesd");
  EXPECT_EQ(file.architecture.latent_channels, 4);
  EXPECT_EQ(file.architecture.factor(), 8);
  EXPECT_EQ(LatentAutoencoder(file).parameter_count(), 1222532 + 1222531);
}

}  // namespace
}  // namespace spinfill

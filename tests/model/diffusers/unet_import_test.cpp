// SPDX-License-Identifier: Apache-2.0
#include "model/diffusers/unet_import.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "model/denoiser/denoiser.h"
#include "model/denoiser/modules.h"
#include "model/denoiser/unet_options.h"
#include "model/denoiser/weights.h"
#include "model/diffusers/import_report.h"
#include "model/diffusers/twins.h"
#include "model/tiny.h"
#include "support/mutate.h"

namespace spinfill {
namespace {

using test::expect_error;
using test::fill;
using test::twin_config;

ImportedWeights imported(const fs::path& source, const ModelConfig& config, const std::string& variant = "") {
  return import_unet(read_unet_source(source, variant), config, 5);
}

void expect_equal(const TensorMap& ours, const TensorMap& theirs, const std::string& what) {
  ASSERT_EQ(ours.size(), theirs.size()) << what;
  for (const auto& [name, tensor] : theirs) EXPECT_TRUE(at::equal(ours.at(name), tensor)) << what << " " << name;
}

class ImportedUNets : public ::testing::TestWithParam<const char*> {
 protected:
  test::TemporaryFolder folder_;
};

// Whatever the further inputs hold, the first outputs are what diffusers computes with the source.
TEST_P(ImportedUNets, BeginAsTheSource) {
  const std::string name = GetParam();
  test::write_twin(folder_ / "model", name);
  const ModelConfig config = twin_config(name);
  const ImportedWeights weights = imported(folder_ / "model", config);
  Denoiser denoiser(config, 1);
  load_state(denoiser, weights.state, "imported");
  denoiser.to(at::kDouble);
  UNet& unet = denoiser.modules().unet;

  const at::Tensor further = test::random_normal({2, config.input_channels() - 12, 10, 7}, 3).to(at::kDouble);
  const at::Tensor x = at::cat({fill(name + ".x", {2, 12, 10, 7}), further}, 1);
  at::Tensor embedding = unet->embed_time(test::unet_references().at("times").to(at::kFloat));
  if (config.size_embedding_dim > 0) {
    embedding = embedding + unet->embed_sizes(test::unet_references().at(name + ".sizes").to(at::kFloat),
                                              at::zeros({2, config.pooled_text_dim}, at::kDouble));
  }
  const ViewLayout layout = make_view_layout(at::zeros({2, 1}, at::kBool), at::ones({2, 1}, at::kBool));
  ViewContext context;
  context.layout = &layout;
  const at::NoGradGuard no_grad;
  const at::Tensor output = unet->forward(x, embedding, fill(name + ".tokens", {2, 3, 10}), context);
  const at::Tensor& theirs = test::unet_references().at(name + ".imported");
  EXPECT_LT(test::max_difference(output.narrow(1, 0, 12), theirs), 1e-6 * theirs.abs().max().item<double>());
  ASSERT_GT(output.size(1), 12);
  EXPECT_EQ(output.narrow(1, 12, output.size(1) - 12).abs().max().item<double>(), 0);
}

TEST_P(ImportedUNets, AreTheSameFromEveryFormOfSource) {
  const std::string name = GetParam();
  const ModelConfig config = twin_config(name);
  test::write_twin(folder_ / "model", name);
  const TensorMap expected = imported(folder_ / "model", config).state;
  expect_equal(imported(folder_ / "model" / "unet", config).state, expected, "the UNet's own folder");
  expect_equal(imported(folder_ / "model/unet/diffusion_pytorch_model.safetensors", config).state, expected,
               "its file");

  // Sharded.
  fs::copy(folder_ / "model", folder_ / "shards", fs::copy_options::recursive);
  fs::remove(folder_ / "shards/unet/diffusion_pytorch_model.safetensors");
  Json index = {{"metadata", {{"total_size", 1}}}, {"weight_map", Json::object()}};
  TensorMap parts[2];
  std::size_t i = 0;
  for (const auto& [key, tensor] : test::twin_weights(name)) {
    index["weight_map"][key] = fmt::format("diffusion_pytorch_model-0000{}-of-00002.safetensors", 1 + i % 2);
    parts[i++ % 2][key] = tensor;
  }
  for (int part : {0, 1})
    write_safetensors(
        folder_ / fmt::format("shards/unet/diffusion_pytorch_model-0000{}-of-00002.safetensors", part + 1),
        parts[part]);
  write_json_atomic(folder_ / "shards/unet/diffusion_pytorch_model.safetensors.index.json", index);
  expect_equal(imported(folder_ / "shards", config).state, expected, "shards");

  // A single file, with and without the prefix that whole models have.
  const TensorMap whole = test::single_file(name);
  write_safetensors(folder_ / "model.safetensors", whole);
  const ImportedWeights single = imported(folder_ / "model.safetensors", config);
  expect_equal(single.state, expected, "single file");
  EXPECT_EQ(import_counts(single)["left over"], 3);
  TensorMap bare;
  for (const auto& [key, tensor] : whole) {
    if (key.starts_with("model.diffusion_model.")) bare[key.substr(22)] = tensor;
  }
  write_safetensors(folder_ / "bare.safetensors", bare);
  expect_equal(imported(folder_ / "bare.safetensors", config).state, expected, "bare single file");

  // Half the bits: what float32 has of them.
  for (const auto& [variant, dtype] : {std::pair("fp16", at::kHalf), std::pair("bf16", at::kBFloat16)}) {
    const std::string file = fmt::format("diffusion_pytorch_model.{}.safetensors", variant);
    test::write_twin(folder_ / variant, name, dtype, file);
    write_safetensors(folder_ / "model/unet" / file, test::twin_weights(name, dtype));
    const TensorMap half = imported(folder_ / variant, config).state;
    for (const auto& [key, tensor] : test::twin_weights(name, dtype)) {
      const at::Tensor& ours = half.at("unet." + key);
      EXPECT_EQ(ours.scalar_type(), at::kFloat);
      const bool input = key == "conv_in.weight", output = key.starts_with("conv_out");
      EXPECT_TRUE(at::equal(input    ? ours.narrow(1, 0, 12)
                            : output ? ours.narrow(0, 0, 12)
                                     : ours,
                            tensor.to(at::kFloat)))
          << key;
    }
    expect_equal(imported(folder_ / "model", config, variant).state, half, variant);
  }
  expect_equal(imported(folder_ / "model", config).state, expected, "beside variants");
}

INSTANTIATE_TEST_SUITE_P(Twins, ImportedUNets, ::testing::Values("sd15", "sd21", "sdxl"),
                         [](const auto& info) { return std::string(info.param); });

class UNetImport : public ::testing::Test {
 protected:
  UNetImport() { test::write_twin(folder_ / "model", "sd21"); }
  fs::path weights() const { return folder_ / "model/unet/diffusion_pytorch_model.safetensors"; }
  void refuse(ExitCode code, const std::vector<std::string>& texts, const std::string& source = "model",
              const std::string& variant = "") {
    expect_error(code, texts, [&] { imported(folder_ / source, twin_config("sd21"), variant); });
  }
  test::TemporaryFolder folder_;
};

// model.normals: the source's latents are the pictures'; the normals' begin with zeros.
TEST_F(UNetImport, WithNormalsTheFurtherLatentsAreZero) {
  ModelConfig config = twin_config("sd21");
  config.normals = true;
  const ImportedWeights weights = imported(folder_ / "model", config),
                        plain = imported(folder_ / "model", twin_config("sd21"));
  for (const char* name : {"unet.conv_in.weight", "unet.conv_out.weight", "unet.conv_out.bias"}) {
    const std::int64_t dimension = std::string(name) == "unet.conv_in.weight" ? 1 : 0;
    const at::Tensor& wide = weights.state.at(name);
    EXPECT_TRUE(wide.narrow(dimension, 0, 12).equal(plain.state.at(name).narrow(dimension, 0, 12))) << name;
    EXPECT_EQ(wide.narrow(dimension, 12, 12).abs().max().item<float>(), 0) << name;
    const auto key = std::ranges::find(weights.keys, std::string(name), &ImportedKey::name);
    ASSERT_NE(key, weights.keys.end());
    EXPECT_EQ(key->fate, KeyFate::widened);
  }
  Denoiser denoiser(config, 1);
  EXPECT_NO_THROW(load_state(denoiser, weights.state, "imported"));
}

TEST_F(UNetImport, EveryKeyIsReported) {
  const ModelConfig config = twin_config("sd21");
  const ImportedWeights weights = imported(folder_ / "model", config);
  const TensorMap fresh = Denoiser(config, 5).state();
  std::size_t own = 0;
  for (const ImportedKey& key : weights.keys) {
    if (key.name == "unet.conv_in.weight") {
      EXPECT_EQ(key.fate, KeyFate::widened);
      EXPECT_EQ(key.source_shape, (std::vector<std::int64_t>{8, 12, 3, 3}));
      EXPECT_EQ(key.shape[1], config.input_channels());
    }
    if (key.fate == KeyFate::made_new) {
      EXPECT_TRUE(key.name.starts_with("conditioner.")) << key.name;
      EXPECT_TRUE(at::equal(weights.state.at(key.name), fresh.at(key.name))) << "as in a new model of that seed";
      ++own;
    }
  }
  EXPECT_EQ(weights.state.size(), fresh.size());
  EXPECT_EQ(weights.keys.size(), fresh.size());
  const Json counts = import_counts(weights);
  EXPECT_EQ(counts, (Json{{"loaded", fresh.size() - own - 3}, {"widened", 3}, {"new", own}, {"left over", 0}}));
  EXPECT_EQ(import_keys(weights).size(), weights.keys.size());
  const std::string table = import_table(weights, false), all = import_table(weights, true);
  for (const char* text :
       {"unet.down_blocks.1", "unet.conv_in.weight [8,12,3,3] to [8,", "further inputs zero", "conditioner.null_token"})
    EXPECT_NE(table.find(text), std::string::npos) << text << "\n" << table;
  EXPECT_EQ(table.find("unet.mid_block.resnets.0.conv1.weight"), std::string::npos);
  EXPECT_NE(all.find("unet.mid_block.resnets.0.conv1.weight"), std::string::npos);
}

TEST_F(UNetImport, ASectionThatFitsIsPrinted) {
  const UNetSource source = read_unet_source(folder_ / "model");
  struct Section {
    ModelConfig model;
    void bind(Fields& f) { f.group("model", model, ""); }
  } section;
  read_config_text(fitting_config(source), "printed", {}, [&](Fields& f) { section.bind(f); });
  EXPECT_EQ(to_json(section.model), to_json(twin_config("sd21")));
}

TEST_F(UNetImport, AnotherStructureNamesTheKeysThatDiffer) {
  expect_error(
      ExitCode::usage,
      {"model.attention_heads is 2, the source has [1, 2, 4]", "model.linear_projection is false", "--print-config"},
      [&] {
        ModelConfig config = twin_config("sd21");
        config.attention_heads = 2;
        config.linear_projection = false;
        import_unet(read_unet_source(folder_ / "model"), config, 1);
      });
  // Names and shapes of a single file, which does not say more.
  write_safetensors(folder_ / "one.safetensors", test::single_file("sd21"));
  expect_error(ExitCode::runtime, {"one.safetensors", "of another shape", "input_blocks"}, [&] {
    ModelConfig config = twin_config("sd21");
    config.cross_attention_dim = 20;
    imported(folder_ / "one.safetensors", config);
  });
  expect_error(ExitCode::runtime, {"missing", "without a place"}, [&] {
    ModelConfig config = twin_config("sd21");
    config.attention_levels = {0, 1, 1};
    imported(folder_ / "one.safetensors", config);
  });
}

// A real single file does not say its heads, but its shapes say which it is.
TEST_F(UNetImport, ASingleFileOfARealStructureIsRecognised) {
  const auto meta = [](const Preset& preset) {
    UNetSource source;
    source.form = "single file";
    source.name = "sd.safetensors";
    UNetOptions options = unet_options(from_json<ModelConfig>(preset.values, "preset"));
    options.in_channels = options.out_channels = 4;
    options.tensors = at::TensorOptions().device(at::kMeta);
    for (const auto& item : UNet(options)->named_parameters()) source.tensors[item.key()] = item.value();
    return source;
  };
  for (const char* name : {"sd15", "sd21", "sdxl"}) {
    const Preset preset = *std::ranges::find(model_presets(), std::string(name), &Preset::name);
    EXPECT_EQ(fitting_config(meta(preset))
                      .find(fmt::format("attention_heads: {}\n",
                                        from_json<ModelConfig>(preset.values, "").attention_heads.text())) !=
                  std::string::npos,
              true);
    ModelConfig config = from_json<ModelConfig>(preset.values, "preset");
    config.attention_heads = 4;
    expect_error(ExitCode::usage, {"sd.safetensors", "model.attention_heads is 4"},
                 [&] { import_unet(meta(preset), config, 1); });
  }
  expect_error(ExitCode::runtime, {"no preset"}, [&] {
    write_safetensors(folder_ / "one.safetensors", test::single_file("sd21"));
    fitting_config(read_unet_source(folder_ / "one.safetensors"));
  });
}

TEST_F(UNetImport, LatentsOfAnotherKindNeedNewEnds) {
  const ModelConfig config = twin_config("sd21", 4);
  const UNetSource source = read_unet_source(folder_ / "model");
  expect_error(ExitCode::usage, {"latents of 12 channels", "gives 48", "--new-ends"},
               [&] { import_unet(source, config, 5); });
  const ImportedWeights weights = import_unet(source, config, 5, true);
  const TensorMap fresh = Denoiser(config, 5).state();
  for (const char* name : {"unet.conv_in.weight", "unet.conv_in.bias", "unet.conv_out.weight", "unet.conv_out.bias"})
    EXPECT_TRUE(at::equal(weights.state.at(name), fresh.at(name))) << name;
  EXPECT_EQ(import_counts(weights)["left over"], 4);
  Denoiser denoiser(config, 1);
  load_state(denoiser, weights.state, "imported");
}

TEST_F(UNetImport, DamageIsRefused) {
  const auto rewrite = [&](const std::function<void(TensorMap&)>& change) {
    TensorMap map = test::twin_weights("sd21");
    change(map);
    write_safetensors(weights(), map);
  };
  rewrite([](TensorMap& map) { map.erase("conv_norm_out.bias"); });
  refuse(ExitCode::runtime, {"1 missing (conv_norm_out.bias)"});
  rewrite([](TensorMap& map) { map["extra.weight"] = at::zeros({1}); });
  refuse(ExitCode::runtime, {"1 without a place (extra.weight)"});
  rewrite([](TensorMap& map) { map["conv_norm_out.bias"] = at::full({8}, NAN); });
  refuse(ExitCode::runtime, {"conv_norm_out.bias is not finite"});
  rewrite([](TensorMap& map) { map["conv_norm_out.bias"] = at::zeros({8}, at::kInt); });
  refuse(ExitCode::runtime, {"conv_norm_out.bias is Int"});
  rewrite([](TensorMap& map) { map["conv_norm_out.bias"] = at::zeros({8, 1}); });
  refuse(ExitCode::runtime, {"conv_norm_out.bias [8,1] for [8]"});
  rewrite([](TensorMap& map) { map["conv_in.weight"] = at::zeros({8, 13, 3, 3}); });
  refuse(ExitCode::usage, {"takes 13 channels and gives 12", "inpainting"});
  rewrite([](TensorMap& map) { map["conv_in.weight"] = at::zeros({8}); });
  refuse(ExitCode::runtime, {"conv_in.weight"});
  const std::string bytes = [&] {
    rewrite([](TensorMap&) {});
    return read_file(weights());
  }();
  write_file_atomic(weights(), bytes.substr(0, bytes.size() - 100));
  refuse(ExitCode::runtime, {"diffusion_pytorch_model.safetensors", "cut off"});
  write_file_atomic(weights(), "");
  refuse(ExitCode::runtime, {"diffusion_pytorch_model.safetensors"});
}

TEST_F(UNetImport, WhatIsNoSourceIsRefused) {
  refuse(ExitCode::usage, {"nothing", "no such file"}, "nothing");
  make_folder(folder_ / "empty");
  refuse(ExitCode::usage, {"empty", "unet/config.json"}, "empty");
  refuse(ExitCode::usage, {"no variant 'fp16'", "(none)"}, "model", "fp16");
  refuse(ExitCode::usage, {"--variant"}, "model/unet/diffusion_pytorch_model.safetensors", "fp16");
  write_safetensors(folder_ / "other.safetensors", {{"text_model.weight", at::zeros({1})}});
  refuse(ExitCode::usage, {"other.safetensors", "holds no UNet"}, "other.safetensors");
  write_safetensors(folder_ / "alone.safetensors", test::twin_weights("sd21"));
  refuse(ExitCode::usage, {"alone.safetensors", "config.json"}, "alone.safetensors");
  // Pickles, by name and by content.
  for (const char* name : {"model.ckpt", "model.bin", "model.pt"}) {
    write_file_atomic(folder_ / name, "x");
    refuse(ExitCode::usage, {name, "pickle", "safe_serialization"}, name);
  }
  for (const std::string& head : {std::string("PK\x03\x04"), std::string("\x80\x02}q")}) {
    write_file_atomic(folder_ / "renamed.safetensors", head + "0123456789");
    refuse(ExitCode::usage, {"renamed.safetensors", "pickle"}, "renamed.safetensors");
  }
  fs::rename(weights(), folder_ / "model/unet/diffusion_pytorch_model.bin");
  refuse(ExitCode::usage, {"diffusion_pytorch_model.bin", "pickle"});
  fs::remove(folder_ / "model/unet/diffusion_pytorch_model.bin");
  refuse(ExitCode::usage, {"holds no diffusion_pytorch_model.safetensors"});
  for (const char* variant : {"ema", "fp16"})
    write_safetensors(folder_ / fmt::format("model/unet/diffusion_pytorch_model.{}.safetensors", variant), {});
  refuse(ExitCode::usage, {"ema, fp16", "choose one by --variant"});
}

TEST_F(UNetImport, AnIndexNamesFilesBesideIt) {
  fs::remove(weights());
  const fs::path index = folder_ / "model/unet/diffusion_pytorch_model.safetensors.index.json";
  const auto refused = [&](const Json& json, const std::vector<std::string>& texts, ExitCode code = ExitCode::runtime) {
    write_json_atomic(index, json);
    refuse(code, texts);
  };
  refused({{"metadata", 1}}, {"index.json", "weight_map"});
  refused({{"weight_map", {{"a", 3}}}}, {"index.json", "'a'"});
  refused(Json::array(), {"index.json", "weight_map"});
  refused({{"weight_map", {{"a", "gone.safetensors"}}}}, {"index.json", "gone.safetensors", "missing"});
  write_safetensors(folder_ / "outside.safetensors", {{"a", at::zeros({1})}});
  refused({{"weight_map", {{"a", "../../outside.safetensors"}}}}, {"index.json", "../../outside.safetensors"});
  refused({{"weight_map", {{"a", (folder_ / "outside.safetensors").string()}}}}, {"index.json", "outside.safetensors"});
  write_file_atomic(folder_ / "model/unet/part.bin", "x");
  refused({{"weight_map", {{"a", "part.bin"}}}}, {"part.bin", "pickle"}, ExitCode::usage);
  write_safetensors(folder_ / "model/unet/part.safetensors", {{"a", at::zeros({1})}, {"b", at::zeros({1})}});
  const std::string part = "part.safetensors";
  refused({{"weight_map", {{"a", part}, {"b", part}, {"c", part}}}}, {"index.json", "'c' is not in part.safetensors"});
  refused({{"weight_map", {{"a", "part.safetensors"}}}}, {"part.safetensors", "'b'"});
  write_file_atomic(index, "{\"weight_map\": {");
  refuse(ExitCode::runtime, {"index.json"});
}

TEST_F(UNetImport, DamagedTextsAreErrorsAndNothingElse) {
  const fs::path config = folder_ / "model/unet/config.json";
  const std::string valid = read_file(config);
  test::mutate_and_try(valid, [&](std::string_view bytes) {
    write_file_atomic(config, bytes);
    const UNetSource source = read_unet_source(folder_ / "model");
    import_unet(source, twin_config("sd21"), 1);
  });
}

}  // namespace
}  // namespace spinfill

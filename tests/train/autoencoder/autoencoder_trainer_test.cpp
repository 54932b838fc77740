// SPDX-License-Identifier: Apache-2.0
#include "train/autoencoder/trainer.h"

#include <gtest/gtest.h>

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cmath>
#include <cstdlib>
#include <fstream>

#include "core/files/json.h"
#include "data/pictures/picture.h"
#include "metrics/lpips.h"
#include "model/autoencoder/files.h"
#include "support/support.h"
#include "support/tiny_set.h"
#include "train/checkpoints/checkpoint.h"

namespace spinfill {
namespace {

// Small autoencoders of drawn weights, as diffusers writes them.
void write_drawn_autoencoder(const fs::path& folder, const std::string& name) {
  const Json described = read_json(test::fixture("model/autoencoders.json")).at(name);
  auto generator = at::make_generator<at::CPUGeneratorImpl>(3);
  TensorMap tensors;
  for (const auto& [key, sizes] : described.at("keys").items()) {
    const auto shape = sizes.get<std::vector<std::int64_t>>();
    const double fan_in = shape.size() > 1 ? static_cast<double>(c10::multiply_integers(shape) / shape[0]) : 0;
    const bool norm = key.find("norm") != std::string::npos && key.ends_with("weight");
    tensors[key] = norm ? at::ones(shape)
                        : at::empty(shape, at::kFloat).normal_(0, fan_in > 0 ? 1 / std::sqrt(fan_in) : 0.05, generator);
  }
  make_folder(folder);
  write_json_atomic(folder / "config.json", described.at("config"));
  write_safetensors(folder / "diffusion_pytorch_model.safetensors", tensors);
}

std::vector<Json> rows_of(const fs::path& run) {
  std::vector<Json> rows;
  std::ifstream in(run / "metrics.jsonl");
  for (std::string line; std::getline(in, line);) rows.push_back(Json::parse(line));
  return rows;
}

class AutoencoderTraining : public ::testing::Test {
 protected:
  void SetUp() override {
    ::unsetenv("SPINFILL_LPIPS_WEIGHTS");
    test::write_tiny_data_set(folder_ / "data", 6);
    write_drawn_autoencoder(folder_ / "tiny", "tiny");
    write_drawn_autoencoder(folder_ / "kl", "kl");
  }
  AutoencoderRunConfig config(const std::string& kind = "tiny") const {
    AutoencoderRunConfig config;
    config.data.path = (folder_ / "data").string();
    config.data.crop = 24;
    config.model.autoencoder = *value_named<AutoencoderKind>(kind);
    config.model.autoencoder_from = (folder_ / kind).string();
    config.model.autoencoder_channels = kind == "tiny" ? 5 : 4;
    config.model.autoencoder_factor = 4;
    config.optimizer.warmup_steps = 1;
    AutoencoderTrainConfig& train = config.train;
    train.steps = 6;
    train.batch_pictures = 4;
    train.micro_batch_pictures = 2;
    train.checkpoint_every = train.validate_every = 3;
    train.keep_last = 9;
    train.log_every = 1;
    train.sample_pictures = 2;
    return config;
  }
  AutoencoderResult train(const AutoencoderRunConfig& config, const std::string& run, bool resume = false) const {
    return train_autoencoder(config, folder_ / run, resume, "test");
  }
  TensorMap result(const std::string& run) const {
    return read_autoencoder(folder_ / run / "autoencoder.safetensors").tensors;
  }
  Checkpoint last(const std::string& run) const { return newest_valid_checkpoint(folder_ / run).value(); }
  static void expect_same(const TensorMap& a, const TensorMap& b) {
    ASSERT_EQ(a.size(), b.size());
    for (const auto& [name, tensor] : a) EXPECT_TRUE(at::equal(tensor, b.at(name))) << name;
  }
  void expect_refused(const AutoencoderRunConfig& config, ExitCode code, const std::vector<std::string>& texts,
                      const std::string& run = "refused", bool resume = false) const {
    test::expect_error(code, texts, [&] { train(config, run, resume); });
    EXPECT_FALSE(fs::exists(folder_ / "refused"));
  }
  test::TemporaryFolder folder_;
};

TEST_F(AutoencoderTraining, TheDecoderAloneLeavesLatentsAsTheyAre) {
  for (const std::string kind : {"tiny", "kl"}) {
    const AutoencoderRunConfig decoder = config(kind);
    EXPECT_EQ(train(decoder, kind + "-run").step, 6);
    const TensorMap before = read_autoencoder(folder_ / kind).tensors, after = result(kind + "-run");
    ASSERT_EQ(before.size(), after.size());
    for (const auto& [name, tensor] : before) {
      const bool trained = name.starts_with("decoder.") || name.starts_with("post_quant_conv.");
      // A bias whose channel is never lit may stay.
      EXPECT_TRUE(at::equal(tensor, after.at(name)) != trained || tensor.dim() == 1) << name;
      EXPECT_TRUE(trained || at::equal(tensor, after.at(name))) << name;
    }
    // What diffusers reads, and where it comes from.
    const AutoencoderFile written = read_autoencoder(folder_ / (kind + "-run") / "autoencoder.safetensors");
    const AutoencoderFile diffusers = read_autoencoder(folder_ / (kind + "-run") / "diffusers");
    EXPECT_EQ(written.content_hash(), diffusers.content_hash());
    const Json training = Json::parse(written.training);
    EXPECT_EQ(training.at("step"), 6);
    EXPECT_EQ(training.at("autoencoder_from_sha256"), read_autoencoder(folder_ / kind).content_hash());
    EXPECT_EQ(written.latents_hash(), read_autoencoder(folder_ / kind).content_hash());
    EXPECT_NE(written.content_hash(), written.latents_hash());
    EXPECT_EQ(training.at("settings").at("train").at("part"), "decoder");
    EXPECT_EQ(written.training.find(folder_.path().string()), std::string::npos) << "a path of this machine";
    const Json names = read_json(test::fixture("model/autoencoders.json")).at(kind);
    const Json config_json = read_json(folder_ / (kind + "-run") / "diffusers/config.json");
    for (const auto& [field, value] : config_json.items())
      EXPECT_TRUE(names.at("config").value(field, Json()).is_null() || value == names["config"][field]) << field;
    // Kept where it is used, too.
    save_autoencoder(folder_ / "again.safetensors", written);
    EXPECT_EQ(read_autoencoder(folder_ / "again.safetensors").training, written.training);
  }
}

TEST_F(AutoencoderTraining, ResumesBitForBit) {
  for (const std::string kind : {"tiny", "kl"}) {
    AutoencoderRunConfig everything = config(kind);
    everything.train.part = AutoencoderPart::all;
    everything.loss.discriminator = 0.5;
    everything.loss.discriminator_from = 2;
    everything.loss.discriminator_channels = 8;
    const std::string whole = kind + "-whole", cut = kind + "-cut";
    train(everything, whole);
    everything.train.threads = 1;
    train(everything, cut);
    expect_same(last(whole).weights, last(cut).weights);  // by any number of threads
    fs::remove_all(folder_ / cut / "checkpoints/step-6");
    // The weights that it began with may be gone.
    fs::rename(folder_ / kind, folder_ / "away");
    EXPECT_EQ(train(everything, cut, true).step, 6);
    fs::rename(folder_ / "away", folder_ / kind);
    expect_same(last(whole).weights, last(cut).weights);
    expect_same(last(whole).ema, last(cut).ema);
    expect_same(last(whole).optimizer, last(cut).optimizer);
    EXPECT_EQ(last(whole).progress, last(cut).progress);
    expect_same(result(whole), result(cut));
    const std::vector<Json> rows = rows_of(folder_ / cut);
    std::vector<std::int64_t> steps;
    for (const Json& row : rows) steps.push_back(row.at("step"));
    EXPECT_EQ(steps, (std::vector<std::int64_t>{0, 1, 2, 3, 3, 4, 5, 6, 6}));
    // The discriminator counts from its step on.
    EXPECT_FALSE(rows[2].contains("adaptive_weight"));
    EXPECT_GT(rows[3].at("adaptive_weight").get<double>(), 0);
    EXPECT_EQ(rows[1].contains("kl"), kind == "kl");
    EXPECT_EQ(last(whole).weights.count("discriminator.main.0.weight"), 1U);
    // Other settings are another run.
    AutoencoderRunConfig other = everything;
    other.loss.discriminator = 0.25;
    expect_refused(other, ExitCode::usage, {cut, "loss.discriminator"}, cut, true);
    other = everything;
    write_drawn_autoencoder(folder_ / "other", kind);
    TensorMap changed = read_autoencoder(folder_ / kind).tensors;
    changed.begin()->second = changed.begin()->second + 1;
    write_safetensors(folder_ / "other/diffusion_pytorch_model.safetensors", changed);
    other.model.autoencoder_from = (folder_ / "other").string();
    expect_refused(other, ExitCode::usage, {cut, "other weights at model.autoencoder_from"}, cut, true);
  }
}

TEST_F(AutoencoderTraining, LearnsAndIsValidated) {
  AutoencoderRunConfig config = this->config();
  config.train.steps = 80;
  config.train.validate_every = 40;
  config.train.result = AutoencoderChoice::best;
  config.optimizer.learning_rate = 3e-3;
  config.data.plain_background = 0;
  config.train.ema_decay = 0.9;
  train(config, "run");
  const std::vector<Json> rows = rows_of(folder_ / "run");
  double first = 0, last_loss = 0, before = 0, after = 0;
  for (const Json& row : rows) {
    if (row.contains("validation")) {
      (row.at("step") == 0 ? before : after) = row.at("validation").at("foreground_psnr");
      EXPECT_EQ(row.at("images"), 8);
      EXPECT_TRUE(row.at("validation").at("ssim").is_number());
      EXPECT_TRUE(row.at("validation").at("lpips").is_null());
      continue;
    }
    const std::int64_t step = row.at("step");
    if (step <= 5) first += row.at("loss").get<double>() / 5;
    if (step > 75) last_loss += row.at("loss").get<double>() / 5;
  }
  EXPECT_LT(last_loss, 0.6 * first);
  EXPECT_GT(after, before + 3);
  for (const char* step : {"0000000", "0000040", "0000080"}) {
    const cv::Mat grid = read_picture(folder_ / "run/samples" / fmt::format("step-{}-0.png", step));
    EXPECT_GT(grid.cols, 5 * 192);
  }
  EXPECT_EQ(Json::parse(read_autoencoder(folder_ / "run/autoencoder.safetensors").training).at("step"), 80);
}

TEST_F(AutoencoderTraining, BeginsWithRandomWeights) {
  AutoencoderRunConfig config = this->config("kl");
  config.model.autoencoder_from.clear();
  config.model.block_out_channels = {8, 8, 8};
  config.model.norm_num_groups = 4;
  config.train.part = AutoencoderPart::all;
  train(config, "run");
  const AutoencoderFile file = read_autoencoder(folder_ / "run/autoencoder.safetensors");
  EXPECT_EQ(file.architecture.block_out_channels, config.model.block_out_channels);
  EXPECT_EQ(file.architecture.factor(), 4);
  EXPECT_TRUE(Json::parse(file.training).at("autoencoder_from_sha256").is_null());
  fs::remove_all(folder_ / "run/checkpoints/step-6");
  const TensorMap whole = result("run");
  train(config, "run", true);
  expect_same(whole, result("run"));
}

TEST_F(AutoencoderTraining, LpipsIsALossWhereItsWeightsAre) {
  AutoencoderRunConfig config = this->config();
  config.loss.lpips = 0.5;
  expect_refused(config, ExitCode::usage, {"loss.lpips is 0.5", "SPINFILL_LPIPS_WEIGHTS"});
  SPINFILL_NEEDS_REAL_DATA();
  config.evaluation.lpips.weights = (test::real_data() / "lpips/lpips_squeeze.safetensors").string();
  config.data.crop = 16;
  expect_refused(config, ExitCode::usage, {"loss.lpips is 0.5", "16"});
  config.data.crop = 32;
  config.train.steps = 1;
  train(config, "run");
  const Json row = rows_of(folder_ / "run")[1];
  EXPECT_NEAR(row.at("loss").get<double>(), row.at("l1").get<double>() + 0.5 * row.at("lpips").get<double>(), 1e-5);
  EXPECT_EQ(read_json(folder_ / "run/inputs.json").at("loss_lpips_sha256").get<std::string>().size(), 64U);
}

TEST_F(AutoencoderTraining, WhatCannotBeTrainedIsOneLine) {
  const AutoencoderRunConfig good = config();
  const auto with = [&](const std::function<void(AutoencoderRunConfig&)>& change) {
    AutoencoderRunConfig changed = good;
    change(changed);
    return changed;
  };
  expect_refused(with([](auto& c) { c.model.autoencoder_from.clear(); }), ExitCode::usage,
                 {"train.part is decoder", "model.autoencoder_from"});
  expect_refused(with([](auto& c) { c.model.autoencoder_from = "nowhere"; }), ExitCode::usage,
                 {"nowhere", "no such file or folder"});
  expect_refused(with([&](auto& c) { c.model.autoencoder_from = (folder_ / "kl").string(); }), ExitCode::usage,
                 {"model.autoencoder is tiny", "kind kl"});
  expect_refused(with([](auto& c) { c.model.autoencoder_channels = 4; }), ExitCode::usage,
                 {"autoencoder_channels is 4", "5 latent channels"});
  expect_refused(with([](auto& c) { c.data.path.clear(); }), ExitCode::usage, {"data.path is empty"});
  expect_refused(with([](auto& c) { c.data.path = "nowhere"; }), ExitCode::runtime, {"data.path: nowhere"});
  fs::create_directories(folder_ / "half");
  write_json_atomic(folder_ / "half/config.json", read_json(folder_ / "tiny/config.json"));
  TensorMap lacking = read_autoencoder(folder_ / "tiny").tensors;
  lacking.erase("decoder.layers.0.weight");
  write_safetensors(folder_ / "half/diffusion_pytorch_model.safetensors", lacking);
  expect_refused(with([&](auto& c) { c.model.autoencoder_from = (folder_ / "half").string(); }), ExitCode::runtime,
                 {"half", "decoder.layers.0.weight"});
  expect_refused(good, ExitCode::usage, {"there is no run to resume"}, "nothing", true);
  train(with([](auto& c) { c.train.steps = 1; }), "run");
  expect_refused(good, ExitCode::usage, {"holds a run already", "--resume"}, "run");
  expect_refused(with([](auto& c) {
                   c.seed = 2;
                   c.train.steps = 1;
                 }),
                 ExitCode::usage, {"another seed"}, "run", true);
  // A loss that is no number ends it, and the last checkpoint stands.
  AutoencoderRunConfig wild = with([](auto& c) {
    c.train.steps = 60;
    c.train.max_skipped_steps = 2;
  });
  wild.optimizer.learning_rate = 1;
  wild.optimizer.max_gradient_norm = 1e9;
  wild.optimizer.epsilon = 1e-16;
  wild.train.validate_every = 0;
  wild.train.checkpoint_every = 1;
  wild.optimizer.weight_decay = 10;
  expect_refused(wild, ExitCode::runtime, {"2 steps in a row were not finite", "optimizer.learning_rate"}, "wild");
  EXPECT_TRUE(newest_valid_checkpoint(folder_ / "wild").has_value());
}

}  // namespace
}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
// Latent models as a user makes and runs them, with a small autoencoder of random weights; and `autoencode`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>

#include "core/tensors/safetensors.h"
#include "data/pictures/picture.h"
#include "support/program_suite.h"

namespace spinfill {
namespace {

using ::testing::HasSubstr;

// A folder as diffusers writes it: AutoencoderTiny, 5 channels at a quarter of width and height.
void write_autoencoder(const fs::path& folder, std::uint64_t seed) {
  const Json described = read_json(test::fixture("model/autoencoders.json")).at("tiny");
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  TensorMap tensors;
  for (const auto& [name, sizes] : described.at("keys").items()) {
    const auto shape = sizes.get<std::vector<std::int64_t>>();
    const double scale = shape.size() > 1 ? 1 / std::sqrt(static_cast<double>(shape[1] * 9)) : 0.1;
    tensors[name] = at::empty(shape, at::kFloat).normal_(0, scale, generator);
  }
  make_folder(folder);
  write_json_atomic(folder / "config.json", described.at("config"));
  write_safetensors(folder / "diffusion_pytorch_model.safetensors", tensors);
}

class Latent : public test::ProgramSuite<Latent> {
 public:
  static void fill() {
    test::write_tiny_data_set(*folder_ / "data", 6);
    write_autoencoder(*folder_ / "vae", 1);
    write_autoencoder(*folder_ / "other", 2);
    write_config(
        "steps: 6, batch_sets: 2, micro_batch_sets: 2, regression_share: 0.5, checkpoint_every: 3, keep_last: 9, "
        "validate_every: 6, validation_sets: 1, sample_grids: 0, log_every: 1, threads: 1");
  }

 protected:
  static constexpr const char* kModel =
      " --set model.autoencoder=tiny --set model.autoencoder_channels=5 --set model.autoencoder_factor=4"
      " --set model.autoencoder_from=";
  static std::string train_latent(const std::string& run, const std::string& vae, const std::string& more = "") {
    return train(run, kModel + vae + " " + more);
  }
  static void expect_error(const std::string& arguments, int code, const std::vector<std::string>& texts) {
    const auto result = shell(arguments);
    EXPECT_EQ(result.exit_code, code) << arguments << ": " << result.output;
    for (const std::string& text : texts) EXPECT_THAT(result.output, HasSubstr(text)) << arguments;
  }
};

TEST_F(Latent, TrainsResumesEvaluatesExportsAndCompletes) {
  auto result = shell(train_latent("run", "vae"));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  ASSERT_TRUE(fs::exists(*folder_ / "run/autoencoder.safetensors"));
  const std::string hash = read_json(*folder_ / "run/inputs.json").at("autoencoder_sha256");
  EXPECT_EQ(hash.size(), 64u);

  // Resumed bit for bit, from the weights that the run keeps where those named are gone.
  fs::copy(*folder_ / "run", *folder_ / "cut", fs::copy_options::recursive);
  fs::remove_all(*folder_ / "cut/checkpoints/step-6");
  expect_error(train_latent("cut", "other", "--resume"), 2, {"other weights at model.autoencoder_from"});
  fs::rename(*folder_ / "vae", *folder_ / "moved");
  result = spinfill("train --resume --out cut");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("autoencoder.safetensors stands for it"));
  EXPECT_EQ(checkpoint_hashes("cut", 6), checkpoint_hashes("run", 6));

  // Scored beside what the autoencoder alone would give.
  result = spinfill("evaluate --model run --data data --out report --grids 0");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("oracle"));
  const Json report = read_json(*folder_ / "report/metrics.json");
  EXPECT_EQ(report.at("model").at("autoencoder_sha256"), hash);
  const double oracle = report.at("oracle").at("overall").at("psnr");
  EXPECT_TRUE(std::isfinite(oracle));
  EXPECT_NE(oracle, report.at("overall").at("psnr").get<double>());
  EXPECT_TRUE(report.at("images")[0].contains("oracle"));
  EXPECT_EQ(report.at("baselines").size(), 4u);

  // The bundle holds all it needs.
  result = spinfill("export --run run --out bundle --dtype fp16");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  result = spinfill("export --run run --format diffusers --out unet");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(sha256_file(*folder_ / "unet/autoencoder.safetensors"),
            sha256_file(*folder_ / "run/autoencoder.safetensors"));
  EXPECT_THAT(read_file(*folder_ / "unet/README.md"), HasSubstr("autoencoder.safetensors"));
  fs::rename(*folder_ / "run", *folder_ / "elsewhere");
  const Json manifest = read_json(*folder_ / "bundle/manifest.json");
  EXPECT_EQ(manifest.at("config").at("model").at("autoencoder_from"), "");
  EXPECT_TRUE(manifest.at("files").contains("autoencoder.safetensors"));
  EXPECT_EQ(spinfill("export --check bundle").exit_code, 0);
  result = spinfill("evaluate --model bundle --data data --out again --grids 0");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(read_json(*folder_ / "again/metrics.json").at("oracle").at("overall"), report.at("oracle").at("overall"));
  fs::create_directory(*folder_ / "given");
  for (const char* view : {"transforms.json", "000.png", "045.png", "090.png", "180.png", "225.png"}) {
    const fs::path from = *folder_ / "data/tiny-05" / view;
    if (fs::exists(from)) fs::copy(from, *folder_ / "given" / view);
  }
  fs::remove(*folder_ / "given/transforms.json");
  result = spinfill("complete --model bundle --input given --out spin");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_TRUE(fs::exists(*folder_ / "spin/spin.html"));

  // Damage is named.
  fs::copy(*folder_ / "bundle", *folder_ / "damaged", fs::copy_options::recursive);
  fs::remove(*folder_ / "damaged/autoencoder.safetensors");
  expect_error(fmt::format("'{}' export --check damaged", test::program()), 3, {"autoencoder.safetensors", "missing"});
  fs::copy(*folder_ / "elsewhere", *folder_ / "without", fs::copy_options::recursive);
  fs::remove(*folder_ / "without/autoencoder.safetensors");
  expect_error(fmt::format("'{}' evaluate --model without --data data --out never", test::program()), 3,
               {"autoencoder.safetensors", "missing"});
  fs::copy_file(*folder_ / "other/diffusion_pytorch_model.safetensors", *folder_ / "without/autoencoder.safetensors");
  expect_error(fmt::format("'{}' evaluate --model without --data data --out never", test::program()), 3,
               {"autoencoder.safetensors"});
  fs::rename(*folder_ / "moved", *folder_ / "vae");
}

// Latents and where pixels are from: coverage comes from the fields, and large photographs keep their own pixels.
TEST_F(Latent, SourcesTellWherePixelsAreFrom) {
  auto result = shell(train_latent("sources", "vae", "--set model.output=sources --set model.prior_image=prior"));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  result = spinfill("export --run sources --out sources-bundle");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(spinfill("export --check sources-bundle").exit_code, 0);
  fs::create_directory(*folder_ / "few");
  for (const char* view : {"000.png", "045.png", "090.png", "180.png", "225.png"})
    if (fs::exists(*folder_ / "data/tiny-05" / view))
      fs::copy(*folder_ / "data/tiny-05" / view, *folder_ / "few" / view);
  result = spinfill("complete --model sources-bundle --input few --out sources-spin --json");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const Json spin = read_json(*folder_ / "sources-spin/transforms.json");
  for (const Json& frame : spin.at("frames")) {
    if (frame.at("generated")) {
      EXPECT_TRUE(fs::exists(*folder_ / "sources-spin" / frame.at("file_path").get<std::string>()));
    }
  }
}

TEST_F(Latent, LatentsOfViewsAreKeptWhereNoColoursAreDrawn) {
  const std::string plain =
      "--set data.augment.plain_background=0 --set data.augment.brightness=0 --set data.augment.contrast=0 "
      "--set data.augment.saturation=0 --set data.augment.hue=0";
  auto result = shell(train_latent("anew", "vae", plain));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  for (const char* run : {"kept", "found"}) {  // the second finds what the first has kept
    result = shell(train_latent(run, "vae", plain + " --set data.loader.cache_folder=store"));
    ASSERT_EQ(result.exit_code, 0) << result.output;
    EXPECT_EQ(checkpoint_hashes(run, 6), checkpoint_hashes("anew", 6));
    const std::size_t latents = 5 * 4 * 6 * sizeof(float);
    EXPECT_GT(std::ranges::count_if(fs::recursive_directory_iterator(*folder_ / "store"),
                                    [&](const auto& entry) {
                                      return entry.is_regular_file() && entry.file_size() > latents &&
                                             entry.file_size() < latents + 200;
                                    }),
              8);
  }
  result = shell(train_latent("drawn", "vae", "--set data.loader.cache_folder=store --set train.steps=1"));
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("not kept: data.augment draws new colours"));
}

TEST_F(Latent, WrongConfigurationsAreOneLine) {
  expect_error(train("never", " --set model.autoencoder=tiny --set data.height=20"), 2,
               {"model.autoencoder_factor (8)"});
  expect_error(train("never", " --set model.autoencoder=tiny"), 2, {"model.autoencoder_from is empty"});
  expect_error(train_latent("never", "nowhere"), 2, {"nowhere", "no such file or folder"});
  expect_error(train_latent("never", "vae", "--set model.autoencoder_channels=4"), 2,
               {"autoencoder_channels is 4", "5 latent channels"});
  expect_error(train_latent("never", "vae", "--set model.autoencoder=kl"), 2, {"autoencoder is kl", "kind tiny"});
  expect_error(train_latent("never", "vae", "--set model.autoencoder_factor=3"), 2, {"model.autoencoder_factor"});
  EXPECT_FALSE(fs::exists(*folder_ / "never"));
}

TEST_F(Latent, PlanCountsTheAutoencoder) {
  const auto bytes = [&](const std::string& more) {
    const auto result = shell(
        fmt::format("'{}' plan --config tiny.yaml --gpus 1 --vram 8G --flops 1T --json {}", test::program(), more));
    EXPECT_EQ(result.exit_code, 0) << result.output;
    return parse_json(result.output, "plan");
  };
  const Json own = bytes(kModel + std::string("vae")),
             usual = bytes(" --set model.autoencoder=tiny --set data.width=48");
  EXPECT_GT(own.at("tensors").at("weights").get<double>(), 4.0 * own.at("parameters").get<double>());
  // TAESD's 2.4 million weights, without a file.
  EXPECT_GT(usual.at("tensors").at("weights").get<double>(), 4.0 * (2.4e6 + usual.at("parameters").get<double>()));
  EXPECT_GT(usual.at("flops_per_step").get<double>(), 5 * own.at("flops_per_step").get<double>());
}

TEST_F(Latent, AutoencodeOfAPictureAndOfAFolder) {
  auto result = spinfill("autoencode --vae vae --input data/tiny-05/000.png --out back.png --json");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const Json one = parse_json(result.output, "autoencode");
  EXPECT_EQ(one.at("autoencoder").at("latent_channels"), 5);
  EXPECT_EQ(one.at("images")[0].at("foreground"), "alpha");
  EXPECT_TRUE(one.at("images")[0].at("psnr").is_number());
  EXPECT_GT(one.at("latents").at("standard_deviation").get<double>(), 0);
  const cv::Mat back = read_picture(*folder_ / "back.png");
  EXPECT_EQ(back.cols, 48);
  EXPECT_EQ(back.rows, 32);
  // The scores are those of the files.
  result = spinfill("metrics back.png data/tiny-05/000.png --json");
  EXPECT_EQ(parse_json(result.output, "metrics").at("images")[0].at("psnr"), one.at("images")[0].at("psnr"));

  // 47 × 31 px are padded and cropped; tiles change nothing that is seen.
  fs::create_directories(*folder_ / "photos");
  cv::Mat odd = read_picture(*folder_ / "data/tiny-05/045.png")(cv::Rect(1, 1, 47, 31)).clone();
  write_png(*folder_ / "photos/odd.png", odd);
  write_png(*folder_ / "photos/even.png", read_picture(*folder_ / "data/tiny-05/090.png"));
  for (const std::string tile : {"0", "8"}) {
    result = spinfill(fmt::format("autoencode --vae vae --input photos --out back-{} --tile {}", tile, tile));
    ASSERT_EQ(result.exit_code, 0) << result.output;
    EXPECT_THAT(result.output, HasSubstr("mean of 2"));
  }
  for (const char* name : {"odd.png", "even.png"}) {
    const cv::Mat whole = read_picture(*folder_ / "back-0" / name), tiled = read_picture(*folder_ / "back-8" / name);
    ASSERT_EQ(whole.size(), tiled.size());
    EXPECT_LE(cv::norm(whole, tiled, cv::NORM_INF), 1);
  }
  EXPECT_EQ(read_picture(*folder_ / "back-0/odd.png").cols, 47);
  // Nothing is written over, and nothing is left by an error.
  const std::string program = test::program();
  expect_error(fmt::format("'{}' autoencode --vae vae --input photos --out back-0", program), 2, {"back-0"});
  expect_error(fmt::format("'{}' autoencode --vae vae --input photos --out back-0 --replace", program), 0, {"mean of"});
  expect_error(fmt::format("'{}' autoencode --vae vae --input photos/odd.png --out back.png", program), 2,
               {"--out back.png", "there already"});
  expect_error(fmt::format("'{}' autoencode --vae vae --input photos/odd.png --out back.jpg", program), 2, {".png"});
  expect_error(fmt::format("'{}' autoencode --vae vae --input nothing --out x.png", program), 2, {"--input nothing"});
  expect_error(fmt::format("'{}' autoencode --vae data --input photos --out x", program), 3, {"data", "config.json"});
  expect_error(fmt::format("'{}' autoencode --vae vae --input tiny.yaml --out x.png", program), 3, {"tiny.yaml"});
  EXPECT_FALSE(fs::exists(*folder_ / "x.png"));
}

// A decoder is fine-tuned, is stopped and goes on; a model in training takes it.
TEST_F(Latent, AnAutoencoderIsTrainedAndUsed) {
  write_file_atomic(*folder_ / "decoder.yaml",
                    "data: {path: data, crop: 24}\n"
                    "model: {autoencoder_from: vae, autoencoder_channels: 5, autoencoder_factor: 4}\n"
                    "train: {steps: 4, batch_pictures: 2, micro_batch_pictures: 2, checkpoint_every: 2, log_every: 1, "
                    "validation_sets: 1, sample_pictures: 1, threads: 1}\n");
  auto result = spinfill("train-autoencoder --config decoder.yaml --out tuned");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("step 4: validation PSNR"));
  EXPECT_EQ(rows("tuned").back().at("step"), 4);
  fs::copy(*folder_ / "tuned", *folder_ / "resumed", fs::copy_options::recursive);
  fs::remove_all(*folder_ / "resumed/checkpoints/step-4");
  fs::remove(*folder_ / "resumed/autoencoder.safetensors");
  result = spinfill("train-autoencoder --resume --out resumed");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(checkpoint_hashes("tuned", 4), checkpoint_hashes("resumed", 4));
  EXPECT_EQ(sha256_file(*folder_ / "tuned/autoencoder.safetensors"),
            sha256_file(*folder_ / "resumed/autoencoder.safetensors"));
  // Read as any other.
  for (const std::string file : {"tuned/autoencoder.safetensors", "tuned/diffusers"}) {
    result = spinfill(
        fmt::format("autoencode --vae {} --input data/tiny-05/000.png --out {}.png --json", file, file.substr(6, 4)));
    EXPECT_EQ(result.exit_code, 0) << result.output;
  }
  EXPECT_EQ(read_file(*folder_ / "auto.png"), read_file(*folder_ / "diff.png"));
  result = shell(train_latent("on-tuned", "tuned/autoencoder.safetensors", "--set train.steps=1"));
  EXPECT_EQ(result.exit_code, 0) << result.output;
  // A model that was trained before takes the decoder, as latents are the same; not one of other latents.
  result = shell(train_latent("on-vae", "vae", "--set train.steps=1"));
  EXPECT_EQ(result.exit_code, 0) << result.output;
  fs::copy_file(*folder_ / "tuned/autoencoder.safetensors", *folder_ / "on-vae/autoencoder.safetensors",
                fs::copy_options::overwrite_existing);
  result = spinfill("export --run on-vae --out on-vae-bundle");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  result = spinfill("train-autoencoder --config decoder.yaml --out further --set train.part=all --set train.steps=1");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  fs::copy_file(*folder_ / "further/autoencoder.safetensors", *folder_ / "on-vae/autoencoder.safetensors",
                fs::copy_options::overwrite_existing);
  expect_error(fmt::format("'{}' export --run on-vae --out never", test::program()), 3,
               {"autoencoder.safetensors", "put it back"});
  result = spinfill("inspect tuned --html tuned.html");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("part: decoder"));

  // Whoever takes it for a model's run, or a model's for one, is told which command goes on with it.
  const std::string cli = fmt::format("'{}' ", test::program());
  for (const char* command :
       {"train --resume --out tuned", "train --auto-resume --out tuned",
        "train --resume --config tiny.yaml --out tuned", "evaluate --model tuned --data data --out never",
        "export --run tuned --out never", "complete --model tuned --input data/tiny-05 --out never",
        "sample --model tuned --out never"}) {
    const auto told = shell(cli + command);
    EXPECT_EQ(told.exit_code, 2) << command << ": " << told.output;
    EXPECT_THAT(told.output, HasSubstr("spinfill train-autoencoder --resume --out tuned goes on with it")) << command;
    EXPECT_EQ(std::ranges::count(told.output, '\n'), 1) << told.output;
  }
  for (const char* command :
       {"train-autoencoder --resume --out on-vae", "train-autoencoder --resume --config decoder.yaml --out on-vae"})
    expect_error(cli + command, 2, {"on-vae: is the run of a model", "spinfill train --resume --out on-vae goes on"});

  // A stop signal saves, and what was made so far is there.
  result = shell(
      fmt::format("'{}' train-autoencoder --config decoder.yaml --set train.steps=1000000 --set "
                  "train.checkpoint_every=1000000 --set "
                  "train.validate_every=1000000 --out stopped & pid=$!; while kill -0 $pid && ! grep -q '\"step\":2' "
                  "stopped/metrics.jsonl; do sleep 0.05; done 2>/dev/null; kill -TERM $pid; wait $pid",
                  test::program()));
  EXPECT_EQ(result.exit_code, 75) << result.output;
  EXPECT_THAT(result.output, HasSubstr("go on with: spinfill train-autoencoder --resume --out stopped"));
  EXPECT_TRUE(fs::exists(*folder_ / "stopped/autoencoder.safetensors"));

  const std::string program = test::program();
  expect_error(fmt::format("'{}' train-autoencoder --out never", program), 2, {"--config FILE is needed"});
  expect_error(fmt::format("'{}' train-autoencoder --resume --out never", program), 2, {"no run to resume"});
  expect_error(fmt::format("'{}' train-autoencoder --config decoder.yaml --out tuned", program), 2,
               {"holds a run already"});
  expect_error(fmt::format("'{}' train-autoencoder --config decoder.yaml --out never --set data.crop=22", program), 2,
               {"data.crop must be a multiple of", "model.autoencoder_factor (4)"});
  expect_error(fmt::format("'{}' train-autoencoder --config decoder.yaml --out never --set train.prat=all", program), 2,
               {"train.part"});
  expect_error(fmt::format("'{}' train-autoencoder --config decoder.yaml --out never --set loss.lpips=1", program), 2,
               {"loss.lpips is 1", "SPINFILL_LPIPS_WEIGHTS"});
  EXPECT_FALSE(fs::exists(*folder_ / "never"));
}

// configs/taesd-256.yaml with the real TAESD: what it plans, and a step of a shrunken twin.
TEST_F(Latent, TheProjectsConfigurationForTaesd) {
  const std::string file = test::fixture("../../configs/taesd-256.yaml").string();
  const auto planned = spinfill(fmt::format("plan --config {} --gpus 1 --vram 24G --flops 100T", file));
  EXPECT_EQ(planned.exit_code, 0) << planned.output;
  EXPECT_THAT(planned.output, HasSubstr("fits: "));
  SPINFILL_NEEDS_REAL_DATA();
  const auto twin = spinfill(fmt::format(
      "train --config {} --out twin --set data.path=data --set model.autoencoder_from='{}' --set data.width=48 --set "
      "data.height=32 --set data.priors.grid=16 --set model.block_out_channels=[16,16,16] --set "
      "model.norm_num_groups=4 --set train.steps=1 --set train.batch_sets=1 --set train.micro_batch_sets=1 --set "
      "train.validation_sets=1 --set train.sample_grids=0 --set train.threads=1",
      file, (test::real_data() / "taesd").string()));
  EXPECT_EQ(twin.exit_code, 0) << twin.output;
  EXPECT_TRUE(fs::exists(*folder_ / "twin/checkpoints/step-1/state.json"));
}

}  // namespace
}  // namespace spinfill

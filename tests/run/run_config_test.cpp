// SPDX-License-Identifier: Apache-2.0
#include "run/run_config.h"

#include "run/check_sizes.h"

#include "support/support.h"

namespace spinfill {
namespace {

TEST(RunConfig, LossOfNoisyDrawsNeedsNoisyDraws) {
  const auto refused = [](const char* yaml, const char* about) {
    test::expect_error(ExitCode::usage, {about}, [&] {
      RunConfig config;
      read_config_text(yaml, "run.yaml", {}, [&](Fields& f) { config.bind(f); });
    });
  };
  refused("loss: {lpips: 1}\ntrain: {regression_share: 1}", "train.regression_share");
  refused("loss: {rollout: 1, mode: regression}\ntrain: {regression_share: 0}", "loss.mode");
  refused("loss: {rollout: 1}\ntrain: {regression_share: 0}\nmodel: {output: edm}", "prior-residual");
  RunConfig config;
  read_config_text("loss: {lpips: 1, rollout: 1}\ntrain: {regression_share: 0.5}", "run.yaml", {},
                   [&](Fields& f) { config.bind(f); });
  EXPECT_EQ(config.loss.lpips, 1);
}

TEST(RunConfig, TheLossOfDepthNeedsDepthAndItsForm) {
  const auto read = [](const char* yaml) {
    RunConfig config;
    read_config_text(yaml, "run.yaml", {}, [&](Fields& f) { config.bind(f); });
    return config;
  };
  for (const char* yaml : {"loss:\n  depth: 1", "loss:\n  depth: 1\nmodel: {output: sources, prior_image: prior}",
                           "loss:\n  depth: 1\ndata: {depth: true}"})
    test::expect_error(ExitCode::usage, {"run.yaml:2: loss.depth", "set both"}, [&] { read(yaml); });
  test::expect_error(ExitCode::usage, {"run.yaml:2: data.depth", "must be stated"},
                     [&] { read("data:\n  depth: true\n  cameras: estimated"); });
  EXPECT_EQ(read("loss: {depth: 1}\ndata: {depth: true}\nmodel: {output: sources, prior_image: prior}").loss.depth, 1);
}

TEST(RunConfig, TheLossOfCloseUpsNeedsLargerPicturesAndItsForm) {
  const auto read = [](const char* yaml) {
    RunConfig config;
    read_config_text(yaml, "run.yaml", {}, [&](Fields& f) { config.bind(f); });
    return config;
  };
  for (const char* yaml : {"loss:\n  close_up: 1", "loss:\n  close_up: 1\ndata: {close_up: 3}",
                           "loss:\n  close_up: 1\nmodel: {output: sources, prior_image: prior}",
                           "model: {output: sources, prior_image: prior}\ndata: {close_up: 3}"})
    test::expect_error(ExitCode::usage, {"loss.close_up", "set all three"}, [&] { read(yaml); });
  EXPECT_EQ(read("loss: {close_up_lpips: 1}\ndata: {close_up: 3}\nmodel: {output: sources, prior_image: prior}")
                .data.close_up,
            3);
}

TEST(RunConfig, ComputedIdentityVectorsNeedTheirWidth) {
  const auto read = [](const char* yaml) {
    RunConfig config;
    read_config_text(yaml, "run.yaml", {}, [&](Fields& f) { config.bind(f); });
    return config;
  };
  test::expect_error(ExitCode::usage, {"run.yaml:2", "data.identity.model", "model.identity_dim"},
                     [&] { read("data:\n  identity: {model: net.onnx}"); });
  EXPECT_EQ(read("data: {identity: {model: net.onnx, layout: nhwc}}\nmodel: {identity_dim: 512}").data.identity.layout,
            TensorLayout::nhwc);
}

TEST(RunConfig, WrongPatternsAreNamedWithTheirLine) {
  const auto refused = [](const std::string& yaml, const std::vector<std::string>& texts) {
    test::expect_error(ExitCode::usage, texts, [&] {
      RunConfig config;
      read_config_text(yaml, "run.yaml", {}, [&](Fields& f) {
        config.bind(f);
        check_patterns(f, config);
      });
    });
  };
  refused("train:\n  freeze: [unet.down_block]\n",
          {"run.yaml:2: train.freeze", "'unet.down_block'", "unet.down_blocks"});
  refused("train:\n  freeze: ['*']\n", {"run.yaml:2", "nothing to train"});
  refused("train:\n  lora: {rank: 4}\n", {"run.yaml:2: train.lora.rank", "train.init_from"});
  refused("train:\n  init_from: x\n  lora:\n    rank: 4\n    targets: [unet.conv_in]\n",
          {"run.yaml:5: train.lora.targets", "no linear layer", "'unet.conv_in'"});
  refused("train:\n  init_from: x\n  lora:\n    rank: 4\n    full: [categories]\n", {"run.yaml:5: train.lora.full"});
  refused("train:\n  init_from: x\n  lora: {rank: 4}\n  freeze: [unet]\n", {"run.yaml:4: train.freeze", "train.lora"});
  refused("data:\n  path: a\n  replay:\n    path: a\n", {"run.yaml:4: data.replay.path"});
  refused("data:\n  replay:\n    share: 1\n", {"run.yaml:3: data.replay.share"});
}

// Only commands that make a run build a network to check them.
TEST(RunConfig, ReadingAloneTakesPatternsAsTheyAre) {
  RunConfig config;
  read_config_text("train: {freeze: [unet.down_block]}", "run.yaml", {}, [&](Fields& f) { config.bind(f); });
  EXPECT_EQ(config.train.freeze, std::vector<std::string>{"unet.down_block"});
}

// What would fail in the first step, or at the first validation, is refused where it stands.
TEST(RunConfig, WhatGroupsNeedOfEachOtherIsNamedWithItsLine) {
  const auto read = [](const std::string& yaml) {
    RunConfig config;
    read_config_text(yaml, "run.yaml", {}, [&](Fields& f) {
      config.bind(f);
      check_sizes(f, config);
    });
  };
  const auto refused = [&](const std::string& yaml, const std::vector<std::string>& texts) {
    test::expect_error(ExitCode::usage, texts, [&] { read(yaml); });
  };
  read("");
  refused("data:\n  width: 97\n", {"run.yaml:2: data.width", "97", "model.pixel_factor (2)"});
  refused("data:\n  height: 66\nmodel:\n  pixel_factor: 4\n", {"run.yaml:2: data.height", "66"});
  refused("model:\n  categories: 6\n", {"run.yaml:2: model.categories", "7 known categories"});
  read("model: {categories: 6, use_category: false}");
  refused("data:\n  missing: [8]\n", {"run.yaml:2: data.missing", "references: [0]"});
  read("data: {missing: [8], references: [0]}");
  read("data: {missing: [1, 8]}");
  refused("sampler:\n  sigma_max: 0.001\n", {"run.yaml:1: sampler", "noise schedule"});
  refused("train:\n  validate_every: 0\n  early_stop: {patience: 2}\n", {"run.yaml:3: train.early_stop.patience"});
}

}  // namespace
}  // namespace spinfill

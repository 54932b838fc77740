// SPDX-License-Identifier: Apache-2.0
#include "core/config/config.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/files/json.h"
#include "support/mutate.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::expect_error;

struct OptimizerConfig {
  double learning_rate = 3e-4;
  std::string name = "adamw";
  void bind(Fields& f) {
    f.number("learning_rate", learning_rate, "Peak learning rate", 0, 1);
    f.choice("name", name, {"adamw", "sgd"}, "Method");
  }
};

struct ExampleConfig {
  std::int64_t steps = 100;
  bool mirror = true;
  std::string path = "data # here";
  std::vector<std::int64_t> missing = {1, 2, 3};
  std::vector<double> weights = {0.5};
  std::vector<std::string> categories;
  OptimizerConfig optimizer;
  void bind(Fields& f) {
    f.number("steps", steps, "Optimizer steps", 1, 1000000);
    f.flag("mirror", mirror, "Mirror half the sets");
    f.text("path", path, "Folder of the sets");
    f.list("missing", missing, "Missing views", 1, 7);
    f.list("weights", weights, "Weights", 0, 1);
    f.list("categories", categories, {}, "Categories");
    f.group("optimizer", optimizer, "The optimizer");
    f.require(!missing.empty(), "missing must name at least one count");
  }
};

ExampleConfig read(const std::string& yaml, const std::vector<Override>& overrides = {}) {
  ExampleConfig config;
  read_config_text(yaml, "c.yaml", overrides, [&](Fields& f) { config.bind(f); });
  return config;
}

TEST(Config, ConditionOfAKeyIsToldAtItsPlace) {
  struct Group {
    std::int64_t steps = 5;
    OptimizerConfig optimizer;
    void bind(Fields& f) {
      f.number("steps", steps, "Steps", 0, 9);
      f.group("optimizer", optimizer, "The optimizer");
      f.require_at("optimizer.name", optimizer.name == "adamw" || steps < 5, "needs few steps");
    }
  };
  const auto load = [](const std::string& yaml, const std::vector<Override>& overrides = {}) {
    Group group;
    read_config_text(yaml, "c.yaml", overrides, [&](Fields& f) { group.bind(f); });
  };
  expect_error(ExitCode::usage, {"c.yaml:3: optimizer.name needs few steps"},
               [&] { load("steps: 6\noptimizer:\n  name: sgd\n"); });
  expect_error(ExitCode::usage, {"--set optimizer.name: optimizer.name needs"}, [&] {
    load("", {{"optimizer.name", "sgd"}});
  });
  EXPECT_NO_THROW(load("steps: 4\noptimizer:\n  name: sgd\n"));
}

TEST(Config, NearestWordsComeInOrder) {
  EXPECT_EQ(nearest_words("unet.cov_in", {"conditioner", "unet.conv_out", "unet.conv_in"}, 2),
            (std::vector<std::string>{"unet.conv_in", "unet.conv_out"}));
}

TEST(Config, ReadsEveryKindAndKeepsDefaults) {
  const ExampleConfig config =
      read("steps: 7\nmirror: false\nmissing: [1, 7]\ncategories: [suv, \"12\"]\noptimizer:\n  learning_rate: 1e-3\n");
  EXPECT_EQ(config.steps, 7);
  EXPECT_FALSE(config.mirror);
  EXPECT_EQ(config.missing, (std::vector<std::int64_t>{1, 7}));
  EXPECT_EQ(config.categories, (std::vector<std::string>{"suv", "12"}));
  EXPECT_EQ(config.optimizer.learning_rate, 1e-3);
  EXPECT_EQ(config.optimizer.name, "adamw");
  EXPECT_EQ(read("").steps, 100);
}

TEST(Config, UnknownKeysNamePlaceAndNeighbour) {
  expect_error(ExitCode::usage, {"c.yaml:2", "'stesp'", "did you mean 'steps'"},
               [] { read("mirror: true\nstesp: 5\n"); });
  expect_error(ExitCode::usage, {"c.yaml:3", "optimizer.learning_rat", "did you mean 'optimizer.learning_rate'"},
               [] { read("steps: 5\noptimizer:\n  learning_rat: 1\n"); });
  expect_error(ExitCode::usage, {"c.yaml:1", "'zzzzzzzzzz'", "allowed here"}, [] { read("zzzzzzzzzz: 5\n"); });
}

TEST(Config, WrongTypesAndRangesNameKeyAndWhatIsAllowed) {
  struct Case {
    const char* yaml;
    std::vector<std::string> message;
  };
  for (const auto& [yaml, message] : std::vector<Case>{
           {"steps: many", {"c.yaml:1", "steps", "'many'"}},
           {"steps: 1.5", {"steps", "'1.5'"}},
           {"steps: '5'", {"steps"}},
           {"steps: 0", {"steps", "1", "1000000"}},
           {"steps: 99999999999999999999", {"steps"}},
           {"steps: [1]", {"steps", "a list"}},
           {"mirror: maybe", {"mirror", "'maybe'"}},
           {"missing: 3", {"missing"}},
           {"missing: [1, 8]", {"missing", "'8'", "7"}},
           {"missing: []", {"missing must name"}},
           {"path: {a: 1}", {"path", "a group"}},
           {"optimizer: fast", {"optimizer", "'fast'"}},
           {"optimizer: {learning_rate: .nan}", {"optimizer.learning_rate"}},
           {"optimizer: {learning_rate: -1}", {"optimizer.learning_rate", "'-1'"}},
           {"optimizer: {name: adam}", {"optimizer.name", "'adam'", "adamw", "sgd"}},
       }) {
    SCOPED_TRACE(yaml);
    expect_error(ExitCode::usage, message, [&, yaml = yaml] { read(yaml); });
  }
}

TEST(Config, OverridesWinAndAreCheckedAlike) {
  const ExampleConfig config = read("steps: 7\n", {parse_override("steps=9"), parse_override("optimizer.name=sgd"),
                                                   parse_override("missing=[2, 3]"), parse_override("path=a=b")});
  EXPECT_EQ(config.steps, 9);
  EXPECT_EQ(config.optimizer.name, "sgd");
  EXPECT_EQ(config.missing, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(config.path, "a=b");
  expect_error(ExitCode::usage, {"--set", "stepz"}, [] { read("", {parse_override("stepz=1")}); });
  expect_error(ExitCode::usage, {"--set", "steps"}, [] { read("", {parse_override("steps=x")}); });
  expect_error(ExitCode::usage, {"--set"}, [] { read("", {parse_override("steps.deeper=1")}); });
  for (const char* bad : {"steps", "=1", ""}) {
    expect_error(ExitCode::usage, {"--set"}, [&] { parse_override(bad); });
  }
}

TEST(Config, APresetGivesValuesThatOtherKeysOverride) {
  struct Sizes {
    std::int64_t width = 1, depth = 1, other = 1;
    void bind(Fields& f) {
      f.preset("size", {{"small", {{"width", 2}, {"depth", 2}}}, {"large", {{"width", 9}, {"depth", 9}}}}, "Size");
      f.number("width", width, "Width", 1, 10);
      f.number("depth", depth, "Depth", 1, 10);
      f.number("other", other, "Other", 1, 10);
    }
  };
  const auto sizes = [](const std::string& yaml, const std::vector<Override>& overrides) {
    Sizes s;
    read_config_text(yaml, "c.yaml", overrides, [&](Fields& f) { s.bind(f); });
    return std::vector<std::int64_t>{s.width, s.depth, s.other};
  };
  using Values = std::vector<std::int64_t>;
  EXPECT_EQ(sizes("size: large\n", {}), (Values{9, 9, 1}));
  EXPECT_EQ(sizes("width: 3\nsize: large\n", {}), (Values{3, 9, 1}));
  EXPECT_EQ(sizes("size: large\n", {{"width", "3"}}), (Values{3, 9, 1}));
  EXPECT_EQ(sizes("width: 3\nsize: small\nother: 4\n", {{"depth", "5"}, {"size", "large"}}), (Values{9, 5, 4}));
  expect_error(ExitCode::usage, {"c.yaml:2", "size", "smal", "one of small, large", "did you mean 'small'?"},
               [&] { sizes("width: 3\nsize: smal\n", {}); });
}

TEST(Config, HostileDocumentsAreRefused) {
  expect_error(ExitCode::usage, {"c.yaml:2", "'steps' stands twice"}, [] { read("steps: 1\nsteps: 2\n"); });
  expect_error(ExitCode::usage, {"c.yaml", "anchors and aliases"}, [] { read("a: &x [1]\nb: *x\n"); });
  expect_error(ExitCode::usage, {"c.yaml", "1 MiB"}, [] { read(std::string((1 << 20) + 1, ' ')); });
  expect_error(ExitCode::usage, {"c.yaml", "nested too deeply"}, [] { read("a: " + std::string(10000, '[')); });
  expect_error(ExitCode::usage, {"c.yaml"}, [] { read("steps: 1\n---\nsteps: 2\n"); });
  expect_error(ExitCode::usage, {"c.yaml:2", "not valid YAML"}, [] { read("steps: 1\n  mirror: [\n"); });
  expect_error(ExitCode::usage, {"c.yaml", "group of 'key: value'"}, [] { read("[1, 2]"); });
}

TEST(Config, WhatIsPrintedIsReadBack) {
  ExampleConfig config;
  config.steps = 12;
  config.path = "odd: \"name\" # 'x'";
  config.weights = {0.1, 1.0 / 3};
  config.categories = {"true", "12", "- a", ""};
  config.optimizer.learning_rate = 1.0 / 7;
  for (const bool help : {false, true}) {
    const std::string yaml = to_yaml(config, help);
    SCOPED_TRACE(yaml);
    const ExampleConfig again = read(yaml);
    EXPECT_EQ(again.steps, 12);
    EXPECT_EQ(again.path, config.path);
    EXPECT_EQ(again.weights, config.weights);
    EXPECT_EQ(again.categories, config.categories);
    EXPECT_EQ(again.optimizer.learning_rate, config.optimizer.learning_rate);
    EXPECT_EQ(yaml.find("Peak learning rate") != std::string::npos, help);
  }
  const auto from = from_json<ExampleConfig>(to_json(config), "manifest.json");
  EXPECT_EQ(to_json(from), to_json(config));
  expect_error(ExitCode::usage, {"manifest.json", "stepz"}, [] {
    from_json<ExampleConfig>(Json{{"stepz", 1}}, "manifest.json");
  });
}

TEST(Config, DidYouMeanStaysNear) {
  EXPECT_EQ(did_you_mean("lerning_rate", {"steps", "learning_rate"}), "learning_rate");
  EXPECT_EQ(did_you_mean("quite_other", {"steps", "learning_rate"}), std::nullopt);
  EXPECT_EQ(did_you_mean("x", {}), std::nullopt);
}

TEST(Config, HostileBytesAreAnErrorOfOneLine) {
  test::mutate_and_try(to_yaml(ExampleConfig{}), [](std::string_view bytes) { read(std::string(bytes)); });
}

}  // namespace
}  // namespace spinfill

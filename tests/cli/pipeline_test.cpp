// SPDX-License-Identifier: Apache-2.0
// The commands together, as a user runs them: train, stop, resume, evaluate, compare, export, complete.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/files/files.h"
#include "core/files/json.h"
#include "data/pictures/picture.h"
#include "support/program_suite.h"

namespace spinfill {
namespace {

class Pipeline : public test::ProgramSuite<Pipeline> {
 public:
  static void fill() {
    test::write_tiny_data_set(*folder_ / "data", 6);
    write_config(
        "steps: 40, batch_sets: 2, micro_batch_sets: 2, regression_share: 0.5, checkpoint_every: 4, keep_last: 20, "
        "validate_every: 20, sample_grids: 1, log_every: 1, threads: 1");
  }

 protected:
  static std::string final_weights(const std::string& run) { return checkpoint_hashes(run, 40); }
  // The uninterrupted run, trained once for all tests.
  static const std::string& whole() {
    static const std::string weights = [] {
      const auto result = shell(train("whole"));
      if (result.exit_code != 0) fail("train: {}", result.output);
      return final_weights("whole");
    }();
    return weights;
  }
  // Starts a training, sends the signal once `mark` exists, and returns the exit code of the shell's wait.
  static test::CommandResult interrupted(const std::string& run, const std::string& signal, const std::string& mark) {
    return shell(
        fmt::format("{} & pid=$!; while [ ! -e {}/{} ] && kill -0 $pid; do sleep 0.02; done; "
                    "kill -{} $pid; wait $pid",
                    train(run), run, mark, signal));
  }
};

TEST_F(Pipeline, KilledRunResumesBitForBit) {
  whole();
  EXPECT_EQ(interrupted("killed", "KILL", "checkpoints/step-12/state.json").exit_code, 137);
  ASSERT_FALSE(fs::exists(*folder_ / "killed/checkpoints/step-40"));
  const auto resumed = shell(train("killed") + " --resume");
  EXPECT_EQ(resumed.exit_code, 0) << resumed.output;
  EXPECT_NE(resumed.output.find("resumed at step"), std::string::npos) << resumed.output;
  EXPECT_EQ(final_weights("killed"), whole());
}

TEST_F(Pipeline, SignalSavesExits75AndResumesBitForBit) {
  whole();
  for (const std::string signal : {"TERM", "INT"}) {
    const std::string run = "stopped-" + signal;
    const auto stopped = interrupted(run, signal, "checkpoints/step-4/state.json");
    EXPECT_EQ(stopped.exit_code, 75) << stopped.output;
    EXPECT_NE(stopped.output.find("--resume"), std::string::npos) << stopped.output;
    EXPECT_EQ(spinfill("train --resume --out " + run).exit_code, 0);  // the stored configuration is enough
    EXPECT_EQ(final_weights(run), whole());
  }
}

// A validation that a signal cuts short writes no scores; it is made up for later, and the run stays the same.
TEST_F(Pipeline, SignalInAValidationStopsItAndIsMadeUpFor) {
  whole();
  const std::string many = " --set evaluation.subsets=50 --set evaluation.batch_sets=1";
  const auto stopped =
      shell(train("owed") + many +
            " & pid=$!; while [ ! -e owed/samples/step-0000000-0.png ] && kill -0 $pid; do sleep 0.02; done; "
            "kill -TERM $pid; wait $pid");
  EXPECT_EQ(stopped.exit_code, 75) << stopped.output;
  EXPECT_NE(stopped.output.find("stopped at step 0 after saving"), std::string::npos) << stopped.output;
  EXPECT_FALSE(fs::exists(*folder_ / "owed/metrics.jsonl"));
  const auto again = spinfill("train --resume --out owed --set train.validate_every=1000");
  EXPECT_EQ(again.exit_code, 0) << again.output;
  EXPECT_EQ(final_weights("owed"), whole());
  EXPECT_EQ(read_file(*folder_ / "owed/metrics.jsonl").rfind("{\"step\":0,\"validation\"", 0), 0U);
}

// At the model's size: the pictures of `complete` with its default options have the scores in the report of `evaluate`.
TEST_F(Pipeline, WhatIsDeliveredIsWhatIsScored) {
  whole();
  test::write_tiny_set(*folder_ / "small", {.id = "small", .width = 24, .height = 16});
  const std::string evaluate = "evaluate --model whole --data small --steps 3 --out small-report";
  auto result = spinfill(evaluate + " --set evaluation.batch_sets=1");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_NE(result.output.find("small, all sets (no splits): 1 vehicles"), std::string::npos) << result.output;
  const Json report = read_json(*folder_ / "small-report/metrics.json");
  EXPECT_EQ(report["protocol"]["split"], "all sets (no splits)");
  ASSERT_EQ(spinfill(evaluate + " --set evaluation.batch_sets=3 --replace").exit_code, 0);
  EXPECT_EQ(read_json(*folder_ / "small-report/metrics.json"), report) << "no digit depends on the batch size";

  // The first subset's noise is that of `complete`.
  std::vector<Json> scored;
  std::string targets;
  for (const Json& image : report["images"]) {
    if (image["sample"] != 0) continue;
    targets += (targets.empty() ? "" : ",") + image["azimuth_deg"].dump();
    scored.push_back(image);
  }
  ASSERT_FALSE(scored.empty());
  result = spinfill("complete --model whole --input small --steps 3 --out small-spin --hide " + targets);
  ASSERT_EQ(result.exit_code, 0) << result.output;
  for (const Json& image : scored) {
    const std::string name = fmt::format("{:03}.png", image["azimuth_deg"].get<int>());
    result = shell(fmt::format("({} metrics small-spin/{} small/{} --json 2>/dev/null)", test::program(), name, name));
    const Json delivered = parse_json(result.output, "stdout")["overall"];
    for (const char* metric : {"psnr", "foreground_psnr", "ssim"}) {
      EXPECT_NEAR(delivered[metric].get<double>(), image[metric].get<double>(), 1e-3) << name << " " << metric;
    }
  }
}

// docs/nightly.md: the script as it stands there. A night like the trusted one, one that is worse, one that fails.
TEST_F(Pipeline, TheNightlyScriptOfTheDocumentation) {
  whole();
  const std::string page = read_file(test::fixture("../../docs/nightly.md"));
  const std::size_t begin = page.find("```sh\n") + 6;
  write_file_atomic(*folder_ / "nightly.sh", page.substr(begin, page.find("```", begin) - begin));
  shell("mkdir bin; ln -s '" + test::program() + "' bin/spinfill; cp -r data nights-data; rm nights-data/splits.json");
  ASSERT_EQ(spinfill("evaluate --model whole --checkpoint latest --data nights-data --save-predictions --out trusted")
                .exit_code,
            0);
  const auto night = [&](const std::string& run) {
    return shell("PATH=$PWD/bin:$PATH sh nightly.sh " + run + " nights-data trusted nights");
  };
  auto result = night("whole");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_NE(result.output.find("| psnr |"), std::string::npos) << result.output;
  Json trusted = read_json(*folder_ / "trusted/metrics.json");
  for (Json& image : trusted["images"]) image["psnr"] = image["psnr"].get<double>() + 1;
  write_json_atomic(*folder_ / "trusted/metrics.json", trusted);
  result = night("whole");
  EXPECT_EQ(result.exit_code, 1) << result.output;
  EXPECT_NE(result.output.find("**regression** overall: psnr fell by 1.0000"), std::string::npos) << result.output;
  EXPECT_NE(read_file(*folder_ / "nights/verdict.xml").find("<failure"), std::string::npos);
  EXPECT_TRUE(fs::exists(*folder_ / "nights/history.html"));
  EXPECT_EQ(read_json(*folder_ / "nights/mlflow.json")["metrics"][0]["key"], "compare/regressions");
  std::size_t pages = 0;  // of that night
  for (const auto& entry : fs::directory_iterator(*folder_ / "nights")) {
    if (entry.path().extension() != ".html" || entry.path().stem() == "history") continue;
    EXPECT_NE(read_file(entry.path()).find("alt=\"old error\""), std::string::npos) << "both keep their pictures";
    ++pages;
  }
  EXPECT_GE(pages, 1U);
  EXPECT_EQ(night("nowhere").exit_code, 2) << "failed, not worse";
  shell("printf x > nights-data/tiny-00/000.png");
  EXPECT_EQ(night("whole").exit_code, 3) << "failed, not worse";
}

TEST_F(Pipeline, ScoresExportsAndCompletes) {
  whole();
  auto result = spinfill("evaluate --model whole --data data --split test --out report");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const Json metrics = read_json(*folder_ / "report/metrics.json");
  for (const char* key :
       {"protocol", "model", "overall", "by_missing", "by_azimuth", "by_category", "baselines", "images"}) {
    EXPECT_TRUE(metrics.contains(key)) << key;
  }
  for (const char* name : {"nearest", "mirror", "prior", "mirror-or-prior"}) {
    EXPECT_TRUE(metrics["baselines"][name]["overall"]["psnr"].is_number()) << name;
  }
  EXPECT_FALSE(metrics["predictions"]["kept"].get<bool>());
  EXPECT_FALSE(fs::exists(*folder_ / "report/predictions"));
  EXPECT_NE(read_file(*folder_ / "report/report.html").find("Worst views"), std::string::npos);
  // The same pictures, kept, whatever the batches; an earlier report with pictures can be replaced.
  for (const int batch_sets : {1, 3}) {
    result =
        spinfill(fmt::format("evaluate --model whole --data data --split test --save-predictions --mlflow --replace "
                             "--out kept --set evaluation.batch_sets={}",
                             batch_sets));
    ASSERT_EQ(result.exit_code, 0) << result.output;
    const Json kept = read_json(*folder_ / "kept/metrics.json");
    EXPECT_EQ(kept["predictions"]["sha256"], metrics["predictions"]["sha256"]);
    EXPECT_TRUE(kept["predictions"]["kept"].get<bool>());
    for (const Json& image : kept["images"])
      EXPECT_EQ(picture_size(*folder_ / "kept" /
                             fmt::format("predictions/{}/{}-{:03}.png", image["id"].get<std::string>(),
                                         image["sample"].get<int>(), image["azimuth_deg"].get<int>()))
                    .width,
                24);
  }
  EXPECT_TRUE(read_json(*folder_ / "kept/mlflow.json").contains("metrics"));
  EXPECT_TRUE(metrics["overall"]["lpips"].is_null());
  EXPECT_NE(metrics["protocol"]["lpips_absent"].get<std::string>().find("SPINFILL_LPIPS_WEIGHTS"), std::string::npos);
  EXPECT_EQ(metrics["model"]["weights"], "ema");

  result = spinfill(
      "evaluate --model baseline:prior --data data --split test --out prior --set data.width=24 "
      "--set data.height=16 --set data.priors.grid=16");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(read_json(*folder_ / "prior/metrics.json")["overall"]["psnr"],
            metrics["baselines"]["prior"]["overall"]["psnr"]);
  EXPECT_EQ(spinfill("compare report/metrics.json report/metrics.json").exit_code, 0);

  write_file_atomic(*folder_ / "protocol.yaml", "missing: [1]\nsubsets: 2\nsplit: train\nsampling_seed: 3\n");
  result = spinfill("evaluate --protocol protocol.yaml --model whole --data data --out stated");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const Json stated = read_json(*folder_ / "stated/metrics.json")["protocol"];
  EXPECT_EQ(stated["stated"]["subsets"], 2);
  EXPECT_EQ(stated["split"], "train");
  EXPECT_EQ(stated["sampling_seed"], 3);
  EXPECT_EQ(stated["subsets"], "1 views missing, 2 subsets a vehicle and count, balanced over azimuths");
  for (const char* contradiction : {"--subsets 3", "--split test", "--seed 1", "--set evaluation.subsets=3"})
    EXPECT_EQ(
        spinfill(fmt::format("evaluate --protocol protocol.yaml --model whole --data data --out no {}", contradiction))
            .exit_code,
        2);

  result = spinfill("export --run whole --out bundle --dtype fp16 --metrics report/metrics.json");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  result = spinfill("evaluate --model bundle --data data --split test --out report-bundle");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_NEAR(read_json(*folder_ / "report-bundle/metrics.json")["overall"]["psnr"].get<double>(),
              metrics["overall"]["psnr"].get<double>(), 0.05);

  result = spinfill("evaluate --at photo --model bundle --data data --split test --grids 1 --out report-photo");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const Json photo = read_json(*folder_ / "report-photo/metrics.json");
  EXPECT_EQ(photo["protocol"]["at"], "photo");
  EXPECT_GT(photo["overall"]["silhouette_iou"].get<double>(), 0.5);
  EXPECT_TRUE(fs::exists(*folder_ / "report-photo/grid-000.png"));
  EXPECT_FALSE(fs::exists(*folder_ / "report-photo/grid-001.png"));
  result = spinfill("evaluate --at photo --model bundle --data data --split test --out wider --set data.width=96");
  EXPECT_EQ(result.exit_code, 2) << "the model would see what complete never shows it";
  EXPECT_NE(result.output.find("data.width"), std::string::npos) << result.output;
  result = spinfill("evaluate --at photo --model baseline:prior --data data --split test --out prior-photo");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(read_json(*folder_ / "prior-photo/metrics.json")["overall"]["psnr"],
            photo["baselines"]["prior"]["overall"]["psnr"]);
  EXPECT_EQ(spinfill("compare report/metrics.json report-photo/metrics.json").exit_code, 2);

  result = spinfill("complete --model bundle --input data/tiny-05 --hide 90,180,315 --out spin");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  for (const char* given : {"000.png", "045.png", "135.png", "225.png", "270.png"}) {
    EXPECT_EQ(read_file(*folder_ / "spin" / given), read_file(*folder_ / "data/tiny-05" / given)) << given;
  }
  for (const char* made : {"090.png", "180.png", "315.png", "transforms.json", "contact_sheet.png", "spin.html"}) {
    EXPECT_TRUE(fs::exists(*folder_ / "spin" / made)) << made;
  }
}

TEST_F(Pipeline, InspectsRunsBundlesAndData) {
  whole();
  const auto json_of = [](const test::CommandResult& result) { return parse_json(result.output, "inspect"); };
  auto result = spinfill("-q inspect whole --json --html page.html");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(json_of(result)["checkpoints"].size(), 10);
  const std::string page = read_file(*folder_ / "page.html");
  for (const char* chart : {"loss", "PSNR, dB", "SSIM", "learning rate", "gradient norm", "views per second",
                            "share of time waiting for data", "peak memory of the first process, GB"}) {
    EXPECT_NE(page.find(fmt::format("aria-label=\"{}", chart)), std::string::npos) << chart;
  }
  EXPECT_EQ(page.find("http://"), std::string::npos) << "one self-contained page";

  fs::copy(*folder_ / "whole", *folder_ / "again", fs::copy_options::recursive);
  result = spinfill("-q inspect whole again --json --html both.html");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(json_of(result)["runs"]["again"]["checkpoints"].size(), 10);
  EXPECT_NE(read_file(*folder_ / "both.html").find("The same in every value"), std::string::npos);
  EXPECT_EQ(spinfill("inspect whole data").exit_code, 2);

  // A checkpoint and a bundle with one byte changed are named, with exit code 1.
  const auto damage = [](const fs::path& path) {
    std::string bytes = read_file(path);
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    write_file_atomic(path, bytes);
  };
  fs::copy(*folder_ / "whole", *folder_ / "damaged", fs::copy_options::recursive);
  damage(*folder_ / "damaged/checkpoints/step-8/ema.safetensors");
  result = spinfill("-q inspect damaged");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.output.find("ema.safetensors"), std::string::npos) << result.output;

  ASSERT_EQ(spinfill("export --run whole --out inspected").exit_code, 0);
  result = spinfill("-q inspect inspected --json");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_TRUE(json_of(result)["problems"].empty());
  damage(*folder_ / "inspected/model.safetensors");
  result = spinfill("-q inspect inspected");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.output.find("problem: model.safetensors"), std::string::npos) << result.output;

  result = spinfill("-q inspect data --json --contact-sheet sheet.png");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const Json data = json_of(result);
  EXPECT_EQ(data["sets"], 6);
  EXPECT_EQ(data["pictures"], 48);
  EXPECT_TRUE(data["problems"].empty());
  EXPECT_GT(fs::file_size(*folder_ / "sheet.png"), 1000);

  EXPECT_EQ(spinfill("inspect nowhere").exit_code, 2);
  EXPECT_EQ(spinfill("inspect data --html x.html").exit_code, 2);
}

TEST_F(Pipeline, VersionNamesTheCommit) {
  const auto result = spinfill("--version");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output, ::testing::MatchesRegex("spinfill [0-9.]+ \\(([0-9a-f]+(-dirty)?|unknown commit)\\)\n"));
}

TEST_F(Pipeline, WrongUseIsOneLineWithExitCodeTwo) {
  std::ofstream(*folder_ / "typo.yaml") << "data:\n  path: data\noptimizer:\n  learning_rat: 0.1\n";
  auto result = spinfill("train --config typo.yaml --out typo");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.output.find("typo.yaml:4"), std::string::npos) << result.output;
  EXPECT_NE(result.output.find("did you mean 'optimizer.learning_rate'"), std::string::npos) << result.output;
  EXPECT_FALSE(fs::exists(*folder_ / "typo"));
  for (const char* arguments :
       {"train", "train --resume --out nowhere", "train --config tiny.yaml", "nonsense", "",
        "train --config tiny.yaml --set train.steps=0 --out x", "evaluate --model baseline:best --data data --out x"}) {
    result = spinfill(arguments);
    EXPECT_EQ(result.exit_code, 2) << arguments << ": " << result.output;
    EXPECT_EQ(std::count(result.output.begin(), result.output.end(), '\n'), 1) << arguments << ": " << result.output;
  }
  EXPECT_EQ(shell(train("x") + " --set data.path=missing").exit_code, 3);
}

TEST_F(Pipeline, PrintsTheEffectiveConfiguration) {
  const auto result = spinfill("train --config tiny.yaml --set train.steps=7 --print-config");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_NE(result.output.find("  steps: 7 "), std::string::npos) << result.output;
  EXPECT_NE(result.output.find("  width: 24 "), std::string::npos) << result.output;
}

TEST_F(Pipeline, BenchReportsItsKeys) {
  auto result = spinfill("-q bench train --config tiny.yaml --set data.path=data --steps 2 --json");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  Json json = parse_json(result.output, "bench train");
  for (const char* key : {"seconds_per_step", "views_per_second", "peak_bytes", "loader_share", "priors_share"}) {
    EXPECT_GT(json[key].get<double>(), 0) << key;
  }
  result = spinfill("-q bench sample --config tiny.yaml --set data.path=data --steps 2 --repeats 1 --json");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  json = parse_json(result.output, "bench sample");
  for (const char* key :
       {"seconds_per_step", "views_per_second", "peak_bytes", "peak_tensor_bytes", "joint_over_cached"}) {
    EXPECT_GT(json[key].get<double>(), 0) << key;
  }
  EXPECT_EQ(json["missing"], 1);
  const double one = json["peak_tensor_bytes"];
  result = spinfill(
      "-q bench sample --config tiny.yaml --set data.path=data --steps 2 --repeats 1 --missing 3 --precision bf16 "
      "--json");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  json = parse_json(result.output, "bench sample");
  EXPECT_EQ(json["missing"], 3);
  EXPECT_EQ(json["precision"], "bf16");
  EXPECT_NE(json["peak_tensor_bytes"].get<double>(), one);
  EXPECT_EQ(spinfill("bench train --config tiny.yaml --missing 2").exit_code, 2);
}

}  // namespace
}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
// Evaluations that are killed and go on, that several processes share, and that sample each view several times.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <set>

#include "core/files/files.h"
#include "core/files/temporary_names.h"
#include "support/program_suite.h"

namespace spinfill {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;

class Evaluating : public test::ProgramSuite<Evaluating> {
 public:
  static void fill() {
    test::write_tiny_data_set(*folder_ / "data", 6);
    write_config("steps: 2, batch_sets: 2, micro_batch_sets: 2, validate_every: 2, checkpoint_every: 2, threads: 1");
    std::ofstream(*folder_ / "tiny.yaml", std::ios::app) << "evaluation: {batch_sets: 1}\n";
    const auto trained = shell(train("run"));
    ASSERT_EQ(trained.exit_code, 0) << trained.output;
  }

 protected:
  static constexpr const char* kKept = ".report.unfinished";

  static std::string evaluate(const std::string& out, const std::string& more = "") {
    const std::string steps = more.find("--steps") == std::string::npos ? "--steps 4" : "";
    return fmt::format("'{}' evaluate --model run --data data --split train --samples 2 --out {} {} {}",
                       test::program(), out, steps, more);
  }
  // The files of a report that was not interrupted, made once for each choice of options.
  static std::map<std::string, std::string> whole(const std::string& more = "") {
    static std::map<std::string, std::map<std::string, std::string>> made;
    auto [files, added] = made.try_emplace(more);
    if (added) {
      fs::remove_all(*folder_ / "whole");
      const auto result = shell(evaluate("whole", more));
      EXPECT_EQ(result.exit_code, 0) << result.output;
      files->second = files_of("whole");
    }
    return files->second;
  }
  static std::map<std::string, std::string> files_of(const std::string& report) {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::directory_iterator(*folder_ / report))
      files[entry.path().filename().string()] = read_file(entry.path());
    return files;
  }
  static void expect_whole(const test::CommandResult& result, const std::string& more = "") {
    EXPECT_EQ(result.exit_code, 0) << result.output;
    const auto expected = whole(more);
    auto files = files_of("report");
    for (const auto& [name, bytes] : expected) EXPECT_TRUE(files[name] == bytes) << name << "\n" << result.output;
    EXPECT_EQ(files.size(), expected.size());
    EXPECT_FALSE(fs::exists(*folder_ / kKept));
    fs::remove_all(*folder_ / "report");
  }
  // Ends an evaluation by SIGKILL at the n-th call that changes a file below `needle`.
  static test::CommandResult killed(int call, const std::string& more = "", const std::string& needle = kKept) {
    return shell(fmt::format("LD_PRELOAD='{}' SPINFILL_FAULTS=kill:{}:{}:{} {}", test::faults_library(), call, call,
                             needle, evaluate("report", more)));
  }
  static std::vector<fs::path> kept() {
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(*folder_ / kKept / "scored"))
      if (entry.is_regular_file() && !is_temporary_name(entry.path().filename().string()))
        files.push_back(entry.path());
    std::ranges::sort(files);
    return files;
  }
};

TEST_F(Evaluating, KilledAtAnyMomentItGoesOnToTheSameReport) {
  int went_on = 0;
  for (const int call : {1, 2, 3, 5, 9, 13, 20, 30, 38, 46, 54, 60}) {
    const auto result = killed(call);
    EXPECT_EQ(result.exit_code, 137) << call << result.output;
    EXPECT_FALSE(fs::exists(*folder_ / "report"));
    const auto again = shell(evaluate("report"));
    went_on += again.output.find("of 12 batches were scored before") != std::string::npos;
    expect_whole(again);
  }
  EXPECT_GE(went_on, 4);
  // While the report is put in its place: all was scored.
  for (const int call : {1, 5, 12}) {
    EXPECT_EQ(killed(call, "", ".report.tmp").exit_code, 137) << call;
    const auto again = shell(evaluate("report"));
    EXPECT_THAT(again.output, HasSubstr("12 of 12 batches were scored before"));
    expect_whole(again);
  }
}

TEST_F(Evaluating, AtPhotoItGoesOnToo) {
  const std::string photo = "--at photo";
  EXPECT_EQ(killed(40, photo).exit_code, 137);
  const auto again = shell(evaluate("report", photo));
  EXPECT_THAT(again.output, HasSubstr("of 12 samples were scored before"));
  expect_whole(again, photo);
}

TEST_F(Evaluating, ASignalSaysHowToGoOn) {
  const std::string slow = "--steps 20 --subsets 4 --grids 1";
  const std::string start = evaluate("report", slow) + " & pid=$!; while kill -0 $pid && ! ls " + kKept +
                            "/scored/*/[0-9a-f]*; do sleep 0.02; done >/dev/null 2>&1; ";
  for (const std::string signal : {"TERM", "INT"}) {
    const auto result = shell(start + "kill -" + signal + " $pid; wait $pid");
    EXPECT_EQ(result.exit_code, 75) << result.output;
    EXPECT_THAT(result.output, HasSubstr("stopped by SIG" + signal + "; "));
    EXPECT_THAT(result.output, HasSubstr("of 48 batches are scored and kept in"));
    EXPECT_THAT(result.output, HasSubstr("run the same command again to go on"));
    EXPECT_THAT(result.output, Not(HasSubstr("error")));
    EXPECT_FALSE(fs::exists(*folder_ / "report"));
    if (signal == "TERM") fs::remove_all(*folder_ / kKept);  // the condition above is that of a first piece
  }
  const auto again = shell(evaluate("report", slow));
  EXPECT_THAT(again.output, HasSubstr("of 48 batches were scored before"));
  expect_whole(again, slow);
}

TEST_F(Evaluating, WhatDoesNotHoldAnyMoreIsToldAndScoredAgain) {
  const std::string scored = std::string(kKept) + "/scored";
  // Damaged.
  killed(20, "", scored);
  ASSERT_GE(kept().size(), 3U);
  std::string bytes = read_file(kept()[0]);
  bytes[bytes.size() / 2] ^= 1;
  write_file_atomic(kept()[0], bytes);
  write_file_atomic(kept()[1], "");
  auto again = shell(evaluate("report"));
  EXPECT_THAT(again.output, HasSubstr("2 of the pieces that were scored before are damaged"));
  EXPECT_THAT(again.output, HasSubstr("of 12 batches were scored before"));
  expect_whole(again);
  // Another evaluation's.
  killed(20, "", scored);
  again = shell(evaluate("report", "--seed 7"));
  EXPECT_THAT(again.output, HasSubstr("unfinished work of another model, data, options or program: it is removed"));
  EXPECT_THAT(again.output, Not(HasSubstr("were scored before")));
  expect_whole(again, "--seed 7");
  // Of a vehicle whose picture has changed since: tiny-00 has the first three batches.
  killed(30, "", scored);
  const fs::path picture = *folder_ / "data/tiny-00/000.png";
  const std::string before = read_file(picture);
  write_file_atomic(picture, read_file(*folder_ / "data/tiny-00/045.png"));
  again = shell(evaluate("report"));
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_THAT(again.output, HasSubstr("the data of 3 of the pieces that were scored before have changed"));
  EXPECT_NE(files_of("report")["metrics.json"], whole()["metrics.json"]);
  write_file_atomic(picture, before);
  fs::remove_all(*folder_ / "report");
}

TEST_F(Evaluating, OneProcessAtATimeAndNothingOfAnybodyElse) {
  write_file_atomic(*folder_ / kKept, "mine");
  auto result = shell(evaluate("report"));
  EXPECT_EQ(result.exit_code, 2) << result.output;
  EXPECT_THAT(result.output, HasSubstr("is not what spinfill keeps there: move it away"));
  EXPECT_EQ(read_file(*folder_ / kKept), "mine");
  fs::remove(*folder_ / kKept);
  result = shell(evaluate("report", "--steps 100 --subsets 20") + " >/dev/null 2>&1 & pid=$!; while ! ls " + kKept +
                 "/scored/*/* && kill -0 $pid; do sleep 0.02; done >/dev/null 2>&1; " + evaluate("report") +
                 "; code=$?; kill -KILL $pid; wait $pid; exit $code");
  EXPECT_EQ(result.exit_code, 2) << result.output;
  EXPECT_THAT(result.output, HasSubstr("another process works on it"));
  fs::remove_all(*folder_ / kKept);
  // An evaluation that fails before anything is scored leaves nothing.
  result = shell(evaluate("report", "--split nope"));
  EXPECT_NE(result.exit_code, 0);
  EXPECT_FALSE(fs::exists(*folder_ / kKept));
}

// Where the folder must stay: it is the current one.
TEST_F(Evaluating, InAFolderThatMustStayItGoesOnInIt) {
  fs::create_directories(*folder_ / "report");
  const std::string inside = fmt::format(
      "cd report && '{}' evaluate --model ../run --data ../data --split train --steps 4 --samples 2 --out .",
      test::program());
  const auto stopped = shell(fmt::format("export LD_PRELOAD='{}' SPINFILL_FAULTS=kill:40:40:.spinfill-unfinished; {}",
                                         test::faults_library(), inside));
  EXPECT_EQ(stopped.exit_code, 137) << stopped.output;
  const auto again = shell(inside);
  EXPECT_EQ(again.exit_code, 0) << again.output;
  EXPECT_THAT(again.output, HasSubstr("of 12 batches were scored before"));
  Json report = read_json(*folder_ / "report/metrics.json");
  EXPECT_EQ(report.at("overall"), parse_json(whole()["metrics.json"], "whole").at("overall"));
  EXPECT_FALSE(fs::exists(*folder_ / "report/.spinfill-unfinished"));
  fs::remove_all(*folder_ / "report");
}

TEST_F(Evaluating, SharedByProcessesItGivesTheSameReport) {
  for (const std::string at : {"", "--at photo"}) {
    for (const int processes : {2, 3}) {
      const auto result = shell(evaluate("report", fmt::format("{} --nproc-per-node {}", at, processes)));
      EXPECT_THAT(result.output, HasSubstr(fmt::format("1 of {} processes", processes)));
      expect_whole(result, at);
    }
  }
  // As torchrun starts them; more processes than pieces of work.
  const std::string few = "--limit 1 --set data.missing=[2]";
  const auto result = shell(
      "port=$((20000 + $$ % 10000)); for rank in 0 1 2; do RANK=$rank WORLD_SIZE=3 MASTER_ADDR=127.0.0.1 "
      "MASTER_PORT=$port " +
      evaluate("report", few) + " & pids=\"$pids $!\"; done; for p in $pids; do wait $p || exit 4; done");
  expect_whole(result, few);
}

TEST_F(Evaluating, ARankThatDiesEndsAllAndOthersGoOn) {
  const std::string many = "--steps 20 --subsets 4";
  const auto result =
      shell(evaluate("report", many + " --nproc-per-node 2") + " & launcher=$!; while ! ls " + kKept +
            "/scored/*/* && kill -0 $launcher; do sleep 0.05; done >/dev/null 2>&1; "
            "for p in $(grep -lsE \"^PPid:[[:space:]]$launcher$\" /proc/[0-9]*/status | cut -d/ -f3); do "
            "grep -qz '^RANK=1$' /proc/$p/environ && kill -KILL $p; done; wait $launcher");
  EXPECT_EQ(result.exit_code, 3) << result.output;
  EXPECT_THAT(result.output, HasSubstr("rank 1 was ended by signal 9"));
  EXPECT_FALSE(fs::exists(*folder_ / "report"));
  const auto again = shell(evaluate("report", many + " --nproc-per-node 3"));
  EXPECT_THAT(again.output, HasSubstr("of 48 batches were scored before"));
  expect_whole(again, many);
  // A signal to the launcher: one line, and the exit code of work that goes on.
  const auto stopped = shell(evaluate("report", many + " --nproc-per-node 2") + " & launcher=$!; while ! ls " + kKept +
                             "/scored/*/* && kill -0 $launcher; do sleep 0.05; done >/dev/null 2>&1; "
                             "kill -TERM $launcher; wait $launcher");
  EXPECT_EQ(stopped.exit_code, 75) << stopped.output;
  EXPECT_THAT(stopped.output, HasSubstr("run the same command again to go on"));
  expect_whole(shell(evaluate("report", many)), many);
}

// Means over seeds, each of which gives what it gives alone.
TEST_F(Evaluating, SamplesAreThoseOfTheirSeeds) {
  const auto scored = [](const std::string& options) {
    fs::remove_all(*folder_ / "sampled");
    const auto result = shell(
        fmt::format("'{}' evaluate --model run --data data --split train --out sampled {}", test::program(), options));
    EXPECT_EQ(result.exit_code, 0) << result.output;
    return std::pair(read_json(*folder_ / "sampled/metrics.json"), result.output);
  };
  const auto [three, table] = scored("--steps 4 --seed 5 --samples 3");
  EXPECT_EQ(three.at("protocol").at("samples"), 3);
  const Json& told = three.at("overall").at("samples");
  EXPECT_EQ(told.at("seeds"), Json({5, 6, 7}));
  EXPECT_FALSE(told.at("alike").get<bool>());
  std::vector<Json> single;
  for (const int seed : {5, 6, 7}) single.push_back(scored(fmt::format("--steps 4 --seed {}", seed)).first);
  for (std::size_t i = 0; i < three["images"].size(); ++i) {
    const Json& image = three["images"][i];
    double sum = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      EXPECT_EQ(image["samples"][k]["psnr"], single[k]["images"][i]["psnr"]);
      sum += image["samples"][k]["psnr"].get<double>();
    }
    EXPECT_NEAR(image["psnr"].get<double>(), sum / 3, 1e-12);
    EXPECT_EQ(image["baselines"], single[0]["images"][i]["baselines"]);
  }
  for (std::size_t k = 0; k < 3; ++k)
    EXPECT_NEAR(told["psnr"]["each"][k].get<double>(), single[k]["overall"]["psnr"].get<double>(), 1e-12);
  EXPECT_GT(told["psnr"]["best_of_3"], told["psnr"]["mean"]);
  EXPECT_EQ(told["psnr"]["mean"], three["overall"]["psnr"]);
  EXPECT_THAT(table, HasSubstr("3 samples of each view, seeds 5 to 7: the model's scores above are means over them"));
  EXPECT_THAT(table, HasSubstr("best of 3"));
  // Another number of samples is another protocol.
  shell("mv sampled one");
  scored("--steps 4 --seed 5 --samples 3");
  const auto compared = spinfill("compare one/metrics.json sampled/metrics.json");
  EXPECT_EQ(compared.exit_code, 2);
  EXPECT_THAT(compared.output, HasSubstr("protocol.samples is 1 and 3"));
  EXPECT_EQ(spinfill("compare sampled/metrics.json sampled/metrics.json").exit_code, 0);
  // Nightly jobs that end at once: no night is lost, and the page shows all of them.
  for (int night = 0; night < 12; ++night) {
    Json report = three;
    report["model"]["name"] = fmt::format("night-{}", night);
    write_json_atomic(*folder_ / fmt::format("night-{}.json", night), report);
  }
  const auto nights = shell(fmt::format(
      "for i in 0 1 2 3 4 5 6 7 8 9 10 11; do '{}' --quiet compare sampled/metrics.json night-$i.json --history nights "
      "& pids=\"$pids $!\"; done; for p in $pids; do wait $p || exit 7; done",
      test::program()));
  EXPECT_EQ(nights.exit_code, 0) << nights.output;
  std::set<std::string> kept;
  std::ifstream jsonl(*folder_ / "nights/nights.jsonl");
  for (std::string line; std::getline(jsonl, line);) kept.insert(Json::parse(line).at("model").at("name"));
  EXPECT_EQ(kept.size(), 12u);
  EXPECT_EQ(std::distance(fs::directory_iterator(*folder_ / "nights"), fs::directory_iterator()), 2)
      << "nights.jsonl and history.html";
  // By a protocol file, which states it in place of the option.
  write_file_atomic(*folder_ / "three.yaml", "split: train\nsteps: 4\nsampling_seed: 5\nsamples: 3\n");
  const auto stated = spinfill("evaluate --model run --data data --protocol three.yaml --out stated");
  EXPECT_EQ(stated.exit_code, 0) << stated.output;
  EXPECT_EQ(read_json(*folder_ / "stated/metrics.json").at("overall"), three.at("overall"));
  EXPECT_EQ(spinfill("evaluate --model run --data data --protocol three.yaml --samples 2 --out no").exit_code, 2);
  EXPECT_EQ(spinfill("evaluate --model run --data data --samples 0 --out no").exit_code, 2);
  // A baseline draws nothing, and neither does one step of such a model.
  for (const std::string model : {"--model baseline:prior --config tiny.yaml", "--model run --steps 1"}) {
    fs::remove_all(*folder_ / "alike");
    const auto alike = spinfill("evaluate --data data --split train --samples 3 --out alike " + model);
    EXPECT_THAT(alike.output, HasSubstr("all have the same scores, so nothing is drawn here")) << model;
    EXPECT_THAT(alike.output, Not(HasSubstr("best of")));
    const Json report = read_json(*folder_ / "alike/metrics.json");
    EXPECT_TRUE(report["overall"]["samples"]["alike"].get<bool>());
    EXPECT_EQ(report["images"][0]["psnr"], report["images"][0]["samples"][2]["psnr"]);
  }
}

}  // namespace
}  // namespace spinfill

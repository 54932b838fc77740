// SPDX-License-Identifier: Apache-2.0
#include "core/files/json.h"
#include "core/files/sha256.h"
#include "run/run_summary.h"

#include "pages/html.h"
#include "pages/run_page.h"
#include "pages/svg_chart.h"
#include "run/checkpoint_files.h"
#include "support/support.h"

namespace spinfill {
namespace {

// A run of two steps and one checkpoint, with markup in its config.
void write_run(const fs::path& run) {
  fs::create_directories(run / "samples");
  fs::create_directories(run / "checkpoints" / "step-20");
  write_file_atomic(run / "config.yaml", "name: \"<b>&\"\n");
  write_file_atomic(run / "metrics.jsonl",
                    "{\"step\":0,\"validation\":{\"psnr\":20.5,\"lpips\":null},\"images\":4}\n"
                    "{\"step\":10,\"loss\":0.5,\"learning_rate\":1e-4}\n"
                    "{\"step\":20,\"loss\":0.25,\"learning_rate\":2e-4}\n"
                    "{\"step\":20,\"validation\":{\"psnr\":25.5,\"lpips\":null}}\n"
                    "{\"step\":30,\"lo");
  write_file_atomic(run / "checkpoints" / "step-20" / "weights.safetensors", "weights");
  write_json_atomic(run / "checkpoints" / "step-20" / "state.json",
                    {{"step", 20}, {"hashes", {{"weights.safetensors", sha256_hex("weights")}}}});
  write_file_atomic(run / "samples" / "step-20.png", "Man");
}

TEST(RunSummary, ReadsRowsCheckpointsAndSamples) {
  const test::TemporaryFolder folder;
  write_run(folder / "run");
  const RunSummary run = read_run(folder / "run");
  EXPECT_EQ(run.rows, 4);
  EXPECT_TRUE(run.cut);
  EXPECT_EQ(run.last_row["step"], 20);
  EXPECT_EQ(run.last_validation["validation"]["psnr"], 25.5);
  ASSERT_NE(run.find("loss"), nullptr);
  EXPECT_EQ(run.find("loss")->points, (std::vector<std::pair<double, double>>{{10, 0.5}, {20, 0.25}}));
  EXPECT_EQ(run.find("validation psnr")->points, (std::vector<std::pair<double, double>>{{0, 20.5}, {20, 25.5}}));
  EXPECT_EQ(run.find("validation lpips"), nullptr);
  ASSERT_EQ(run.checkpoints.size(), 1u);
  EXPECT_EQ(run.checkpoints[0].problem, "");
  EXPECT_EQ(run.samples.size(), 1u);
  EXPECT_NE(run_text(run).find("checkpoint step 20"), std::string::npos);
}

TEST(RunSummary, DamagedCheckpointsAreNamed) {
  const test::TemporaryFolder folder;
  write_run(folder / "run");
  write_file_atomic(folder / "run" / "checkpoints" / "step-20" / "weights.safetensors", "changed");
  fs::create_directories(folder / "run" / "checkpoints" / "step-40");
  const RunSummary run = read_run(folder / "run");
  ASSERT_EQ(run.checkpoints.size(), 2u);
  EXPECT_NE(run.checkpoints[0].problem.find("weights.safetensors does not match"), std::string::npos);
  EXPECT_NE(run.checkpoints[1].problem.find("state.json"), std::string::npos);
  EXPECT_NE(run_text(run).find("NOT VALID"), std::string::npos);
}

TEST(RunSummary, HashesStayInsideTheirFolder) {
  const test::TemporaryFolder folder;
  write_file_atomic(folder / "outside", "x");
  fs::create_directories(folder / "in");
  const auto problems = check_hashes(folder / "in", {{"../outside", sha256_hex("x")}, {"none", "00"}, {"odd", 3}});
  EXPECT_EQ(problems.size(), 3u);
  EXPECT_FALSE(check_hashes(folder / "in", Json::array()).empty());
}

TEST(RunSummary, WrongRowsAreNamedByLine) {
  const test::TemporaryFolder folder;
  write_run(folder / "run");
  for (const char* line : {"{\"loss\":1}", "[1]", "{\"step\":-1}", "{\"step\":\"x\"}", "{\"step\":1", "nonsense"}) {
    write_file_atomic(folder / "run" / "metrics.jsonl", std::string("{\"step\":1}\n") + line + "\n");
    test::expect_error(ExitCode::runtime, {"metrics.jsonl:2"}, [&] { read_run(folder / "run"); });
  }
  test::expect_error(ExitCode::usage, {"not a run"}, [&] { read_run(folder / "nowhere"); });
}

TEST(RunPage, StandsAloneAndEscapes) {
  const test::TemporaryFolder folder;
  write_run(folder / "run");
  const std::string page = run_html(read_run(folder / "run"));
  EXPECT_NE(page.find("<polyline"), std::string::npos);
  EXPECT_NE(page.find("data:image/png;base64,TWFu\""), std::string::npos);
  EXPECT_NE(page.find("&lt;b&gt;&amp;"), std::string::npos);
  EXPECT_EQ(page.find("<b>"), std::string::npos);
  EXPECT_EQ(page.find("http"), std::string::npos);
  EXPECT_EQ(page.find("<script"), std::string::npos);
}

TEST(RunPage, ChartsSpanTheirValues) {
  const std::string chart = svg_chart("loss", {{"loss", {{0, 4}, {100, 1}}}});
  EXPECT_NE(chart.find("aria-label=\"loss\""), std::string::npos);
  EXPECT_NE(chart.find("points=\"64.0,"), std::string::npos);
  ChartLine spike{"x", {}};
  for (int i = 0; i < 5000; ++i) spike.points.emplace_back(i, i == 2345 ? 50. : 0.);
  EXPECT_NE(svg_chart("x", {spike}).find(",38.9 "), std::string::npos);  // the one high value is not thinned away
  EXPECT_EQ(svg_chart("none", {}), "");
  // Ticks of a flat curve are told apart.
  const std::string flat = svg_chart("flat", {{"psnr", {{0, 21.6901}, {4, 21.6922}}}});
  EXPECT_NE(flat.find(">21.6905<"), std::string::npos) << flat;
  EXPECT_NE(flat.find(">21.691<"), std::string::npos) << flat;
}

TEST(RunPage, SeveralRunsShareTheirAxes) {
  const test::TemporaryFolder folder;
  write_run(folder / "first");
  write_run(folder / "second");
  write_file_atomic(folder / "second" / "config.yaml", "name: \"<b>&\"\ntrain:\n  steps: 40\n  only: [1, 2]\n");
  write_file_atomic(folder / "second" / "metrics.jsonl",
                    "{\"step\":40,\"loss\":1.25}\n{\"step\":40,\"validation\":{\"psnr\":27.5}}\n");
  const std::string page = runs_html({read_run(folder / "first"), read_run(folder / "second")});
  const auto has = [&](const std::string& text) { return page.find(text) != std::string::npos; };
  EXPECT_TRUE(has("first: 0.25 at step 20"));
  EXPECT_TRUE(has("second: 1.25 at step 40"));
  EXPECT_TRUE(has("<td>25.5 <small>at step 20</small></td>"));
  EXPECT_TRUE(has("<tr><td>train.steps</td><td>–</td><td>40</td></tr>"));
  EXPECT_TRUE(has("<tr><td>train.only</td><td>–</td><td>[1, 2]</td></tr>"));
  EXPECT_FALSE(has("<tr><td>name</td>")) << "only what differs";
  EXPECT_FALSE(has("<b>"));
  EXPECT_FALSE(has("http"));
  // The first run's loss ends in the middle of the axis that both share: 0.25 at 20 of 10 … 40.
  EXPECT_TRUE(has("cx=\"278.0\"")) << page.substr(page.find("aria-label=\"loss\""), 2500);
}

TEST(RunPage, RunsOfOneNameAreToldApartByTheirFolders) {
  const test::TemporaryFolder folder;
  write_run(folder / "a" / "run");
  write_run(folder / "b" / "run");
  const std::string page = runs_html({read_run(folder / "a" / "run"), read_run(folder / "b" / "run")});
  EXPECT_NE(page.find("a/run: 0.25"), std::string::npos);
  EXPECT_NE(page.find("b/run: 0.25"), std::string::npos);
}

TEST(RunPage, Base64) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("M"), "TQ==");
  EXPECT_EQ(base64("Ma"), "TWE=");
  EXPECT_EQ(base64("Man"), "TWFu");
  EXPECT_EQ(base64("\xff\xfe\xfd\xfc"), "//79/A==");
}

}  // namespace
}  // namespace spinfill

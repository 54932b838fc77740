// SPDX-License-Identifier: Apache-2.0
#include "pages/run_page.h"

#include <gtest/gtest.h>

#include "core/files/files.h"
#include "pages/page_in_browser.h"
#include "pages/sample_grid.h"
#include "support/example_run.h"
#include "support/examples.h"
#include "support/support.h"

namespace spinfill {
namespace {

TEST(RunPage, StandsAloneAndEscapes) {
  const test::TemporaryFolder folder;
  test::write_example_run(folder / "run");
  const std::string page = run_html(read_run(folder / "run"));
  EXPECT_NE(page.find("<polyline"), std::string::npos);
  EXPECT_NE(page.find("data:image/png;base64,TWFu\""), std::string::npos);
  EXPECT_NE(page.find("&lt;b&gt;&amp;"), std::string::npos);
  EXPECT_EQ(page.find("<b>"), std::string::npos);
  for (const char* outside : {"http:", "https:", "<script", "<link", "url("})
    EXPECT_EQ(page.find(outside), std::string::npos) << outside;
}

TEST(RunPage, TheConfigKeepsItsLines) {
  const test::TemporaryFolder folder;
  test::write_example_run(folder / "run");
  write_file_atomic(folder / "run" / "config.yaml", "train:\n  steps: 40  # <i>\ndata:\n  path: \"a&b\"\n");
  EXPECT_NE(run_html(read_run(folder / "run"))
                .find("<pre>train:\n  steps: 40  # &lt;i&gt;\ndata:\n  path: &quot;a&amp;b&quot;\n</pre>"),
            std::string::npos);
}

TEST(RunPage, SeveralRunsShareTheirAxes) {
  const test::TemporaryFolder folder;
  test::write_example_run(folder / "first");
  test::write_example_run(folder / "second");
  write_file_atomic(folder / "second" / "config.yaml", "name: \"<b>&\"\ntrain:\n  steps: 40\n  only: [1, 2]\n");
  write_file_atomic(folder / "second" / "metrics.jsonl",
                    "{\"step\":40,\"loss\":1.25}\n{\"step\":40,\"validation\":{\"psnr\":27.5}}\n");
  const std::string page = runs_html({read_run(folder / "first"), read_run(folder / "second")});
  const auto has = [&](const std::string& text) { return page.find(text) != std::string::npos; };
  EXPECT_TRUE(has("first: 0.361111 at step 20")) << "(0.8·0.2·0.5 + 0.2·0.25)/(1 − 0.8²)";
  EXPECT_TRUE(has("second: 1.25 at step 40"));
  EXPECT_TRUE(has("<td>25.5 <small>at step 20</small></td>"));
  EXPECT_TRUE(has("<tr><td>train.steps</td><td>–</td><td>40</td></tr>"));
  EXPECT_TRUE(has("<tr><td>train.only</td><td>–</td><td>[1, 2]</td></tr>"));
  EXPECT_FALSE(has("<tr><td>name</td>")) << "only what differs";
  EXPECT_FALSE(has("<b>"));
  EXPECT_FALSE(has("http:"));
  // The first run's loss ends in the middle of the axis that both share: at 20 of 10 … 40.
  EXPECT_TRUE(has("cx=\"224.7\"")) << page.substr(page.find("aria-label=\"loss"), 2500);
}

TEST(RunPage, RunsOfOneNameAreToldApartByTheirFolders) {
  const test::TemporaryFolder folder;
  test::write_example_run(folder / "a" / "run");
  test::write_example_run(folder / "b" / "run");
  const std::string page = runs_html({read_run(folder / "a" / "run"), read_run(folder / "b" / "run")});
  EXPECT_NE(page.find("a/run: 0.36"), std::string::npos);
  EXPECT_NE(page.find("b/run: 0.36"), std::string::npos);
}

// A run of 200 rows with validations, as training writes them.
std::string long_run() {
  std::string rows =
      R"({"step":0,"validation":{"psnr":12.5,"ssim":0.5,"lpips":null},"images":4,"baselines":{)"
      R"("nearest":{"psnr":8,"ssim":0.4},"mirror":{"psnr":15,"ssim":0.45},"prior":{"psnr":19,"ssim":0.6},)"
      R"("mirror-or-prior":{"psnr":21,"ssim":0.7}}})"
      "\n";
  for (int i = 1; i <= 200; ++i) {
    rows += fmt::format("{{\"step\":{},\"loss\":{}}}\n", i, i % 2 == 0 ? 3.0 : 1.0);
    if (i % 50 == 0)
      rows += fmt::format("{{\"step\":{},\"validation\":{{\"psnr\":{},\"ssim\":0.6,\"lpips\":null}}}}\n", i,
                          12.5 + i / 25.0);
  }
  return rows;
}

std::string chart_of(const std::string& page, const std::string& label) {
  const std::size_t from = page.find("aria-label=\"" + label + "\"");
  return from == page.npos ? "" : page.substr(from, page.find("</svg>", from) - from);
}

TEST(RunPage, LossIsSmoothedOverTheRowsThatItNames) {
  const test::TemporaryFolder folder;
  test::write_example_run(folder / "run");
  write_file_atomic(folder / "run" / "metrics.jsonl", long_run());
  const std::string chart = chart_of(run_html(read_run(folder / "run")), "loss, smoothed over 10 rows");
  ASSERT_FALSE(chart.empty());
  EXPECT_NE(chart.find("stroke-opacity=\".3\""), chart.npos) << "the raw one, lighter";
  // Python: m = 0; for i in range(1, 201): m = .9 * m + .1 * (1 + 2 * (i % 2 == 0)); m / (1 - .9 ** 200)
  EXPECT_NE(chart.find("loss: 2.05263 at step 200"), chart.npos) << chart;
}

TEST(RunPage, ValidationHasTheBaselinesThatLieNear) {
  const test::TemporaryFolder folder;
  test::write_example_run(folder / "run");
  write_file_atomic(folder / "run" / "metrics.jsonl", long_run());
  const std::string page = run_html(read_run(folder / "run")), psnr = chart_of(page, "PSNR, dB");
  for (const char* line : {"mirror-or-prior: 21 at", "prior: 19 at", "mirror: 15 at", "model: 20.5 at step 200"})
    EXPECT_NE(psnr.find(line), psnr.npos) << line;
  EXPECT_EQ(psnr.find("nearest"), psnr.npos) << "8 dB would squeeze the curve";
  EXPECT_NE(psnr.find("stroke-dasharray"), psnr.npos);
  EXPECT_NE(chart_of(page, "SSIM").find("mirror-or-prior: 0.7"), std::string::npos);
  EXPECT_TRUE(chart_of(page, "LPIPS").empty()) << "there is none";
}

using RunInBrowser = test::PageInBrowser;

TEST_F(RunInBrowser, FitsAScreenAndAPhone) {
  test::write_example_run(folder_ / "run");
  write_file_atomic(folder_ / "run" / "metrics.jsonl", long_run());
  const Batch batch = example_batch({0}, {{0, 3}});
  draw_sample_grid(batch, batch.colour, folder_ / "run" / "samples" / "step-20.png");
  for (const int width : {1300, 400}) {
    test::Browser browser(width, 900);
    browser.open(url(run_html(read_run(folder_ / "run"))));
    expect_whole(browser, 1);
    // Letters of curves can be read.
    EXPECT_GE(browser
                  .evaluate("Math.min(...[...document.querySelectorAll('svg text')].map("
                            "t => t.getBoundingClientRect().height))")
                  .get<double>(),
              9.5);
  }
}

}  // namespace
}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "pages/run_page.h"

#include "core/files/files.h"
#include "support/example_run.h"
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
  EXPECT_EQ(page.find("http"), std::string::npos);
  EXPECT_EQ(page.find("<script"), std::string::npos);
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
  test::write_example_run(folder / "a" / "run");
  test::write_example_run(folder / "b" / "run");
  const std::string page = runs_html({read_run(folder / "a" / "run"), read_run(folder / "b" / "run")});
  EXPECT_NE(page.find("a/run: 0.25"), std::string::npos);
  EXPECT_NE(page.find("b/run: 0.25"), std::string::npos);
}

}  // namespace
}  // namespace spinfill

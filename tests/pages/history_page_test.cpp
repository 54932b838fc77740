// SPDX-License-Identifier: Apache-2.0
#include "pages/history_page.h"

#include <gtest/gtest.h>

#include "core/files/files.h"
#include "pages/browser.h"
#include "support/support.h"

namespace spinfill {
namespace {

std::vector<Json> nights(const std::string& name) {
  std::vector<Json> out;
  for (int i = 0; i < 5; ++i) {
    out.push_back(
        {{"time", fmt::format("2026-01-0{}T02:00:00Z", i + 1)},
         {"model", {{"name", name}, {"step", 100 * i}}},
         {"overall", {{"psnr", 20.0 + i}, {"lpips", Json()}, {"intervals", {{"psnr", {19.0 + i, 21.0 + i}}}}}},
         {"verdicts", {{"psnr", i == 4 ? "worse" : "equal"}}},
         {"regressed", i == 4}});
  }
  return out;
}

TEST(HistoryPage, ShowsEachNightAndNothingFromOutside) {
  const std::string html = history_page(nights("<img src=x>"));
  for (const char* outside : {"http:", "https:", "url(", "<link", "<script", "src=\"", "<img"})
    EXPECT_EQ(html.find(outside), html.npos) << outside;
  EXPECT_NE(html.find(kHistoryPageMark), html.npos);
  EXPECT_LT(html.find("step 400"), html.find("step 300")) << "the last night first";
}

TEST(HistoryPage, DrawsInABrowser) {
  if (test::Browser::program().empty())
    GTEST_SKIP() << "SKIPPED: no Chromium (apt-get install chromium, or set SPINFILL_CHROMIUM)";
  const test::TemporaryFolder folder;
  write_file_atomic(folder / "history.html", history_page(nights("run")));
  test::Browser browser(390, 800);
  browser.open("file://" + (folder / "history.html").string());
  EXPECT_EQ(browser.evaluate("document.querySelectorAll('svg').length"), 1) << "PSNR; there is no LPIPS";
  EXPECT_EQ(browser.evaluate("document.querySelectorAll('tr').length"), 6);
  EXPECT_EQ(browser.evaluate("document.querySelector('.verdict').innerText"),
            "2026-01-05T02:00:00Z, run, step 400: worse");
  EXPECT_EQ(browser.evaluate("document.documentElement.scrollWidth <= innerWidth"), true);
  EXPECT_EQ(browser.requests().size(), 1U);
  EXPECT_TRUE(browser.problems().empty());
}

}  // namespace
}  // namespace spinfill

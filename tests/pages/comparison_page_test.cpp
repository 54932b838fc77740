// SPDX-License-Identifier: Apache-2.0
#include "pages/comparison_page.h"

#include <gtest/gtest.h>

#include "core/files/files.h"
#include "metrics/protocol.h"
#include "pages/browser.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::Browser;

// Twelve vehicles with four views each; those of one vehicle fall, its view at 90° most.
Comparison example(const std::string& worst = "car-07", double fall = 2) {
  const auto report = [&](bool after) {
    Json json = {{"protocol", protocol_to_json(Protocol())}, {"images", Json::array()}};
    for (int v = 0; v < 12; ++v) {
      for (int i = 0; i < 4; ++i) {
        const std::string id = v == 7 ? worst : fmt::format("car-{:02}", v);
        const double down = v == 7 ? fall * (1 + (i == 2)) : 0.3;
        json["images"].push_back({{"id", id},
                                  {"sample", v},
                                  {"azimuth_deg", 45 * i},
                                  {"missing", 1 + i % 2},
                                  {"case", "front/back"},
                                  {"category", v < 6 ? "sedan" : "bus"},
                                  {"psnr", 20.0 + v + i - (after ? down : 0)},
                                  {"ssim", 0.8},
                                  {"lpips", 0.1}});
      }
    }
    return json;
  };
  return compare_reports(report(false), "old/metrics.json", report(true), "new/metrics.json");
}

TEST(ComparisonPage, HoldsEverythingItShowsAndNothingFromOutside) {
  const std::string html = comparison_page(example());
  for (const char* outside : {"http:", "https:", "//cdn", "@import", "url(", "<link", "<script", "src="})
    EXPECT_EQ(html.find(outside), html.npos) << outside;
  EXPECT_NE(html.find(kComparisonPageMark), html.npos);
  const std::string hostile = comparison_page(example("<img src=x onerror=alert(1)>\"'&"));
  EXPECT_EQ(hostile.find("<img"), hostile.npos);
  EXPECT_NE(hostile.find("&lt;img src=x onerror=alert(1)&gt;&quot;"), hostile.npos);
}

class ComparisonInBrowser : public ::testing::Test {
 protected:
  void SetUp() override {
    if (Browser::program().empty())
      GTEST_SKIP() << "SKIPPED: no Chromium (apt-get install chromium, or set SPINFILL_CHROMIUM)";
  }
  std::string url(const std::string& html) {
    write_file_atomic(folder_ / "page.html", html);
    return "file://" + (folder_ / "page.html").string();
  }
  test::TemporaryFolder folder_;
};

// What a reader looks for first: whether, which vehicle, which view.
TEST_F(ComparisonInBrowser, TellsWhichVehicleAndViewGotWorst) {
  Browser browser(1100, 900);
  browser.open(url(comparison_page(example())));
  const auto text = [&](const std::string& selector) -> std::string {
    return browser.evaluate("document.querySelector('" + selector + "').innerText");
  };
  EXPECT_EQ(text("h1"), "Worse");
  EXPECT_NE(text(".verdict").find("psnr fell by"), std::string::npos);
  const auto first_below = [&](const std::string& title) -> std::string {
    return browser.evaluate("[...document.querySelectorAll('h2')].find(h => h.innerText.startsWith('" + title +
                            "')).nextElementSibling.querySelector('td').innerText");
  };
  EXPECT_EQ(first_below("By category"), "bus");
  EXPECT_EQ(first_below("Vehicles"), "car-07");
  EXPECT_EQ(first_below("Views"), "car-07, 90°, 1 missing, sample 7");
  // The most saturated red is the cell of what fell most.
  EXPECT_EQ(
      browser.evaluate("getComputedStyle([...document.querySelectorAll('.map')][0].rows[1].cells[3]).backgroundColor"),
      "rgb(178, 24, 43)");
  EXPECT_EQ(browser.evaluate("document.querySelectorAll('svg circle').length"), 48);
  EXPECT_EQ(browser.evaluate("document.querySelectorAll('svg circle.w').length"), 48);
  EXPECT_EQ(browser.requests().size(), 1U) << "the page alone";
  EXPECT_TRUE(browser.problems().empty()) << browser.problems().front();
}

TEST_F(ComparisonInBrowser, FitsAPhone) {
  Browser browser(390, 800, 2);
  browser.open(url(comparison_page(example("car-07", 0.3))));
  EXPECT_EQ(browser.evaluate("document.documentElement.scrollWidth <= innerWidth"), true) << "wide tables scroll alone";
}

}  // namespace
}  // namespace spinfill

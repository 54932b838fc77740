// SPDX-License-Identifier: Apache-2.0
#include "pages/comparison_page.h"

#include <gtest/gtest.h>

#include "core/files/files.h"
#include "data/pictures/picture.h"
#include "metrics/predictions.h"
#include "metrics/protocol.h"
#include "pages/page_in_browser.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::Browser;

// Twelve vehicles with four views each; those of one vehicle fall, its view at 90° most. With a folder the predictions
// of both are kept there, each view of a colour of its own.
Comparison example(const std::string& worst = "car-07", double fall = 2, const fs::path& folder = {}) {
  const auto report = [&](bool after) {
    Json json = {{"protocol", protocol_to_json(Protocol())}, {"images", Json::array()}};
    if (!folder.empty()) json["predictions"] = {{"sha256", after ? "a" : "b"}, {"kept", true}};
    for (int v = 0; v < 12; ++v) {
      for (int i = 0; i < 4; ++i) {
        const std::string id = v == 7 ? worst : fmt::format("car-{:02}", v);
        const double down = v == 7 ? fall * (1 + (i == 2)) : v == 3 ? -0.5 : 0.3;
        const cv::Mat prediction(16, 24, CV_8UC3, cv::Scalar(20 * v, 40 * i, after ? 200 : 100));
        json["images"].push_back({{"id", id},
                                  {"sample", v},
                                  {"azimuth_deg", 45 * i},
                                  {"missing", 1 + i % 2},
                                  {"case", "front/back"},
                                  {"category", v < 6 ? "sedan" : "bus"},
                                  {"psnr", 20.0 + v + i - (after ? down : 0)},
                                  {"ssim", 0.8},
                                  {"lpips", 0.1},
                                  {"prediction_sha256", picture_sha256(prediction)}});
        if (folder.empty()) continue;
        ImageRow row;
        row.id = id;
        row.sample = v;
        row.slot = i;
        keep_prediction(folder / (after ? "new" : "old"), row, prediction,
                        cv::Mat(16, 24, CV_8UC3, cv::Scalar(9, 9, 9)));
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
  EXPECT_NE(html.find("new/metrics.json keeps no predictions"), html.npos);
  EXPECT_NE(html.find("--save-predictions"), html.npos) << "what would have shown them";
}

using ComparisonInBrowser = test::PageInBrowser;

// What a reader looks for first: whether, which vehicle, which view.
TEST_F(ComparisonInBrowser, TellsWhichVehicleAndViewGotWorst) {
  Browser browser(1100, 900);
  browser.open(url(comparison_page(example())));
  const auto text = [&](const std::string& selector) -> std::string {
    return browser.evaluate("document.querySelector('" + selector + "').innerText");
  };
  EXPECT_EQ(text("h1"), "Worse");
  EXPECT_NE(text(".verdict").find("psnr fell by"), std::string::npos);
  EXPECT_EQ(
      text(".verdict + p"),
      "The vehicle that got worst: car-07, PSNR -2.50. The view that got worst: car-07, 90°, 1 missing, sample 7, "
      "PSNR -4.00.");
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
  EXPECT_EQ(browser.evaluate("document.querySelectorAll('svg circle.w').length"), 44);
  EXPECT_EQ(browser.requests().size(), 1U) << "the page alone";
  EXPECT_TRUE(browser.problems().empty()) << browser.problems().front();
}

// Of each view its truth, both pictures and both errors.
TEST_F(ComparisonInBrowser, ShowsTheViewsThatChangedMost) {
  const Comparison comparison = example("car-07", 2, folder_.path());
  const ReportFolders folders{folder_ / "old", folder_ / "new"};
  for (const int width : {1300, 400}) {
    Browser browser(width, 900);
    browser.open(url(comparison_page(comparison, folders)));
    EXPECT_EQ(browser.evaluate("document.querySelector('h2').innerText"), "Views that got worst") << "above all else";
    EXPECT_EQ(browser.evaluate("document.querySelector('article h3').innerText"), "car-07 at 90°");
    EXPECT_EQ(browser.evaluate("[...document.querySelectorAll('article:first-of-type figcaption')].slice(0, 5)"
                               ".map(c => c.innerText).join()"),
              "truth,old,new,old error,new error");
    EXPECT_EQ(browser.evaluate("[...document.querySelectorAll('.gallery')].map(g => g.children.length).join()"), "6,4")
        << "one vehicle improved, in four views";
    EXPECT_EQ(browser.evaluate("[...document.images].every(i => i.complete && i.naturalWidth === 24)"), true);
    // The new picture of the worst view is of that view's colour.
    EXPECT_EQ(browser.evaluate(
                  "(() => { const c = document.createElement('canvas').getContext('2d');"
                  "c.drawImage(document.images[2], 0, 0); return [...c.getImageData(3, 3, 1, 1).data].join(); })()"),
              "140,80,200,255");
    expect_whole(browser, 10 * 5);
  }
}

TEST_F(ComparisonInBrowser, PicturesThatAreNotThereAreNamed) {
  const Comparison comparison = example("car-07", 2, folder_.path());
  fs::remove(folder_ / "old" / prediction_path("car-07", 7, 90));
  write_png(folder_ / "new" / prediction_path("car-07", 7, 45), cv::Mat(16, 24, CV_8UC3, cv::Scalar(1, 2, 3)));
  write_file_atomic(folder_ / "new" / truth_path("car-07", 0), "no picture");
  Browser browser(1300, 900);
  browser.open(url(comparison_page(comparison, {folder_ / "old", folder_ / "new"})));
  const std::string text = browser.evaluate("document.querySelector('.gallery').innerText");
  EXPECT_NE(text.find("7-090.png"), text.npos);
  EXPECT_NE(text.find("7-045.png: is not the picture that was scored"), text.npos);
  EXPECT_NE(text.find("truth-000.png"), text.npos);
  EXPECT_EQ(browser.evaluate("document.querySelector('.gallery').querySelectorAll('img').length"), 3 * 5);
  EXPECT_TRUE(browser.problems().empty());
}

TEST_F(ComparisonInBrowser, FitsAPhone) {
  Browser browser(390, 800, 2);
  browser.open(url(comparison_page(example("car-07", 0.3))));
  EXPECT_EQ(browser.evaluate("document.documentElement.scrollWidth <= innerWidth"), true) << "wide tables scroll alone";
}

}  // namespace
}  // namespace spinfill

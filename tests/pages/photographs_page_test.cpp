// SPDX-License-Identifier: Apache-2.0
#include "pages/photographs_page.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <regex>

#include "pages/page_in_browser.h"

namespace spinfill {
namespace {

PhotographReport photograph(const std::string& file, PhotographFate fate, std::optional<double> azimuth_deg) {
  PhotographReport one;
  one.file = file;
  one.fate = fate;
  one.azimuth_deg = azimuth_deg;
  one.preview = cv::Mat(8, 12, CV_8UC3, cv::Scalar(200, 10, 10));
  one.mask = cv::Mat(8, 12, CV_8U, cv::Scalar(255));
  return one;
}

int count(const std::string& text, const std::string& pattern) {
  const std::regex wanted(pattern);
  return static_cast<int>(std::distance(std::sregex_iterator(text.begin(), text.end(), wanted), {}));
}

TEST(PhotographsPage, ShowsEveryPhotographAndTheGaps) {
  WalkaroundReport report;
  report.title = "my <car>";
  report.photographs = {photograph("a.jpg", PhotographFate::used, 0), photograph("b.jpg", PhotographFate::used, 90),
                        photograph("c&d.jpg", PhotographFate::spare, 95),
                        photograph("e.jpg", PhotographFate::refused, std::nullopt)};
  report.photographs[3].why = "nothing stands out";
  report.left_out = {{"notes.txt", "is no picture"}};
  report.films = {{"walk.mov", 12, 300, {1, 2}, DynamicRange::hlg}, {"old.mp4", 12, 300, {1, 2}}};
  EXPECT_EQ(photographs_page(report).find("Order:"), std::string::npos);
  EXPECT_EQ(to_json(report)["order"], "untold");
  EXPECT_EQ(photographs_page(report).find("fit together"), std::string::npos);
  report.doubt = "the masks <do not> fit together";
  report.order = ShootingOrder::falling;
  const std::string page = photographs_page(report);
  EXPECT_NE(page.find("the masks &lt;do not&gt; fit together"), std::string::npos);
  EXPECT_NE(page.find("<p>Order: the photographs&#39; names have the order of a walk round the vehicle with falling"),
            std::string::npos);
  EXPECT_EQ(to_json(report)["order"], "falling");
  EXPECT_NE(page.find("my &lt;car&gt;"), std::string::npos);
  EXPECT_NE(page.find("c&amp;d.jpg"), std::string::npos);
  EXPECT_NE(page.find("nothing stands out"), std::string::npos);
  EXPECT_NE(page.find("notes.txt: is no picture"), std::string::npos);
  EXPECT_NE(page.find("by how far they move; of high dynamic range (HLG), tone-mapped to sRGB</p>"), std::string::npos);
  EXPECT_NE(page.find("by how far they move</p>"), std::string::npos);
  EXPECT_EQ(to_json(report)["films"][0]["dynamic_range"], "hlg");
  EXPECT_EQ(to_json(report)["films"][1]["dynamic_range"], "standard");
  EXPECT_NE(page.find("4 photographs: 2 used, 0 further, 1 spare, 1 refused; the widest gap between used ones is 270"),
            std::string::npos);
  EXPECT_EQ(count(page, "<article class=\"used\""), 2);
  EXPECT_EQ(count(page, "<img "), 8);          // each as it came and with its mask
  EXPECT_EQ(count(page, "class=\"gap\""), 2);  // 90 and 270 degrees
  // The front, 0°, is below; the vehicle's left, 90°, on the right.
  EXPECT_NE(page.find("cx=\"130.0\" cy=\"222.0\""), std::string::npos);
  EXPECT_NE(page.find("cx=\"222.0\" cy=\"130.0\""), std::string::npos);
}

TEST(PhotographsPage, SaysWhatIsWrongInAWordAndWhatToDo) {
  WalkaroundReport report;
  report.photographs = {photograph("a.jpg", PhotographFate::used, 0),
                        photograph("b.jpg", PhotographFate::refused, std::nullopt)};
  report.photographs[0].verdict = PhotographVerdict::retake;
  report.photographs[0].trouble = Trouble::blurred;
  report.photographs[0].why = "hold the camera still";
  report.photographs[1].verdict = PhotographVerdict::ignored;
  report.photographs[1].trouble = Trouble::other_vehicle;
  const std::string page = photographs_page(report);
  EXPECT_EQ(count(page, "<span class=\"verdict\">retake: blurred</span>"), 1);
  EXPECT_EQ(count(page, "<span class=\"verdict\">ignored: another vehicle</span>"), 1);
  EXPECT_NE(page.find("hold the camera still"), std::string::npos);
}

class PhotographsInBrowser : public test::PageInBrowser {};

TEST_F(PhotographsInBrowser, IsWholeAtDesktopAndPhoneWidth) {
  WalkaroundReport report;
  report.title = "a walk round a car with a long name";
  for (int i = 0; i < 12; ++i) {
    PhotographReport one = photograph(fmt::format("IMG_20260801_1234567890_{}_edited-copy-of-a-copy.jpg", i),
                                      i < 8 ? PhotographFate::used : PhotographFate::refused, 30.0 * i);
    one.preview = cv::Mat(240, 360, CV_8UC3, cv::Scalar(20 * i, 90, 160));
    one.mask = cv::Mat(240, 360, CV_8U, cv::Scalar(200));
    if (i >= 8) {
      one.verdict = PhotographVerdict::ignored;
      one.trouble = Trouble::not_told;
      one.why = "from where it shows the vehicle cannot be told: take it with one whole vehicle in sight";
    }
    report.photographs.push_back(one);
  }
  const std::string html = photographs_page(report);
  for (const int width : {1300, 400}) {
    test::Browser browser(width, 900);
    browser.open(url(html));
    expect_whole(browser, 24);
    EXPECT_EQ(browser.evaluate("document.querySelectorAll('article').length"), 12) << width;
    // Side by side where there is room, one below the other on a phone; nothing sticks out of its card.
    const Json columns = browser.evaluate(
        "new Set([...document.querySelectorAll('article')].map(a => Math.round(a.getBoundingClientRect().left))).size");
    if (width > 1000)
      EXPECT_GE(columns, 3);
    else
      EXPECT_EQ(columns, 1);
    EXPECT_EQ(browser.evaluate("[...document.querySelectorAll('article')].every(a => a.scrollWidth <= a.clientWidth)"),
              true)
        << width;
    EXPECT_EQ(browser.evaluate("document.querySelectorAll('svg g.used circle').length"), 8);
    EXPECT_EQ(browser.evaluate("getComputedStyle(document.querySelector('.verdict')).display !== 'none'"), true);
  }
}

}  // namespace
}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "pages/photo_inspection_page.h"

#include <gtest/gtest.h>

#include "core/files/files.h"
#include "core/files/json.h"
#include "data/pictures/picture.h"
#include "pages/browser.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::Browser;

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + what.size())) ++n;
  return n;
}

int red_of(int view) {
  return 10 + 30 * view;
}

InspectedPicture plain(double azimuth_deg, int red, int blue) {
  return {azimuth_deg, cv::Mat(80, 120, CV_8UC4, cv::Scalar(red, 60, blue, 255))};
}

// Eight views whose pictures are of one colour each, so that pixels tell which are seen.
PhotoInspection example_inspection(const std::string& title = "Test spin") {
  PhotoInspection made;
  made.title = title;
  made.overlay = cv::Mat(40, 400, CV_8UC3, cv::Scalar(200, 200, 200));
  for (int view = 0; view < 8; ++view) {
    made.raw.push_back(plain(45.0 * view, red_of(view), 20));
    made.steady.push_back(plain(45.0 * view + 10, red_of(view), 200));
    made.views.push_back({fmt::format("{:03}.png", 45 * view), 45.0 * view, {}, 0.8 + 0.01 * view, 0.9 + 0.01 * view});
    made.views.back().stabilised.trusted = true;
  }
  return made;
}

TEST(PhotoInspectionPage, HoldsEverythingAndNothingFromOutside) {
  PhotoInspection noted = example_inspection("<b>tiny</b> & @ROWS@");
  noted.stabilisation.notes = {"a <note>"};
  noted.stabilisation.warnings = {"a <warning>"};
  noted.views[2].stabilised.trusted = false;
  const std::string html = photo_inspection_page(noted);
  EXPECT_EQ(count(html, "src=\"data:image/png;base64,iVBOR"), 17u);
  EXPECT_EQ(count(html, "src=\""), 17u);
  for (const char* outside : {"http:", "https:", "//cdn", "@import", "url(", "<link", "fetch(", "<a "})
    EXPECT_EQ(count(html, outside), 0u) << outside;
  EXPECT_EQ(count(html, "<th scope=\"row\">"), 9u);
  for (const InspectedView& view : noted.views)
    EXPECT_NE(html.find(fmt::format("<td>{:.3f}</td><td>{:.3f}</td>", view.iou_before, view.iou_after)), html.npos);
  EXPECT_EQ(count(html, "class=\"doubted\""), 1u);
  EXPECT_EQ(count(html, "<b>tiny"), 0u);
  EXPECT_EQ(count(html, "&lt;b&gt;tiny&lt;/b&gt; &amp; @ROWS@"), 2u);
  EXPECT_EQ(count(html, "a &lt;note&gt;"), 1u);
}

TEST(PhotoInspectionPage, IsWrittenBesideItsOverlay) {
  const test::TemporaryFolder out;
  const PhotoInspection made = example_inspection();
  write_photo_inspection(made, out.path());
  EXPECT_EQ(read_file(out / "index.html"), photo_inspection_page(made));
  EXPECT_EQ(read_picture(out / "overlay.png").size(), made.overlay.size());
}

// The page itself, turned as a user would.
class InspectionInBrowser : public ::testing::Test {
 protected:
  void SetUp() override {
    if (Browser::program().empty())
      GTEST_SKIP() << "SKIPPED: no Chromium (apt-get install chromium, or set SPINFILL_CHROMIUM)";
    path_ = folder_ / "index.html";
    write_file_atomic(path_, photo_inspection_page(example_inspection()));
  }
  std::string url(const std::string& hash = {}) const { return "file://" + path_.string() + hash; }
  static cv::Vec4b pixel(Browser& browser, const std::string& stage) {
    const Json at = browser.evaluate("(r => [r.x + r.width * .4, r.y + r.height * .4])(document.getElementById('" +
                                     stage + "').getBoundingClientRect())");
    return browser.screenshot().at<cv::Vec4b>(at[1].get<int>(), at[0].get<int>());
  }
  // The view that is seen by its colour; of a mixture its place between the two.
  static double seen(Browser& browser, const std::string& stage = "raw") {
    const cv::Vec4b p = pixel(browser, stage);
    EXPECT_NEAR(p[1], 60, 3) << "the two pictures do not add up to one";
    EXPECT_NEAR(p[2], stage == "raw" ? 20 : 200, 3);
    return (p[0] - 10) / 30.0;
  }
  static double azimuth(Browser& browser) {
    return browser.evaluate("Number(document.getElementById('azimuth').value)");
  }
  test::TemporaryFolder folder_;
  fs::path path_;
};

TEST_F(InspectionInBrowser, BothTurnTogetherAndFadeBetweenNeighbours) {
  Browser browser(1000, 900);
  browser.open(url("#view=135"));
  EXPECT_NEAR(seen(browser), 3, 0.1);
  EXPECT_NEAR(seen(browser, "steady"), 3, 0.1);
  browser.go_to("#view=157.5");
  EXPECT_NEAR(seen(browser), 3.5, 0.1) << "half of each in the middle";
  browser.go_to("#view=167.5");
  EXPECT_NEAR(seen(browser, "steady"), 3.5, 0.1) << "by its own azimuths";
  browser.go_to("#view=5");
  EXPECT_NEAR(seen(browser, "steady"), 0, 0.1) << "wraps round";
  browser.go_to("#view=355");
  EXPECT_NEAR(seen(browser), 0, 0.1);
  for (const auto& request : browser.requests())
    EXPECT_TRUE(request.starts_with("file://") || request.starts_with("data:")) << request;
  EXPECT_TRUE(browser.problems().empty()) << browser.problems().front();
}

TEST_F(InspectionInBrowser, TurnsByItselfUntilPaused) {
  Browser browser(1000, 900);
  browser.open(url());
  const std::string pressed = "document.getElementById('play').ariaPressed";
  EXPECT_EQ(browser.evaluate(pressed), "true");
  const std::string wait = "new Promise(r => setTimeout(r, 800))";
  const double first = azimuth(browser);
  for (int i = 0; i < 20 && azimuth(browser) == first; ++i) browser.evaluate(wait);  // a busy machine draws late
  EXPECT_NE(azimuth(browser), first);
  browser.key(" ", 32);
  EXPECT_EQ(browser.evaluate(pressed), "false");
  const double paused = azimuth(browser);
  browser.evaluate(wait);
  EXPECT_EQ(azimuth(browser), paused);
}

TEST_F(InspectionInBrowser, TurnsByDragKeysAndSlider) {
  Browser browser(1000, 900);
  browser.open(url("#view=90"));
  const Json at = browser.evaluate(
      "(r => [r.x, r.y + r.height / 2, r.width])(document.getElementById('steady').getBoundingClientRect())");
  const double x = at[0], y = at[1], width = at[2];
  browser.mouse("mousePressed", x + width / 2, y);
  for (int i = 1; i <= 4; ++i) browser.mouse("mouseMoved", x + width / 2 - width / 4 * i / 4, y);
  browser.mouse("mouseReleased", x + width / 4, y, 0);
  EXPECT_NEAR(azimuth(browser), 180, 4);
  EXPECT_NEAR(seen(browser), 4, 0.1);
  browser.go_to("#view=45");
  for (int i = 0; i < 9; ++i) browser.key("ArrowRight", 39);
  EXPECT_NEAR(azimuth(browser), 90, 0.1);
  browser.evaluate("document.getElementById('azimuth').focus()");
  browser.key("ArrowLeft", 37);
  EXPECT_NEAR(azimuth(browser), 85, 0.1) << "once, not twice";
  browser.evaluate(
      "(s => { s.value = 270; s.dispatchEvent(new Event('input')); })(document.getElementById('azimuth'))");
  EXPECT_NEAR(seen(browser), 6, 0.1);
}

TEST_F(InspectionInBrowser, LessMotionMeansNoneByItselfAndNoFades) {
  Browser browser(600, 900, 1, true);
  browser.open(url());
  EXPECT_EQ(browser.evaluate("document.getElementById('play').ariaPressed"), "false");
  browser.evaluate("new Promise(r => setTimeout(r, 500))");
  EXPECT_EQ(azimuth(browser), 0);
  browser.go_to("#view=20");
  EXPECT_NEAR(seen(browser), 0, 0.1);
  EXPECT_EQ(browser.evaluate("document.documentElement.scrollWidth <= innerWidth"), true);
}

}  // namespace
}  // namespace spinfill

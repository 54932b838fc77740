// SPDX-License-Identifier: Apache-2.0
#include "pages/inspect_photos.h"
#include "core/files/json.h"

#include <gtest/gtest.h>

#include <cmath>

#include <opencv2/imgproc.hpp>

#include "data/pictures/picture.h"
#include "data/spins/hull_agreement.h"
#include "data/spins/hull_overlay.h"
#include "pages/browser.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

using test::Browser;

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + what.size())) ++n;
  return n;
}

// Photographs that were not framed alike, of which only the azimuths are stated.
ViewSet write_departed_set(const fs::path& folder) {
  const test::TinySetOptions options{.id = "<b>tiny</b> & @ROWS@", .width = 240, .height = 160, .cameras = false};
  ViewSet set = test::write_tiny_set(folder, options);
  for (std::size_t i = 0; i < set.frames.size(); ++i) {
    const double odd = i % 2 == 0 ? 1 : -1, third = static_cast<double>(i % 3) - 1;
    const Framing framing{1 + 0.05 * third, 0.03 * odd, 0.025 * third, 0};
    const Camera camera = turntable_camera(test::tiny_turntable(options), set.frames[i].azimuth_deg, 240, 160);
    write_png(folder / set.frames[i].file_path, test::render_tiny_vehicle(reframed(camera, framing), options.seed));
  }
  return set;
}

// Standard deviation over the frames of the middle of what is seen, px.
double jitter(const std::vector<SpinFrame>& frames, bool vertical) {
  std::vector<double> middles;
  double mean = 0, squares = 0;
  for (const SpinFrame& frame : frames) {
    cv::Mat alpha;
    cv::extractChannel(frame.picture, alpha, 3);
    const cv::Moments m = cv::moments(alpha);
    middles.push_back((vertical ? m.m01 : m.m10) / m.m00);
  }
  for (const double at : middles) mean += at / static_cast<double>(middles.size());
  for (const double at : middles) squares += (at - mean) * (at - mean) / static_cast<double>(middles.size());
  return std::sqrt(squares);
}

class InspectPhotos : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new test::TemporaryFolder;
    set_ = new ViewSet(write_departed_set(folder_->path()));
    result_ = new PhotoInspection(inspect_photos(*set_));
  }
  static void TearDownTestSuite() {
    delete result_;
    delete set_;
    delete folder_;
  }
  static test::TemporaryFolder* folder_;
  static ViewSet* set_;
  static PhotoInspection* result_;
};
test::TemporaryFolder* InspectPhotos::folder_ = nullptr;
ViewSet* InspectPhotos::set_ = nullptr;
PhotoInspection* InspectPhotos::result_ = nullptr;

TEST_F(InspectPhotos, ScoresAsHullAgreementDoes) {
  std::vector<SpinPicture> pictures;
  std::vector<Camera> before, after;
  std::vector<bool> trusted;
  for (std::size_t i = 0; i < set_->frames.size(); ++i) {
    pictures.push_back(spin_picture(*set_, set_->frames[i]));
    before.push_back(turntable_camera(Turntable{}, set_->frames[i].azimuth_deg, set_->width, set_->height));
    after.push_back(result_->stabilisation.views[i].camera);
    trusted.push_back(result_->stabilisation.views[i].trusted);
  }
  const auto at_first = hull_agreement(pictures, before, std::vector<bool>(8, true));
  const auto at_last = hull_agreement(pictures, after, trusted);
  ASSERT_EQ(result_->views.size(), 8u);
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_DOUBLE_EQ(result_->views[i].iou_before, at_first[i].as_photographed) << i;
    EXPECT_DOUBLE_EQ(result_->views[i].iou_after, at_last[i].as_photographed) << i;
  }
  EXPECT_GT(result_->mean_iou(true), result_->mean_iou(false) + 0.05);
  EXPECT_GT(result_->mean_iou(true), 0.9);
}

TEST_F(InspectPhotos, OverlayShowsWhatStabilisationChanged) {
  // Both rows show the same photographs at the same places: a tint is where one row is the other one mixed with it.
  const cv::Mat& page = result_->overlay;
  EXPECT_GE(page.cols, 8 * 320);
  const int legend = 40, gap = 8, band = (page.rows - legend - gap) / 2;
  int before = 0, after = 0;
  for (int y = legend; y < legend + band; ++y) {
    for (int x = 0; x < page.cols; ++x) {
      const cv::Vec3b first = page.at<cv::Vec3b>(y, x), last = page.at<cv::Vec3b>(y + band, x);
      const auto tinted = [](const cv::Vec3b& p, const cv::Vec3b& by_itself, const cv::Scalar& tint) {
        for (int c = 0; c < 3; ++c)
          if (std::abs(p[c] - 0.28 * by_itself[c] - 0.72 * tint[c]) > 3) return false;
        return true;
      };
      for (const cv::Scalar& tint : {kHullOnly, kMaskOnly}) {
        before += tinted(first, last, tint);
        after += tinted(last, first, tint);
      }
    }
  }
  EXPECT_GT(before, 5000);
  EXPECT_GT(before, 4 * after);
}

TEST_F(InspectPhotos, StabilisedSpinStaysInPlace) {
  ASSERT_EQ(result_->steady.size(), 8u);
  EXPECT_GT(jitter(result_->raw, false), 5);
  EXPECT_LT(jitter(result_->steady, false), 0.5 * jitter(result_->raw, false));
  EXPECT_LT(jitter(result_->steady, true), 0.5 * jitter(result_->raw, true));
}

TEST_F(InspectPhotos, JsonHoldsEveryView) {
  const Json json = to_json(*result_);
  EXPECT_EQ(json["id"], result_->title);
  ASSERT_EQ(json["frames"].size(), 8u);
  for (std::size_t i = 0; i < 8; ++i) {
    const Json& frame = json["frames"][i];
    EXPECT_EQ(frame["stated_azimuth_deg"], 45.0 * static_cast<double>(i));
    EXPECT_NEAR(frame["iou_after"].get<double>(), result_->views[i].iou_after, 1e-4);
    for (const char* key : {"azimuth_deg", "elevation_deg", "scale", "shift_x", "shift_y", "roll_deg", "residual"})
      EXPECT_TRUE(frame[key].is_number()) << key;
    EXPECT_TRUE(frame["trusted"].is_boolean());
  }
  EXPECT_NEAR(json["iou_before"].get<double>(), result_->mean_iou(false), 1e-4);
  EXPECT_TRUE(json["confidence"].is_number());
}

TEST_F(InspectPhotos, PageHoldsEverythingAndNothingFromOutside) {
  PhotoInspection noted = *result_;
  noted.stabilisation.notes = {"a <note>"};
  noted.views[2].stabilised.trusted = false;
  const std::string html = inspection_page(noted);
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

TEST_F(InspectPhotos, WritesPageAndOverlay) {
  const test::TemporaryFolder out;
  write_inspection(*result_, out.path());
  EXPECT_EQ(read_file(out / "index.html"), inspection_page(*result_));
  EXPECT_EQ(read_picture(out / "overlay.png").size(), result_->overlay.size());
}

// The page itself, turned as a user would: pictures of one colour each, so that pixels tell which are seen.
class InspectionInBrowser : public ::testing::Test {
 protected:
  void SetUp() override {
    if (Browser::program().empty())
      GTEST_SKIP() << "SKIPPED: no Chromium (apt-get install chromium, or set SPINFILL_CHROMIUM)";
    PhotoInspection made;
    made.title = "Test spin";
    made.overlay = cv::Mat(40, 400, CV_8UC3, cv::Scalar(200, 200, 200));
    for (int view = 0; view < 8; ++view) {
      made.raw.push_back(plain(45.0 * view, red(view), 20));
      made.steady.push_back(plain(45.0 * view + 10, red(view), 200));
      made.views.push_back({fmt::format("{:03}.png", 45 * view), 45.0 * view, {}, 0.8, 0.9});
    }
    path_ = folder_ / "index.html";
    write_file_atomic(path_, inspection_page(made));
  }
  static int red(int view) { return 10 + 30 * view; }
  static SpinFrame plain(double azimuth, int red, int blue) {
    SpinFrame frame;
    frame.azimuth_deg = azimuth;
    frame.picture = cv::Mat(80, 120, CV_8UC4, cv::Scalar(red, 60, blue, 255));
    frame.file = encode_png(frame.picture);
    return frame;
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
  browser.evaluate("location.hash = '#view=157.5'");
  EXPECT_NEAR(seen(browser), 3.5, 0.1) << "half of each in the middle";
  browser.evaluate("location.hash = '#view=167.5'");
  EXPECT_NEAR(seen(browser, "steady"), 3.5, 0.1) << "by its own azimuths";
  browser.evaluate("location.hash = '#view=5'");
  EXPECT_NEAR(seen(browser, "steady"), 0, 0.1) << "wraps round";
  browser.evaluate("location.hash = '#view=355'");
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
  browser.evaluate(wait);
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
  browser.evaluate("location.hash = '#view=45'");
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
  browser.evaluate("location.hash = '#view=20'");
  EXPECT_NEAR(seen(browser), 0, 0.1);
  EXPECT_EQ(browser.evaluate("document.documentElement.scrollWidth <= innerWidth"), true);
}

}  // namespace
}  // namespace spinfill

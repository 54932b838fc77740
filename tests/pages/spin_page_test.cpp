// SPDX-License-Identifier: Apache-2.0
#include "pages/spin_page.h"

#include <gtest/gtest.h>

#include "core/files/files.h"
#include "core/files/json.h"
#include "pages/browser.h"
#include "pages/example_spin.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::Browser;
using test::example_spin;
using test::expect_error;
using test::spin_block;
using test::spin_colour;

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + what.size())) ++n;
  return n;
}

TEST(SpinPage, HoldsEverythingItShowsAndNothingFromOutside) {
  const std::string html = spin_page(example_spin());
  EXPECT_EQ(count(html, "<figure "), 8u);
  EXPECT_EQ(count(html, "src=\"data:image/png;base64,iVBOR"), 8u);
  EXPECT_EQ(count(html, "src=\""), 8u);
  EXPECT_EQ(count(html, "<figcaption>"), 2u);
  for (const char* outside : {"http:", "https:", "//cdn", "@import", "url(", "<link", "fetch("})
    EXPECT_EQ(count(html, outside), 0u) << outside;
  EXPECT_EQ(html.find("@TITLE@"), html.npos);
  EXPECT_LT(html.find("data-azimuth=\"0\""), html.find("data-azimuth=\"45\""));
}

TEST(SpinPage, ReducesPictures) {
  const cv::Mat picture = spin_block(2, false).picture;
  EXPECT_EQ(reduced(picture, 240).data, picture.data) << "small enough";
  const cv::Mat half = reduced(picture, 120);
  EXPECT_EQ(half.size(), cv::Size(120, 80));
  EXPECT_EQ(half.at<cv::Vec4b>(40, 60), picture.at<cv::Vec4b>(80, 120));
  EXPECT_EQ(half.at<cv::Vec4b>(0, 0)[3], 0);
}

TEST(SpinPage, EscapesItsTitle) {
  const std::string html = spin_page(example_spin("<script>alert(1)</script> \"a\" & @VIEWS@"));
  EXPECT_EQ(count(html, "<script>alert"), 0u);
  EXPECT_NE(html.find("&lt;script&gt;alert(1)&lt;/script&gt; &quot;a&quot; &amp; @VIEWS@"), html.npos);
}

TEST(SpinPage, RefusesWhatItCannotShow) {
  expect_error(ExitCode::runtime, {"no frames"}, [] { spin_page({"t", {}}); });
  expect_error(ExitCode::runtime, {"45°", "100×80"}, [] {
    spin_page({"t", {spin_block(0, false), spin_block(1, false, {100, 80})}});
  });
  SpinPage gif = example_spin();
  gif.frames[2].file = "GIF89a";
  expect_error(ExitCode::runtime, {"225°", "neither PNG, JPEG nor WebP"}, [&] { spin_page(gif); });
}

// Opens the page in a real browser and turns it as a user would.
class SpinInBrowser : public ::testing::Test {
 protected:
  void SetUp() override {
    if (Browser::program().empty())
      GTEST_SKIP() << "SKIPPED: no Chromium (apt-get install chromium, or set SPINFILL_CHROMIUM)";
    path_ = folder_ / "spin.html";
    write_file_atomic(path_, spin_page(example_spin()));
  }
  std::string url(const std::string& hash = {}) const { return "file://" + path_.string() + hash; }
  // Which view is seen: by the colour in the middle of the picture, not by what the page says of itself.
  static int seen(Browser& browser, double ratio = 1) {
    const Json at = browser.evaluate(
        "(r => [r.x + r.width / 2, r.y + r.height / 2])(document.getElementById('stage').getBoundingClientRect())");
    const cv::Mat shot = browser.screenshot();
    const auto pixel = shot.at<cv::Vec4b>(static_cast<int>(at[1].get<double>() * ratio),
                                          static_cast<int>(at[0].get<double>() * ratio));
    for (int view = 0; view < 8; ++view) {
      double away = 0;
      for (int c = 0; c < 3; ++c) away = std::max(away, std::abs(pixel[c] - spin_colour(view)[c]));
      if (away <= 3) return view;
    }
    return -1;
  }
  static std::string stated(Browser& browser) {
    return browser.evaluate("document.getElementById('stage').getAttribute('aria-valuetext')");
  }
  test::TemporaryFolder folder_;
  std::filesystem::path path_;
};

TEST_F(SpinInBrowser, TurnsByDragKeysWheelAndTouch) {
  Browser browser(900, 700);
  browser.open(url());
  ASSERT_EQ(seen(browser), 0);
  EXPECT_EQ(stated(browser), "0 degrees, given");
  EXPECT_EQ(browser.evaluate("document.title"), "Test spin");
  EXPECT_EQ(browser.evaluate("[...document.images].every(i => i.complete && i.naturalWidth === 240)"), true);

  const double width = browser.evaluate("document.getElementById('stage').clientWidth");
  // Dragging right by an eighth of a turn brings the view before: the near side follows the pointer.
  const double eighth = width * 0.9 / 8;
  browser.mouse("mousePressed", 450, 300);
  for (int i = 1; i <= 4; ++i) browser.mouse("mouseMoved", 450 + eighth * i / 4, 300);
  EXPECT_EQ(seen(browser), 7);
  for (int i = 1; i <= 4; ++i) browser.mouse("mouseMoved", 450 - eighth * 3 * i / 4, 300);
  browser.mouse("mouseReleased", 450 - eighth * 3, 300, 0);
  EXPECT_EQ(seen(browser), 3);
  EXPECT_EQ(stated(browser), "135 degrees, generated");
  browser.mouse("mouseMoved", 450, 300, 0);
  EXPECT_EQ(seen(browser), 3) << "moves without a button held";

  browser.key("ArrowRight", 39);
  EXPECT_EQ(seen(browser), 4);
  browser.key("ArrowLeft", 37);
  browser.key("ArrowLeft", 37);
  EXPECT_EQ(seen(browser), 2);
  browser.key("End", 35);
  EXPECT_EQ(seen(browser), 7);
  browser.key("ArrowRight", 39);
  EXPECT_EQ(seen(browser), 0) << "wraps round";

  browser.wheel(450, 300, 160);
  browser.evaluate("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))");
  EXPECT_EQ(seen(browser), 2);

  browser.touch("touchStart", 450, 300);
  for (int i = 1; i <= 6; ++i) browser.touch("touchMove", 450 - eighth * 2 * i / 6, 300);
  browser.touch("touchEnd", 0, 0);
  EXPECT_EQ(seen(browser), 4);

  for (const auto& request : browser.requests())
    EXPECT_TRUE(request.starts_with("file://") || request.starts_with("data:")) << request;
  EXPECT_TRUE(browser.problems().empty()) << browser.problems().front();
}

// However the views lie, the one nearest to where the vehicle was turned is shown.
TEST_F(SpinInBrowser, TurnsByAzimuth) {
  SpinPage page{"t", {}};
  for (const auto& [view, azimuth] : {std::pair{0, 0.0}, {1, 30.5}, {2, 90.0}, {3, 180.0}}) {
    page.frames.push_back(spin_block(view, false));
    page.frames.back().azimuth_deg = azimuth;
  }
  write_file_atomic(path_, spin_page(page));
  Browser browser(900, 700);
  browser.open(url());
  const double width = browser.evaluate("document.getElementById('stage').clientWidth");
  const auto seen_at = [&](double degrees) {
    browser.mouse("mousePressed", 450, 300);
    browser.mouse("mouseMoved", 450 - width * 0.9 * degrees / 360, 300);
    const int view = seen(browser);
    browser.mouse("mouseReleased", 450 - width * 0.9 * degrees / 360, 300, 0);
    browser.go_to("#view=1");
    browser.go_to("#view=0");
    return view;
  };
  EXPECT_EQ(seen_at(10), 0);
  EXPECT_EQ(seen_at(45), 1);
  EXPECT_EQ(seen_at(85), 2);
  EXPECT_EQ(seen_at(130), 2);
  EXPECT_EQ(seen_at(-85), 0);
  EXPECT_EQ(seen_at(-100), 3);
}

TEST_F(SpinInBrowser, OfManyViewsOnlySomeHaveButtons) {
  SpinPage page{"t", {}, 480};
  for (int i = 0; i < 72; ++i) {
    page.frames.push_back(spin_block(i % 8, i % 9 != 1));
    page.frames.back().azimuth_deg = 5.0 * i;
  }
  write_file_atomic(path_, spin_page(page));
  Browser browser(900, 700);
  browser.open(url("#view=35"));
  EXPECT_EQ(seen(browser), 7);
  EXPECT_EQ(stated(browser), "35 degrees, generated");
  EXPECT_EQ(browser.evaluate("document.querySelectorAll('nav button').length"), 8 + 8 + 3);
  browser.key("ArrowRight", 39);
  EXPECT_EQ(seen(browser), 0) << "40 degrees";
  EXPECT_TRUE(browser.problems().empty()) << browser.problems().front();
}

TEST_F(SpinInBrowser, LabelsGeneratedViewsUntilSwitchedOff) {
  Browser browser(900, 700);
  browser.open(url("#view=270"));
  ASSERT_EQ(seen(browser), 6);
  const std::string badge = "getComputedStyle(document.querySelector('figure.shown figcaption')).display";
  EXPECT_EQ(browser.evaluate(badge), "block");
  EXPECT_EQ(browser.evaluate("document.querySelectorAll('nav button.generated').length"), 2);
  browser.evaluate("document.getElementById('labels').focus()");
  browser.key(" ", 32);
  EXPECT_EQ(browser.evaluate(badge), "none");
  EXPECT_EQ(browser.evaluate("document.getElementById('labels').ariaPressed"), "false");
  browser.go_to("#view=2");
  EXPECT_EQ(seen(browser), 0);
  EXPECT_EQ(browser.evaluate("document.querySelector('figure.shown figcaption')"), Json());
}

TEST_F(SpinInBrowser, ShowsWherePixelsAreFromWhenAsked) {
  SpinPage page = example_spin();
  for (SpinFrame& frame : page.frames) {
    if (frame.azimuth_deg != 270) continue;
    frame.evidence = spin_block(1, true).file;
    frame.evidence_text = "50 % seen, 30 % mirrored, 20 % invented";
  }
  write_file_atomic(path_, spin_page(page));
  Browser browser(900, 700);
  browser.open(url("#view=270"));
  ASSERT_EQ(seen(browser), 6);
  browser.evaluate("document.getElementById('evidence').focus()");
  browser.key(" ", 32);
  EXPECT_NE(seen(browser), 6) << "the map lies over it";
  EXPECT_EQ(browser.evaluate("document.getElementById('evidence').ariaPressed"), "true");
  const std::string text = browser.evaluate("document.querySelector('figure.shown figcaption').innerText");
  EXPECT_NE(text.find("20 % invented"), text.npos) << text;
  browser.go_to("#view=0");
  EXPECT_EQ(seen(browser), 0);
  browser.evaluate("document.getElementById('evidence').click()");
  browser.go_to("#view=270");
  EXPECT_EQ(seen(browser), 6);
  EXPECT_TRUE(browser.problems().empty());

  write_file_atomic(path_, spin_page(example_spin()));
  browser.open(url());
  EXPECT_EQ(browser.evaluate("document.getElementById('evidence')"), Json()) << "nothing is known";
}

TEST_F(SpinInBrowser, SpinsOnDemandAndIsReachedByKeyboard) {
  Browser browser(900, 700);
  browser.open(url());
  browser.key("Tab", 9);
  EXPECT_EQ(browser.evaluate("document.activeElement.id"), "stage");
  EXPECT_EQ(browser.evaluate("document.activeElement.getAttribute('role')"), "slider");
  EXPECT_EQ(browser.evaluate("[...document.querySelectorAll('nav button')].every(b => b.getAttribute('aria-label'))"),
            true);
  browser.key(" ", 32);
  EXPECT_EQ(browser.evaluate("document.getElementById('spin').ariaPressed"), "true");
  browser.evaluate("new Promise(r => setTimeout(r, 700))");
  EXPECT_NE(seen(browser), 0);
  browser.key("Home", 36);
  EXPECT_EQ(browser.evaluate("document.getElementById('spin').ariaPressed"), "false");
  browser.evaluate("new Promise(r => setTimeout(r, 600))");
  EXPECT_EQ(seen(browser), 0);
}

TEST_F(SpinInBrowser, ReducedMotionNeverStartsBySelf) {
  const std::string pressed = "document.getElementById('spin').ariaPressed";
  {
    Browser browser(600, 500);
    browser.open(url("#spin"));
    EXPECT_EQ(browser.evaluate(pressed), "true");
  }
  Browser browser(600, 500, 2, true);
  browser.open(url("#spin"));
  EXPECT_EQ(browser.evaluate(pressed), "false");
  EXPECT_EQ(seen(browser, 2), 0);
  EXPECT_EQ(browser.screenshot().cols, 1200);
}

// How much larger the shown picture is than its stage, and where it begins, px.
Json enlarged(Browser& browser) {
  return browser.evaluate(
      "((p, s) => [p.width / s.width, Math.round(p.x - s.x), Math.round(p.y - s.y)])("
      "document.querySelector('figure.shown img').getBoundingClientRect(), "
      "document.getElementById('stage').getBoundingClientRect())");
}

TEST_F(SpinInBrowser, ZoomsByKeysButtonDoubleClickAndWheel) {
  Browser browser(900, 700);
  browser.open(url());
  EXPECT_EQ(enlarged(browser), (Json{1, 0, 0}));
  browser.key("+", 187);
  EXPECT_NEAR(enlarged(browser)[0].get<double>(), 1.5, 0.01);
  browser.key("-", 189);
  EXPECT_EQ(enlarged(browser), (Json{1, 0, 0}));
  browser.evaluate("document.getElementById('zoom').click()");
  EXPECT_NEAR(enlarged(browser)[0].get<double>(), 2.5, 0.01);
  EXPECT_EQ(browser.evaluate("document.getElementById('zoom').ariaPressed"), "true");
  EXPECT_EQ(browser.evaluate("getComputedStyle(document.querySelector('figure.shown')).overflow"), "visible");

  // What is enlarged is moved by dragging, no farther than to its edge, and turned by keys.
  const Json before = enlarged(browser);
  browser.mouse("mousePressed", 450, 300);
  browser.mouse("mouseMoved", 500, 330);
  browser.mouse("mouseReleased", 500, 330, 0);
  Json after = enlarged(browser);
  EXPECT_EQ(after[1].get<int>() - before[1].get<int>(), 50);
  EXPECT_EQ(after[2].get<int>() - before[2].get<int>(), 30);
  EXPECT_EQ(stated(browser), "0 degrees, given");
  browser.mouse("mousePressed", 250, 250);
  browser.mouse("mouseMoved", 890, 690);
  browser.mouse("mouseReleased", 890, 690, 0);
  after = enlarged(browser);
  EXPECT_EQ(after[1], 0);
  EXPECT_EQ(after[2], 0);
  browser.key("ArrowRight", 39);
  EXPECT_EQ(stated(browser), "45 degrees, given");
  EXPECT_NEAR(enlarged(browser)[0].get<double>(), 2.5, 0.01) << "the next view is enlarged alike";
  browser.key("Escape", 27);
  EXPECT_EQ(enlarged(browser), (Json{1, 0, 0}));
  EXPECT_EQ(browser.evaluate("document.documentElement.scrollWidth <= innerWidth"), true);

  // A double click enlarges what lies under the pointer.
  browser.evaluate(
      "(s => s.dispatchEvent(new MouseEvent('dblclick', {bubbles: true, clientX: s.getBoundingClientRect().x + 30, "
      "clientY: s.getBoundingClientRect().y + 20})))(document.getElementById('stage'))");
  after = enlarged(browser);
  EXPECT_NEAR(after[1].get<double>(), -45, 1);
  EXPECT_NEAR(after[2].get<double>(), -30, 1);
  EXPECT_TRUE(browser.problems().empty()) << browser.problems().front();
}

TEST_F(SpinInBrowser, TwoFingersZoomAndDoNotTurn) {
  Browser browser(900, 700);
  browser.open(url());
  browser.evaluate(
      "(() => { const stage = document.getElementById('stage'), b = stage.getBoundingClientRect();"
      "stage.setPointerCapture = () => {};"
      "const send = (type, id, x) => stage.dispatchEvent(new PointerEvent(type, {bubbles: true, pointerType: 'touch', "
      "pointerId: id, clientX: b.x + x, clientY: b.y + 100}));"
      "send('pointerdown', 1, 200); send('pointerdown', 2, 300);"
      "send('pointermove', 1, 150); send('pointermove', 2, 350);"
      "send('pointerup', 1, 150); send('pointerup', 2, 350); })()");
  EXPECT_NEAR(enlarged(browser)[0].get<double>(), 2, 0.01);
  EXPECT_EQ(stated(browser), "0 degrees, given");
}

TEST_F(SpinInBrowser, FillsAFrameOfAnotherPage) {
  write_file_atomic(folder_ / "host.html",
                    "<!doctype html><body style=\"margin:0\"><iframe src=\"spin.html#embed&view=270\" "
                    "style=\"width:480px;height:320px;border:0\"></iframe>");
  Browser browser(900, 700);
  browser.open("file://" + (folder_ / "host.html").string());
  browser.evaluate("new Promise(r => setTimeout(r, 300))");
  const auto pixel = browser.screenshot().at<cv::Vec4b>(160, 240);
  for (int c = 0; c < 3; ++c) EXPECT_NEAR(pixel[c], spin_colour(6)[c], 3);
  EXPECT_TRUE(browser.problems().empty()) << browser.problems().front();
  browser.open(url("#embed"));
  EXPECT_EQ(browser.evaluate("getComputedStyle(document.querySelector('nav')).display"), "none");
  EXPECT_EQ(browser.evaluate("document.documentElement.scrollHeight <= innerHeight"), true);
  browser.go_to("#view=0");
  EXPECT_EQ(browser.evaluate("getComputedStyle(document.querySelector('nav')).display"), "flex");
}

TEST(SpinPage, ItsScriptIsSmall) {
  const std::string html = spin_page(example_spin());
  const std::size_t begin = html.find("<script>"), end = html.find("</script>");
  ASSERT_NE(end, html.npos);
  EXPECT_LT(end - begin, 30U << 10);
}

TEST_F(SpinInBrowser, FitsSmallAndLargeWindows) {
  for (const auto& [width, height] : {std::pair{320, 568}, std::pair{844, 390}, std::pair{2560, 1440}}) {
    Browser browser(width, height);
    browser.open(url());
    EXPECT_EQ(browser.evaluate("document.documentElement.scrollWidth <= innerWidth"), true) << width;
    EXPECT_EQ(browser.evaluate("document.documentElement.scrollHeight <= innerHeight"), true) << height;
    EXPECT_EQ(seen(browser), 0);
  }
}

}  // namespace
}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "pages/embed_page.h"

#include "data/films/film_writer.h"
#include "pages/example_spin.h"
#include "pages/page_in_browser.h"
#include "pages/spin_page.h"

namespace spinfill {
namespace {

using test::Browser;

class EmbedInBrowser : public test::PageInBrowser {};

std::string film(FilmFormat format) {
  FilmWriter writer(FilmOptions{format, 240, 160, 0, 1, 25});
  for (int i = 0; i < 4; ++i)
    writer.add(cv::Mat(160, 240, CV_8UC4, cv::Scalar(250 - 60 * i, 40, 20 + 60 * i, 255)), 0.25 * (i + 1));
  return writer.finish();
}

TEST_F(EmbedInBrowser, ShowsEachWayAndItsText) {
  const SpinPage spin = test::example_spin();
  write_file_atomic(folder_ / "spin.html", spin_page(spin));
  write_file_atomic(folder_ / "000.png", spin.frames[0].file);
  write_file_atomic(folder_ / "spin.mp4", film(FilmFormat::mp4));
  write_file_atomic(folder_ / "spin.gif", film(FilmFormat::gif));
  const std::string page = embed_page({"My <car>", 240, 160, "000.png", "spin.mp4", "spin.gif"});
  EXPECT_EQ(page.find("<car>"), page.npos);
  EXPECT_EQ(page.find("<script"), page.npos);
  for (const auto& [width, height] : {std::pair{1300, 900}, std::pair{400, 800}}) {
    Browser browser(width, height);
    browser.open(url(page));
    EXPECT_EQ(browser.evaluate("document.querySelectorAll('pre').length"), 4);
    EXPECT_EQ(browser.evaluate("document.documentElement.scrollWidth <= innerWidth"), true);
    EXPECT_EQ(browser.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)"), true);
    // What is to be copied is what is shown.
    EXPECT_EQ(browser.evaluate("[...document.querySelectorAll('section')].every(s => s.querySelector('pre').innerText "
                               "=== s.querySelector('pre').textContent && s.querySelector('pre').textContent.includes("
                               "s.querySelector('.shown').firstElementChild.tagName.toLowerCase()))"),
              true);
    EXPECT_TRUE(browser.problems().empty()) << browser.problems().front();
  }
}

TEST_F(EmbedInBrowser, OnlyWhatThereIs) {
  const std::string page = embed_page({"car", 240, 160, "000.png", "", ""});
  EXPECT_EQ(page.find("<video"), page.npos);
  EXPECT_NE(page.find("spin.html#embed"), page.npos);
}

TEST_F(EmbedInBrowser, ItsFilmPlays) {
  write_file_atomic(folder_ / "spin.mp4", film(FilmFormat::mp4));
  Browser browser(600, 500);
  browser.open(url("<!doctype html><video src=\"spin.mp4\" muted playsinline width=\"480\"></video>"));
  if (browser.evaluate("document.querySelector('video').canPlayType('video/mp4; codecs=\"avc1.640028\"')") == "")
    GTEST_SKIP() << "SKIPPED: this Chromium has no H.264; tests of data/films decode it by the library";
  EXPECT_EQ(
      browser.evaluate("new Promise(r => { const v = document.querySelector('video'); v.onended = () => r('ended');"
                       "v.onerror = () => r(v.error.message); v.play(); })"),
      "ended");
  EXPECT_EQ(browser.evaluate("document.querySelector('video').videoWidth"), 240);
  EXPECT_NEAR(browser.evaluate("document.querySelector('video').duration").get<double>(), 1, 0.05);
  const auto pixel = browser.screenshot().at<cv::Vec4b>(100, 200);  // the last picture
  EXPECT_NEAR(pixel[0], 70, 8);
  EXPECT_NEAR(pixel[2], 200, 8);
}

}  // namespace
}  // namespace spinfill

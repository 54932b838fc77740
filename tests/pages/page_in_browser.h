// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "core/files/files.h"
#include "pages/browser.h"
#include "support/support.h"

namespace spinfill::test {

// A page in a real browser; skipped, loudly, where there is none.
class PageInBrowser : public testing::Test {
 protected:
  void SetUp() override {
    if (Browser::program().empty())
      GTEST_SKIP() << "SKIPPED: no Chromium (apt-get install chromium, or set SPINFILL_CHROMIUM)";
  }
  std::string url(const std::string& html) {
    write_file_atomic(folder_ / "page.html", html);
    return "file://" + (folder_ / "page.html").string();
  }
  // So many pictures, all decoded; nothing fetched but what the page holds; wide tables scroll by themselves.
  static void expect_whole(Browser& browser, int pictures) {
    EXPECT_EQ(browser.evaluate("document.images.length"), pictures);
    EXPECT_EQ(browser.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)"), true);
    EXPECT_EQ(browser.evaluate("document.documentElement.scrollWidth <= innerWidth"), true);
    const auto is_page = [](const std::string& request) { return request.starts_with("file://"); };
    EXPECT_EQ(std::ranges::count_if(browser.requests(), is_page), 1) << "the page alone";
    for (const std::string& request : browser.requests())
      EXPECT_TRUE(is_page(request) || request.starts_with("data:")) << request;
    EXPECT_TRUE(browser.problems().empty()) << browser.problems().front();
  }
  TemporaryFolder folder_;
};

}  // namespace spinfill::test

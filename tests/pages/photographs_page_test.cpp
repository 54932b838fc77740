// SPDX-License-Identifier: Apache-2.0
#include "pages/photographs_page.h"

#include <gtest/gtest.h>

#include <regex>

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
  const std::string page = photographs_page(report);
  EXPECT_NE(page.find("my &lt;car&gt;"), std::string::npos);
  EXPECT_NE(page.find("c&amp;d.jpg"), std::string::npos);
  EXPECT_NE(page.find("nothing stands out"), std::string::npos);
  EXPECT_NE(page.find("notes.txt: is no picture"), std::string::npos);
  EXPECT_NE(page.find("4 photographs: 2 used, 1 spare, 1 refused; the widest gap between used ones is 270"),
            std::string::npos);
  EXPECT_EQ(count(page, "<article class=\"used\""), 2);
  EXPECT_EQ(count(page, "<img "), 8);          // each as it came and with its mask
  EXPECT_EQ(count(page, "class=\"gap\""), 2);  // 90 and 270 degrees
  // The front, 0°, is below; the vehicle's left, 90°, on the right.
  EXPECT_NE(page.find("cx=\"130.0\" cy=\"222.0\""), std::string::npos);
  EXPECT_NE(page.find("cx=\"222.0\" cy=\"130.0\""), std::string::npos);
}

}  // namespace
}  // namespace spinfill

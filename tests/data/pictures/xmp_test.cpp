// SPDX-License-Identifier: Apache-2.0
#include "data/pictures/xmp.h"

#include <gtest/gtest.h>

#include <opencv2/imgcodecs.hpp>

#include "data/pictures/heif.h"
#include "data/pictures/picture.h"
#include "support/support.h"

namespace spinfill {
namespace {

std::string encoded(const std::string& ending, int channels) {
  cv::Mat picture(20, 31, CV_8UC(channels), cv::Scalar(10, 200, 90, 120));
  picture.colRange(0, 9) = cv::Scalar(250, 20, 40, 255);
  std::vector<uchar> bytes;
  EXPECT_TRUE(cv::imencode(ending, picture, bytes));
  return {bytes.begin(), bytes.end()};
}

TEST(Xmp, IsWrittenBesideThePixels) {
  const std::string packet = machine_made_xmp();
  EXPECT_NE(packet.find("digitalsourcetype/compositeWithTrainedAlgorithmicMedia"), packet.npos);
  for (const auto& [ending, channels] : std::initializer_list<std::pair<std::string, int>>{
           {".png", 3}, {".png", 4}, {".jpg", 3}, {".webp", 3}, {".webp", 4}}) {
    const std::string plain = encoded(ending, channels), marked = with_xmp(plain, packet);
    EXPECT_EQ(xmp_of(plain), "") << ending;
    EXPECT_EQ(xmp_of(marked), packet) << ending;
    const cv::Mat before = decode_picture(plain, "x"), after = decode_picture(marked, "x");
    EXPECT_EQ(cv::norm(before, after, cv::NORM_INF), 0) << ending;
    EXPECT_EQ(with_xmp(marked.substr(0, 0) + plain, packet), marked) << ending;
  }
  for (const char* other : {"BM 1234567", "BM", ""})
    test::expect_error(ExitCode::runtime, {"PNG, JPEG, WebP, GIF and MP4"}, [&] { with_xmp(other, packet); });
  for (const char* cut : {"", "G", "GIF", "\xFF\xD8\xFF"}) EXPECT_EQ(xmp_of(cut), "");
  test::expect_error(ExitCode::runtime, {"JPEG"}, [&] { with_xmp(encoded(".jpg", 3), std::string(70'000, 'x')); });
}

TEST(Xmp, AvifIsWrittenWithIt) {
  cv::Mat picture(32, 48, CV_8UC4, cv::Scalar(30, 120, 210, 255));
  picture.colRange(24, 48) = cv::Scalar(200, 60, 20, 0);
  const std::string packet = machine_made_xmp(), file = encode_avif(picture, 90, true, packet);
  EXPECT_NE(file.find("compositeWithTrainedAlgorithmicMedia"), file.npos);
  const cv::Mat read = decode_picture(file, "x.avif");
  ASSERT_EQ(read.size(), picture.size());
  EXPECT_LE(cv::norm(read.at<cv::Vec4b>(16, 8), picture.at<cv::Vec4b>(16, 8), cv::NORM_INF), 3);
  EXPECT_LE(read.at<cv::Vec4b>(16, 40)[3], 2);
  const std::string opaque = encode_avif(picture, 90, false, "");
  EXPECT_EQ(opaque.find("xmp"), opaque.npos);
  EXPECT_EQ(decode_picture(opaque, "x.avif").at<cv::Vec4b>(16, 40)[3], 255);
}

}  // namespace
}  // namespace spinfill

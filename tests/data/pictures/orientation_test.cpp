// SPDX-License-Identifier: Apache-2.0
#include <opencv2/core.hpp>

#include "core/files/files.h"
#include "data/pictures/exif.h"
#include "data/pictures/picture.h"
#include "data/sets/picture_folder.h"
#include "data/sets/set_pictures.h"
#include "data/sets/view_set_reader.h"
#include "support/mutate.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::expect_error;

fs::path picture_file(int orientation, const std::string& ending) {
  return test::fixture(fmt::format("data/orientation/{}.{}", orientation, ending));
}

double farthest(const cv::Mat& a, const cv::Mat& b) {
  return cv::norm(a, b, cv::NORM_INF);
}

// As Pillow's exif_transpose turns them.
TEST(Orientation, EveryFormatIsTurnedUpright) {
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const cv::Mat expected = read_picture(picture_file(orientation, "upright.png"));
    for (const std::string ending : {"jpg", "png", "text.png", "webp"}) {
      const fs::path file = picture_file(orientation, ending);
      const PictureSize size = picture_size(file);
      EXPECT_EQ(size.orientation, orientation) << file;
      EXPECT_EQ(cv::Size(size.width, size.height), expected.size()) << file;
      const cv::Mat picture = read_picture(file);
      ASSERT_EQ(picture.size(), expected.size()) << file;
      EXPECT_LE(farthest(picture, expected), ending == "jpg" ? 24 : 0) << file;
    }
  }
}

TEST(Orientation, IsWrittenUprightWithoutATag) {
  for (const std::string ending : {"jpg", "png", "text.png", "webp"}) {
    const fs::path file = picture_file(6, ending);
    const std::string png = upright_png(read_file(file), "x");
    EXPECT_EQ(picture_size(png, "x").orientation, 1);
    EXPECT_EQ(farthest(decode_picture(png, "x"), read_picture(file)), 0) << file;
  }
}

std::string tiff(bool little, std::uint16_t type, std::uint32_t value) {
  std::string out = little ? std::string("II*\0\x08\0\0\0\x01\0", 10) : std::string("MM\0*\0\0\0\x08\0\x01", 10);
  const auto put = [&](std::uint32_t number, int count) {
    for (int i = 0; i < count; ++i) out += static_cast<char>(number >> 8 * (little ? i : count - 1 - i));
  };
  put(0x0112, 2);
  put(type, 2);
  put(1, 4);
  if (type == 3) put(value, 2), put(0, 2);
  if (type != 3) put(value, 4);
  return out;
}

TEST(Orientation, BothByteOrdersAndDamageAreRead) {
  for (const bool little : {false, true}) {
    EXPECT_EQ(exif_orientation(tiff(little, 3, 6)), 6);
    EXPECT_EQ(exif_orientation(tiff(little, 4, 8)), 8);
    EXPECT_EQ(exif_orientation(std::string("Exif\0\0", 6) + tiff(little, 3, 5)), 5);
    for (const std::uint32_t none : {0, 9, 65535}) EXPECT_EQ(exif_orientation(tiff(little, 3, none)), 1);
    EXPECT_EQ(exif_orientation(tiff(little, 2, 6)), 1) << "a text is no orientation";
    for (std::size_t size = 0; size < 20; ++size) EXPECT_EQ(exif_orientation(tiff(little, 3, 6).substr(0, size)), 1);
  }
  EXPECT_EQ(exif_orientation(std::string("II*\0\xFF\xFF\xFF\xFF", 8)), 1);
  for (const std::string ending : {"jpg", "png", "text.png", "webp"}) {
    test::mutate_and_try(read_file(picture_file(6, ending)), [](std::string_view bytes) {
      const PictureSize size = picture_size(bytes, "x");
      const cv::Mat picture = decode_picture(bytes, "x");
      if (picture.cols != size.width || picture.rows != size.height) throw std::logic_error("another size than told");
    });
  }
}

// A folder of portrait photographs from a telephone, which stores them lying on their side.
TEST(Orientation, SetsAreReadUprightMasksToo) {
  const test::TemporaryFolder folder;
  fs::copy_file(picture_file(6, "jpg"), folder / "000.jpg");
  fs::copy_file(picture_file(8, "webp"), folder / "090.webp");
  const ViewSet pictures = view_set_from_pictures(folder.path());
  EXPECT_EQ(cv::Size(pictures.width, pictures.height), cv::Size(16, 24));
  EXPECT_EQ(read_masked_picture(pictures, pictures.frames[1]).size(), cv::Size(16, 24));

  fs::copy_file(picture_file(6, "png"), folder / "mask.png");
  const auto describe = [&](int w, int h) {
    write_file_atomic(folder / "transforms.json", fmt::format(R"({{"w": {}, "h": {}, "frames": [
                        {{"file_path": "000.jpg", "mask_file_path": "mask.png", "azimuth_deg": 0}}]}})",
                                                              w, h));
    return read_view_set(folder.path());
  };
  const ViewSet set = describe(16, 24);
  cv::Mat red, alpha;
  cv::extractChannel(read_picture(picture_file(6, "upright.png")), red, 0);
  cv::extractChannel(read_masked_picture(set, set.frames[0]), alpha, 3);
  EXPECT_EQ(farthest(red, alpha), 0);
  const ViewSet lying = describe(24, 16);
  expect_error(ExitCode::runtime, {"000.jpg", "16x24 px upright (EXIF orientation 6)", "24x16"},
               [&] { read_masked_picture(lying, lying.frames[0]); });
}

}  // namespace
}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "data/pictures/picture.h"

#include <jpeglib.h>
#include <png.h>
#include <webp/encode.h>

#include <cstdlib>
#include <cstring>

#include "core/files/files.h"
#include "data/sets/view_set.h"
#include "support/png_chunk.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::expect_error;
using test::TemporaryFolder;
using test::with_png_chunk;

cv::Mat gradient(int width, int height) {
  cv::Mat picture(height, width, CV_8UC4);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      picture.at<cv::Vec4b>(y, x) = cv::Vec4b(static_cast<unsigned char>(x * 5), static_cast<unsigned char>(y * 7),
                                              static_cast<unsigned char>(x ^ y), static_cast<unsigned char>(255 - x));
    }
  }
  return picture;
}

bool same(const cv::Mat& a, const cv::Mat& b) {
  return a.size() == b.size() && a.type() == b.type() && std::memcmp(a.data, b.data, a.total() * a.elemSize()) == 0;
}

// A PNG of any colour type and depth from rows of raw bytes.
std::string raw_png(int width, int height, int depth, int colour, const std::string& rows, bool interlaced = false) {
  std::string out;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(
      png, &out,
      [](png_structp p, png_bytep data, std::size_t size) {
        static_cast<std::string*>(png_get_io_ptr(p))->append(reinterpret_cast<char*>(data), size);
      },
      nullptr);
  png_set_IHDR(png, info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height), depth, colour,
               interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  png_color palette[2] = {{10, 20, 30}, {200, 100, 50}};
  png_byte transparency[1] = {0};
  if (colour == PNG_COLOR_TYPE_PALETTE) {
    png_set_PLTE(png, info, palette, 2);
    png_set_tRNS(png, info, transparency, 1, nullptr);
  }
  png_write_info(png, info);
  const std::size_t stride = rows.size() / static_cast<std::size_t>(height);
  std::vector<png_bytep> pointers;
  for (int y = 0; y < height; ++y) {
    pointers.push_back(reinterpret_cast<png_bytep>(const_cast<char*>(rows.data())) +
                       static_cast<std::size_t>(y) * stride);
  }
  png_write_image(png, pointers.data());
  png_write_end(png, nullptr);
  png_destroy_write_struct(&png, &info);
  return out;
}

std::string jpeg_of(const cv::Mat& rgba, bool progressive = false, J_COLOR_SPACE space = JCS_EXT_RGBX) {
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr error{};
  jpeg.err = jpeg_std_error(&error);
  jpeg_create_compress(&jpeg);
  unsigned char* data = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &data, &size);
  jpeg.image_width = static_cast<JDIMENSION>(rgba.cols);
  jpeg.image_height = static_cast<JDIMENSION>(rgba.rows);
  jpeg.input_components = 4;
  jpeg.in_color_space = space;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, 95, TRUE);
  if (progressive) jpeg_simple_progression(&jpeg);
  jpeg_start_compress(&jpeg, TRUE);
  for (int y = 0; y < rgba.rows; ++y) {
    auto* row = const_cast<unsigned char*>(rgba.ptr(y));
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  std::string out(reinterpret_cast<char*>(data), size);
  std::free(data);
  return out;
}

std::string webp_of(const cv::Mat& rgba) {
  std::uint8_t* data = nullptr;
  const std::size_t size = WebPEncodeLosslessRGBA(rgba.data, rgba.cols, rgba.rows, rgba.cols * 4, &data);
  std::string out(reinterpret_cast<char*>(data), size);
  WebPFree(data);
  return out;
}

TEST(Picture, PngKeepsEveryByte) {
  const TemporaryFolder folder;
  const cv::Mat picture = gradient(37, 21);
  write_png(folder / "a.png", picture);
  EXPECT_TRUE(same(read_picture(folder / "a.png"), picture));
  const PictureSize size = picture_size(folder / "a.png");
  EXPECT_EQ(size.width, 37);
  EXPECT_EQ(size.height, 21);
}

TEST(Picture, PicturesWithoutAlphaAreOpaque) {
  const std::string rgb = raw_png(2, 1, 8, PNG_COLOR_TYPE_RGB, std::string("\x01\x02\x03\x04\x05\x06", 6));
  const cv::Mat picture = decode_picture(rgb, "rgb");
  EXPECT_EQ(picture.at<cv::Vec4b>(0, 1), cv::Vec4b(4, 5, 6, 255));
}

TEST(Picture, GreyPaletteSixteenBitAndInterlacedAreExpanded) {
  EXPECT_EQ(decode_picture(raw_png(1, 1, 8, PNG_COLOR_TYPE_GRAY, "\x40"), "grey").at<cv::Vec4b>(0, 0),
            cv::Vec4b(64, 64, 64, 255));
  EXPECT_EQ(
      decode_picture(raw_png(1, 1, 8, PNG_COLOR_TYPE_GRAY_ALPHA, "\x40\x20"), "grey and alpha").at<cv::Vec4b>(0, 0),
      cv::Vec4b(64, 64, 64, 32));
  const cv::Mat palette = decode_picture(raw_png(2, 1, 1, PNG_COLOR_TYPE_PALETTE, "\x40"), "palette");
  EXPECT_EQ(palette.at<cv::Vec4b>(0, 0), cv::Vec4b(10, 20, 30, 0));
  EXPECT_EQ(palette.at<cv::Vec4b>(0, 1), cv::Vec4b(200, 100, 50, 255));
  // 16 bits are rounded, not cut: 0x01FF = 1.99 · 257.
  const std::string deep =
      raw_png(1, 1, 16, PNG_COLOR_TYPE_RGB_ALPHA, std::string("\x01\xFF\x00\x00\xFF\xFF\x40\x40", 8));
  EXPECT_EQ(decode_picture(deep, "16 bits").at<cv::Vec4b>(0, 0), cv::Vec4b(2, 0, 255, 64));
  const cv::Mat picture = gradient(9, 11);
  const std::string rows(reinterpret_cast<const char*>(picture.data), picture.total() * 4);
  EXPECT_TRUE(same(decode_picture(raw_png(9, 11, 8, PNG_COLOR_TYPE_RGB_ALPHA, rows, true), "interlaced"), picture));
}

TEST(Picture, JpegAndWebpAreRead) {
  const cv::Mat picture = gradient(40, 24);
  for (const bool progressive : {false, true}) {
    const cv::Mat jpeg = decode_picture(jpeg_of(picture, progressive), "jpeg");
    ASSERT_EQ(jpeg.size(), picture.size());
    EXPECT_EQ(jpeg.at<cv::Vec4b>(5, 5)[3], 255);
    EXPECT_NEAR(jpeg.at<cv::Vec4b>(12, 20)[0], 100, 12);
  }
  EXPECT_TRUE(same(decode_picture(webp_of(picture), "webp"), picture));
}

TEST(Picture, EveryTruncationIsRefused) {
  const cv::Mat picture = gradient(40, 24);
  for (const std::string& bytes : {encode_png(picture), jpeg_of(picture), jpeg_of(picture, true), webp_of(picture)}) {
    for (std::size_t size = 0; size < bytes.size(); size += 1 + bytes.size() / 97) {
      expect_error(ExitCode::runtime, {"car/045"},
                   [&] { decode_picture(std::string_view(bytes).substr(0, size), "car/045"); });
    }
    expect_error(ExitCode::runtime, {"car/045"},
                 [&] { decode_picture(std::string_view(bytes).substr(0, bytes.size() - 1), "car/045"); });
  }
}

TEST(Picture, AnyFlippedBitOfAPngIsRefused) {
  const std::string bytes = encode_png(gradient(20, 12));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    expect_error(ExitCode::runtime, {"x.png"}, [&] { decode_picture(damaged, "x.png"); });
  }
}

TEST(Picture, HugeHeadersAreRefusedBeforeAnythingIsAllocated) {
  std::string png = encode_png(gradient(4, 4));
  const std::string side("\x00\x00\x9C\x40", 4);  // 40,000
  png.replace(16, 4, side).replace(20, 4, side);
  expect_error(ExitCode::runtime, {"x.png", "40000x40000", "too large"}, [&] { decode_picture(png, "x.png"); });
  png.replace(16, 4, std::string("\x00\x00\x3E\x80", 4)).replace(20, 4, std::string("\x00\x00\x3E\x80", 4));  // 16,000
  expect_error(ExitCode::runtime, {"x.png", "16000x16000", "too large"}, [&] { decode_picture(png, "x.png"); });
  png.replace(16, 4, std::string(4, '\0'));
  expect_error(ExitCode::runtime, {"x.png", "0x16000"}, [&] { decode_picture(png, "x.png"); });
  std::string jpeg = jpeg_of(gradient(8, 8));
  const std::size_t frame = jpeg.find("\xFF\xC0");
  ASSERT_NE(frame, std::string::npos);
  jpeg.replace(frame + 5, 4, "\x9C\x40\x9C\x40");
  expect_error(ExitCode::runtime, {"x.jpg", "40000x40000", "too large"}, [&] { decode_picture(jpeg, "x.jpg"); });
}

std::string segment(int marker, const std::string& data) {
  const std::size_t length = data.size() + 2;
  return std::string{'\xFF', static_cast<char>(marker), static_cast<char>(length >> 8), static_cast<char>(length)} +
         data;
}

TEST(Picture, JpegHeadersAreFoundBehindMetadata) {
  const test::TemporaryFolder folder;
  const cv::Mat picture = gradient(40, 24);
  const std::string jpeg = jpeg_of(picture);
  std::string metadata;
  for (int i = 0; i < 40; ++i) metadata += segment(0xE2, "ICC_PROFILE" + jpeg + std::string(60'000, '\xFF'));
  const std::string large = jpeg.substr(0, 2) + metadata + jpeg.substr(2) + "after the end" + jpeg;
  write_file_atomic(folder / "large.jpg", large);
  EXPECT_EQ(picture_size(folder / "large.jpg").width, 40);
  EXPECT_TRUE(same(read_picture(folder / "large.jpg"), decode_picture(jpeg, "x")));
}

// TEM (FF01) is a marker without a length; who reads one skips to a harmless frame header inside of a comment.
TEST(Picture, JpegsHaveTheSizeThatTheirDecoderMakes) {
  const std::string harmless = jpeg_of(gradient(8, 8));
  for (const bool progressive : {false, true}) {
    std::string huge = jpeg_of(gradient(40, 24), progressive);
    const std::size_t frame = huge.find(progressive ? "\xFF\xC2" : "\xFF\xC0");
    ASSERT_NE(frame, std::string::npos);
    huge.replace(frame + 5, 4, "\x3E\x80\x3E\x80");  // 16,000 px: too many pixels
    const std::string before = "\xFF\xD8\xFF\x01" + segment(0xE0, "JFIF") + segment(0xFE, std::string(60'000, '\0'));
    constexpr std::size_t kAfterTem = 4 + 0xFFE0;  // where "FF E0", read as a length, leads to
    std::string comment(10'000, '\0');
    comment.replace(kAfterTem - before.size() - 4, harmless.size() - 2, harmless.substr(2));
    const std::string bytes = before + segment(0xFE, comment) + huge.substr(2);
    expect_error(ExitCode::runtime, {"x.jpg", "16000x16000", "too large"}, [&] { picture_size(bytes, "x.jpg"); });
    expect_error(ExitCode::runtime, {"x.jpg", "16000x16000", "too large"}, [&] { decode_picture(bytes, "x.jpg"); });
  }
}

TEST(Picture, OddJpegsAreRefusedByName) {
  const std::string jpeg = jpeg_of(gradient(16, 16)), scan = jpeg.substr(jpeg.find("\xFF\xC0"));
  const auto with = [&](std::size_t at, const std::string& text) {
    return std::string(jpeg).replace(jpeg.find("\xFF\xC0") + at, text.size(), text);
  };
  const auto refused = [&](const std::string& bytes, const std::string& why) {
    expect_error(ExitCode::runtime, {"x.jpg", why}, [&] { picture_size(bytes, "x.jpg"); });
    expect_error(ExitCode::runtime, {"x.jpg", why}, [&] { decode_picture(bytes, "x.jpg"); });
  };
  refused(with(1, "\xC3"), "SOF type 0xc3");        // lossless
  refused(with(1, "\xC5"), "SOF type 0xc5");        // hierarchical
  refused(with(4, "\x0C"), "precision 12");         // 12 bits
  refused(with(5, std::string("\0\0", 2)), "DNL");  // the height comes later
  refused(std::string(jpeg).insert(jpeg.find("\xFF\xDA"), scan.substr(0, 19)), "two SOF markers");
}

TEST(Picture, PngMetadataOfAnySizeIsSkippedAndAnimationsAreNamed) {
  const cv::Mat picture = gradient(20, 12);
  const std::string png = encode_png(picture);
  EXPECT_TRUE(same(decode_picture(with_png_chunk(png, "iTXt", std::string(20 << 20, 'x')), "x"), picture));
  EXPECT_TRUE(same(decode_picture(with_png_chunk(png, "acTL", std::string("\0\0\0\1\0\0\0\0", 8)), "x"), picture));
  expect_error(ExitCode::runtime, {"x.png", "animated"},
               [&] { decode_picture(with_png_chunk(png, "acTL", std::string("\0\0\0\2\0\0\0\0", 8)), "x.png"); });
}

TEST(Picture, EmptyForeignAndMissingFilesAreNamed) {
  const TemporaryFolder folder;
  write_file_atomic(folder / "empty.png", "");
  write_file_atomic(folder / "text.png", "not a picture at all, but long enough to look at");
  expect_error(ExitCode::runtime, {"empty.png", "empty"}, [&] { read_picture(folder / "empty.png"); });
  expect_error(ExitCode::runtime, {"text.png", "PNG, JPEG, WebP, HEIC or AVIF"},
               [&] { read_picture(folder / "text.png"); });
  expect_error(ExitCode::runtime, {"gone.png"}, [&] { read_picture(folder / "gone.png"); });
  expect_error(ExitCode::runtime, {"gone.png"}, [&] { picture_size(folder / "gone.png"); });
}

TEST(Picture, DamagePrintsNothing) {
  const std::string jpeg = jpeg_of(gradient(40, 24)), png = encode_png(gradient(40, 24));
  testing::internal::CaptureStderr();
  EXPECT_THROW(decode_picture(std::string_view(jpeg).substr(0, jpeg.size() / 2), "x"), Error);
  EXPECT_THROW(decode_picture(std::string_view(png).substr(0, png.size() / 2), "x"), Error);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(Picture, OnlyEightBitPicturesAreWritten) {
  expect_error(ExitCode::runtime, {"8-bit"}, [] { encode_png(cv::Mat(2, 2, CV_32FC3)); });
  expect_error(ExitCode::runtime, {"8-bit"}, [] { encode_png(cv::Mat()); });
}

}  // namespace
}  // namespace spinfill

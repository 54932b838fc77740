// SPDX-License-Identifier: Apache-2.0
#include "data/pictures/picture.h"

#include <png.h>
#include <webp/decode.h>

#include <algorithm>
#include <csetjmp>
#include <cstring>
#include <optional>

#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "core/files/files.h"
#include "core/log.h"
#include "data/pictures/chunks.h"
#include "data/pictures/colour_profile.h"
#include "data/pictures/dynamic_range.h"
#include "data/pictures/exif.h"
#include "data/pictures/heif.h"
#include "data/pictures/jpeg.h"

namespace spinfill {
namespace {

constexpr std::string_view kPngSignature("\x89PNG\r\n\x1a\n", 8);

using Bytes = const unsigned char*;

// Of a picture that is stored with this size.
PictureSize checked(PictureFormat format, std::int64_t width, std::int64_t height, int orientation,
                    const std::string& where) {
  if (is_turned_sideways(orientation)) std::swap(width, height);
  if (width < 1 || height < 1) fail("{}: the picture's size is {}x{} px: save it again", where, width, height);
  if (width > kMaxPictureSide || height > kMaxPictureSide || width * height > kMaxPicturePixels) {
    fail("{}: {}x{} px is too large (at most {} px a side and {} megapixels): scale it down", where, width, height,
         kMaxPictureSide, kMaxPicturePixels / 1'000'000);
  }
  return {format, static_cast<int>(width), static_cast<int>(height), orientation};
}

// A PNG's header comes first and has a fixed layout; libpng refuses any other.
PictureSize png_size(std::string_view bytes, const std::string& where) {
  if (bytes.size() < 33 || bytes.substr(12, 4) != "IHDR")
    fail("{}: PNG cut off within its header: copy or save the picture again", where);
  each_png_chunk(bytes, [&](std::string_view type, std::string_view data) {
    if (type == "acTL" && integer_at(data, 0, 4, false) != 1)
      fail("{}: is an animated PNG: save one picture of it", where);
    return type != "IDAT";
  });
  return checked(PictureFormat::png, *integer_at(bytes, 16, 4, false), *integer_at(bytes, 20, 4, false),
                 png_orientation(bytes), where);
}

PictureSize webp_size(std::string_view bytes, const std::string& where) {
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(reinterpret_cast<Bytes>(bytes.data()), bytes.size(), &features) != VP8_STATUS_OK)
    fail("{}: damaged WebP header: copy or save the picture again", where);
  if (features.has_animation != 0) fail("{}: is an animated WebP: save one picture of it", where);
  return checked(PictureFormat::webp, features.width, features.height, webp_orientation(bytes), where);
}

struct PngError {
  char text[200] = "";
};

void png_failed(png_structp png, png_const_charp text) {
  auto* error = static_cast<PngError*>(png_get_error_ptr(png));
  std::strncpy(error->text, text, sizeof error->text - 1);
  std::longjmp(png_jmpbuf(png), 1);
}

void png_warned(png_structp, png_const_charp) {}

// Runs a step of libpng; false when it failed. The step may hold trivial objects only: a failure jumps out of it.
template <class Step>
bool guarded(png_structp png, Step&& step) {
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  step();
  return true;
}

struct PngSource {
  std::string_view bytes;
  std::size_t at = 0;
};

void png_pull(png_structp png, png_bytep out, std::size_t count) {
  auto* source = static_cast<PngSource*>(png_get_io_ptr(png));
  if (source->bytes.size() - source->at < count) png_error(png, "the file ends too early");
  std::memcpy(out, source->bytes.data() + source->at, count);
  source->at += count;
}

struct PngReader {
  PngError error;
  png_structp png = nullptr;
  png_infop info = nullptr;
  PngReader() {
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &error, png_failed, png_warned);
    if (png != nullptr) info = png_create_info_struct(png);
    if (info == nullptr) throw std::bad_alloc();
  }
  ~PngReader() { png_destroy_read_struct(&png, &info, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;
};

// 8-bit RGBA, or `deep`: 16-bit.
cv::Mat decode_png(std::string_view bytes, cv::Size size, bool deep, const std::string& where) {
  PngReader reader;
  PngSource source{bytes};
  png_structp png = reader.png;
  png_infop info = reader.info;
  int passes = 1;
  std::size_t row_bytes = 0;
  const auto damaged = [&] { fail("{}: damaged PNG ({}): copy or save the picture again", where, reader.error.text); };
  const bool opened = guarded(png, [&] {
    png_set_read_fn(png, &source, png_pull);
    png_set_user_limits(png, kMaxPictureSide, kMaxPictureSide);
    // What lies beside the pixels is skipped, however long it is.
    png_set_chunk_malloc_max(png, 0);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_read_info(png, info);
    // Palette to RGB, grey to 8 bits, tRNS to alpha.
    if (deep) {
      png_set_expand_16(png);
      png_set_swap(png);  // PNG's first byte is the high one
    } else {
      png_set_scale_16(png);
      png_set_expand(png);
    }
    png_set_gray_to_rgb(png);
    png_set_add_alpha(png, deep ? 65535 : 255, PNG_FILLER_AFTER);
    passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    row_bytes = png_get_rowbytes(png, info);
  });
  if (!opened) damaged();
  cv::Mat picture(size.height, size.width, deep ? CV_16UC4 : CV_8UC4);
  if (row_bytes != static_cast<std::size_t>(size.width) * picture.elemSize())
    fail("{}: PNG of an unknown pixel layout", where);
  unsigned char* pixels = picture.data;
  const bool read = guarded(png, [&] {
    for (int pass = 0; pass < passes; ++pass) {
      for (int y = 0; y < size.height; ++y) png_read_row(png, pixels + y * row_bytes, nullptr);
    }
    png_read_end(png, nullptr);
  });
  if (!read) damaged();
  return picture;
}

cv::Mat decode_webp(std::string_view bytes, cv::Size size, const std::string& where) {
  cv::Mat picture(size.height, size.width, CV_8UC4);
  const auto* data = reinterpret_cast<Bytes>(bytes.data());
  if (WebPDecodeRGBAInto(data, bytes.size(), picture.data, picture.total() * 4, static_cast<int>(picture.step[0])) ==
      nullptr) {
    fail("{}: damaged WebP: copy or save the picture again", where);
  }
  return picture;
}

}  // namespace

PictureSize picture_size(std::string_view bytes, const std::string& where) {
  if (bytes.empty()) fail("{}: the file is empty: copy the picture again", where);
  if (bytes.starts_with(kPngSignature)) return png_size(bytes, where);
  if (bytes.starts_with("\xFF\xD8")) {
    const JpegHeader header = jpeg_header(bytes, where);
    PictureSize size = checked(PictureFormat::jpeg, header.width, header.height, header.orientation, where);
    size.for_every_viewer = !header.cmyk;
    return size;
  }
  if (bytes.size() >= 12 && bytes.starts_with("RIFF") && bytes.substr(8, 4) == "WEBP") return webp_size(bytes, where);
  if (is_heif(bytes)) {
    const HeifHeader header = heif_header(bytes, where);
    PictureSize size = checked(PictureFormat::heif, header.width, header.height, 1, where);
    size.for_every_viewer = false;
    return size;
  }
  fail("{}: is not a PNG, JPEG, WebP, HEIC or AVIF picture: save it as PNG", where);
}

PictureSize picture_size(const std::filesystem::path& path) {
  return picture_size(read_file(path, kMaxPictureFileBytes), path.string());
}

namespace {

// As it is stored, and the profile of its colours.
struct Stored {
  cv::Mat pixels;
  std::string icc_profile;
  bool cmyk = false;
  DynamicRange range = DynamicRange::standard;
  Primaries primaries = Primaries::srgb;
  bool unknown_colours = false;
};

Stored stored_png(std::string_view bytes, cv::Size size, const std::string& where) {
  Stored stored;
  const std::optional<CodePoints> points = png_code_points(bytes);
  if (points) stored.range = dynamic_range_of(points->transfer);
  const bool deep = stored.range != DynamicRange::standard;
  stored.pixels = decode_png(bytes, size, deep, where);
  if (!points) {
    stored.icc_profile = png_icc_profile(bytes);
    return stored;
  }
  stored.primaries = dynamic_range_primaries(points->primaries);
  if (!deep) stored.icc_profile = coded_profile(points->primaries, points->transfer);
  if (points->matrix != 0 || !points->full_range)
    log_warning("{}: its cICP chunk says that its values are not RGB of full range, as which they are taken", where);
  return stored;
}

Stored decode_stored(std::string_view bytes, PictureFormat format, cv::Size size, const std::string& where) {
  switch (format) {
    case PictureFormat::png: return stored_png(bytes, size, where);
    case PictureFormat::jpeg: {
      const JpegHeader header = jpeg_header(bytes, where);
      return {decode_jpeg(bytes, size.width, size.height, where), header.icc_profile, header.cmyk};
    }
    case PictureFormat::webp: return {decode_webp(bytes, size, where), webp_icc_profile(bytes)};
    case PictureFormat::heif: {
      const HeifHeader header = heif_header(bytes, where);
      return {decode_heif(bytes, size.width, size.height, where),
              header.icc_profile,
              false,
              header.range,
              header.primaries,
              header.unknown_colours};
    }
  }
  fail("{}: unknown picture format", where);
}

}  // namespace

cv::Mat decode_picture(std::string_view bytes, const std::string& where, Colours colours) {
  const PictureSize size = picture_size(bytes, where);
  cv::Size stored_size(size.width, size.height);
  if (is_turned_sideways(size.orientation)) std::swap(stored_size.width, stored_size.height);
  Stored stored = decode_stored(bytes, size.format, stored_size, where);
  if (stored.cmyk) {
    stored.pixels = cmyk_to_srgb(stored.pixels, stored.icc_profile);
  } else if (stored.range != DynamicRange::standard) {
    if (colours == Colours::srgb)
      stored.pixels = to_standard_range(stored.pixels, stored.range, stored.primaries);
    else
      stored.pixels.convertTo(stored.pixels, CV_8U, 1.0 / 257);
  } else if (colours == Colours::srgb && !stored.icc_profile.empty() && !to_srgb(stored.pixels, stored.icc_profile)) {
    log_warning("{}: its colour profile is damaged or not for its colours, which are taken as sRGB's", where);
  }
  if (colours == Colours::srgb && stored.unknown_colours)
    log_warning("{}: which colours it has is said by numbers that ITU-T H.273 does not know; taken as sRGB's", where);
  return upright(stored.pixels, size.orientation);
}

namespace {

struct PngWriter {
  PngError error;
  png_structp png = nullptr;
  png_infop info = nullptr;
  PngWriter() {
    png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &error, png_failed, png_warned);
    if (png != nullptr) info = png_create_info_struct(png);
    if (info == nullptr) throw std::bad_alloc();
  }
  ~PngWriter() { png_destroy_write_struct(&png, &info); }
  PngWriter(const PngWriter&) = delete;
  PngWriter& operator=(const PngWriter&) = delete;
};

void png_push(png_structp png, png_bytep data, std::size_t count) {
  static_cast<std::string*>(png_get_io_ptr(png))->append(reinterpret_cast<const char*>(data), count);
}

}  // namespace

cv::Mat on_plain_ground(const cv::Mat& rgba, cv::Size size, const cv::Scalar& ground) {
  // Composited before scaling, or transparent pixels' colours would bleed into the edge.
  cv::Mat colour, alpha, scaled, bytes;
  rgba.convertTo(colour, CV_32FC4);
  cv::extractChannel(colour, alpha, 3);
  cv::cvtColor(colour, colour, cv::COLOR_RGBA2RGB);
  cv::merge(std::vector<cv::Mat>{alpha / 255, alpha / 255, alpha / 255}, alpha);
  const cv::Mat opaque = colour.mul(alpha) + (cv::Scalar::all(1) - alpha).mul(cv::Mat(alpha.size(), CV_32FC3, ground));
  cv::resize(opaque, scaled, size, 0, 0, size.width < rgba.cols ? cv::INTER_AREA : cv::INTER_CUBIC);
  scaled.convertTo(bytes, CV_8UC3);
  return bytes;
}

std::string encode_png(const cv::Mat& picture) {
  const int channels = picture.channels();
  if (picture.empty() || picture.depth() != CV_8U || (channels != 1 && channels != 3 && channels != 4)) {
    fail("a PNG is written from 8-bit pictures of 1, 3 or 4 channels only");
  }
  const int colour = channels == 1   ? PNG_COLOR_TYPE_GRAY
                     : channels == 3 ? PNG_COLOR_TYPE_RGB
                                     : PNG_COLOR_TYPE_RGB_ALPHA;
  PngWriter writer;
  png_structp png = writer.png;
  png_infop info = writer.info;
  std::string out;
  const bool written = guarded(png, [&] {
    png_set_write_fn(png, &out, png_push, nullptr);
    png_set_user_limits(png, kMaxPictureSide, kMaxPictureSide);
    png_set_IHDR(png, info, static_cast<png_uint_32>(picture.cols), static_cast<png_uint_32>(picture.rows), 8, colour,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_sRGB(png, info, PNG_sRGB_INTENT_PERCEPTUAL);
    png_write_info(png, info);
    for (int y = 0; y < picture.rows; ++y) png_write_row(png, picture.ptr(y));
    png_write_end(png, nullptr);
  });
  if (!written) fail("a PNG could not be encoded: {}", writer.error.text);
  return out;
}

std::string upright_png(std::string_view bytes, const std::string& where) {
  cv::Mat picture = decode_picture(bytes, where), alpha;
  cv::extractChannel(picture, alpha, 3);
  if (cv::countNonZero(alpha == 255) == static_cast<int>(alpha.total()))
    cv::cvtColor(picture, picture, cv::COLOR_RGBA2RGB);
  return encode_png(picture);
}

cv::Mat read_picture(const std::filesystem::path& path) {
  return decode_picture(read_file(path, kMaxPictureFileBytes), path.string());
}

void write_png(const std::filesystem::path& path, const cv::Mat& rgba_or_rgb) {
  write_file_atomic(path, encode_png(rgba_or_rgb));
}

}  // namespace spinfill

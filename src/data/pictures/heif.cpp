// SPDX-License-Identifier: Apache-2.0
#include "data/pictures/heif.h"

#include <libheif/heif.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>

#include <opencv2/core.hpp>

#include "core/error.h"
#include "data/pictures/colour_profile.h"
#include "data/pictures/picture.h"

namespace spinfill {
namespace {

constexpr std::size_t kLongestProfile = 16 << 20;
// ITU-T H.273, tables 2 and 3.

template <class T, auto Free>
using HeifOwned = std::unique_ptr<T, decltype([](T* p) { Free(p); })>;
using HeifContext = HeifOwned<heif_context, heif_context_free>;
using HeifHandle = HeifOwned<heif_image_handle, heif_image_handle_release>;
using HeifImage = HeifOwned<heif_image, heif_image_release>;
using HeifOptions = HeifOwned<heif_decoding_options, heif_decoding_options_free>;

void check_heif(const heif_error& error, const std::string& where) {
  if (error.code == heif_error_Ok) return;
  std::string message = error.message;
  message.resize(message.find_last_not_of("\n ") + 1);
  fail("{}: damaged or unsupported HEIC or AVIF ({}): copy the picture again, or save it as JPEG", where, message);
}

struct Opened {
  HeifContext context;
  HeifHandle primary;
};

Opened opened(std::string_view bytes, const std::string& where) {
  const std::string_view brand = bytes.substr(8, 4);
  if (brand == "avis" || brand == "msf1" || brand == "hevc")
    fail("{}: is a film or a burst of pictures: save one picture of it", where);
  Opened out{HeifContext(heif_context_alloc()), nullptr};
  if (!out.context) throw std::bad_alloc();
  heif_context_set_maximum_image_size_limit(out.context.get(), kMaxPictureSide);
  check_heif(heif_context_read_from_memory_without_copy(out.context.get(), bytes.data(), bytes.size(), nullptr), where);
  heif_image_handle* handle = nullptr;
  check_heif(heif_context_get_primary_image_handle(out.context.get(), &handle), where);
  out.primary.reset(handle);
  return out;
}

// What says which colours a picture's values are, into `header`.
void read_colours(const heif_image_handle* picture, HeifHeader& header) {
  int primaries = 0, transfer = 0;
  heif_color_profile_nclx* points = nullptr;
  const heif_error_code got = heif_image_handle_get_nclx_color_profile(picture, &points).code;
  if (points != nullptr) {
    primaries = points->color_primaries;
    transfer = points->transfer_characteristics;
    heif_nclx_color_profile_free(points);
  }
  header.range = dynamic_range_of(transfer);
  if (header.range != DynamicRange::standard) {
    header.primaries = dynamic_range_primaries(primaries);
    return;
  }
  const std::size_t size = heif_image_handle_get_raw_color_profile_size(picture);
  if (size > 0 && size <= kLongestProfile) {
    std::string profile(size, '\0');
    if (heif_image_handle_get_raw_color_profile(picture, profile.data()).code == heif_error_Ok) {
      header.icc_profile = std::move(profile);
      return;
    }
  }
  header.icc_profile = coded_profile(primaries, transfer);
  header.unknown_colours = got != heif_error_Ok && got != heif_error_Color_profile_does_not_exist;
}

HeifImage decoded_as(const Opened& file, heif_chroma layout, heif_channel channel, int width, int height,
                     const std::string& where) {
  const HeifOptions options(heif_decoding_options_alloc());
  if (!options) throw std::bad_alloc();
  options->convert_hdr_to_8bit = layout == heif_chroma_interleaved_RGBA ? 1 : 0;
  heif_image* decoded = nullptr;
  check_heif(heif_decode_image(file.primary.get(), &decoded, heif_colorspace_RGB, layout, options.get()), where);
  HeifImage image(decoded);
  if (heif_image_get_width(decoded, channel) != width || heif_image_get_height(decoded, channel) != height)
    fail("{}: damaged HEIC or AVIF (its picture is not of the size that its header says)", where);
  return image;
}

template <class Value>
void make_straight(cv::Mat& rgba) {
  constexpr std::int64_t kOpaque = std::numeric_limits<Value>::max();
  for (auto& p : cv::Mat_<cv::Vec<Value, 4>>(rgba))
    for (int c = 0; c < 3 && p[3] > 0; ++c)
      p[c] = static_cast<Value>(std::min(kOpaque, (kOpaque * p[c] + p[3] / 2) / p[3]));
}

// Planes of whatever depth → 16-bit RGBA.
cv::Mat decode_deep(const Opened& file, int width, int height, const std::string& where) {
  const HeifImage image = decoded_as(file, heif_chroma_444, heif_channel_R, width, height, where);
  cv::Mat picture(height, width, CV_16UC4, cv::Scalar::all(65535));
  static constexpr std::array kChannels = {heif_channel_R, heif_channel_G, heif_channel_B, heif_channel_Alpha};
  for (int c = 0; c < 4; ++c) {
    const heif_channel channel = kChannels[static_cast<std::size_t>(c)];
    int stride = 0;
    const std::uint8_t* pixels = heif_image_get_plane_readonly(image.get(), channel, &stride);
    if (pixels == nullptr && channel == heif_channel_Alpha) continue;
    const int bits = heif_image_get_bits_per_pixel_range(image.get(), channel);
    if (pixels == nullptr || bits < 8 || bits > 16 || heif_image_get_width(image.get(), channel) != width ||
        heif_image_get_height(image.get(), channel) != height)
      fail("{}: HEIC or AVIF of an unknown pixel layout", where);
    const cv::Mat plane(height, width, bits > 8 ? CV_16U : CV_8U, const_cast<std::uint8_t*>(pixels),
                        static_cast<std::size_t>(stride));
    cv::Mat deep;
    plane.convertTo(deep, CV_16U, 65535.0 / ((1 << bits) - 1));
    cv::insertChannel(deep, picture, c);
  }
  if (heif_image_is_premultiplied_alpha(image.get()) != 0) make_straight<std::uint16_t>(picture);
  return picture;
}

}  // namespace

bool is_heif(std::string_view bytes) {
  static constexpr std::array<std::string_view, 10> kBrands = {"heic", "heix", "heim", "heis", "mif1",
                                                               "avif", "miaf", "avis", "msf1", "hevc"};
  return bytes.size() >= 12 && bytes.substr(4, 4) == "ftyp" && std::ranges::count(kBrands, bytes.substr(8, 4)) > 0;
}

HeifHeader heif_header(std::string_view bytes, const std::string& where) {
  const Opened file = opened(bytes, where);
  HeifHeader header{heif_image_handle_get_width(file.primary.get()), heif_image_handle_get_height(file.primary.get())};
  read_colours(file.primary.get(), header);
  return header;
}

cv::Mat decode_heif(std::string_view bytes, int width, int height, const std::string& where) {
  const Opened file = opened(bytes, where);
  HeifHeader header;
  read_colours(file.primary.get(), header);
  if (header.range != DynamicRange::standard) return decode_deep(file, width, height, where);
  const HeifImage image =
      decoded_as(file, heif_chroma_interleaved_RGBA, heif_channel_interleaved, width, height, where);
  int stride = 0;
  const std::uint8_t* pixels = heif_image_get_plane_readonly(image.get(), heif_channel_interleaved, &stride);
  if (pixels == nullptr) fail("{}: HEIC or AVIF of an unknown pixel layout", where);
  cv::Mat picture(height, width, CV_8UC4);
  for (int y = 0; y < height; ++y)
    std::copy_n(pixels + static_cast<std::ptrdiff_t>(y) * stride, 4 * width, picture.ptr(y));
  if (heif_image_is_premultiplied_alpha(image.get()) != 0) make_straight<std::uint8_t>(picture);
  return picture;
}

std::string encode_avif(const cv::Mat& rgba, int quality, bool with_alpha, std::string_view xmp) {
  const auto made = [](const heif_error& error) {
    if (error.code != heif_error_Ok) fail("an AVIF could not be encoded: {}", error.message);
  };
  const HeifContext context(heif_context_alloc());
  if (!context) throw std::bad_alloc();
  heif_encoder* chosen = nullptr;
  if (heif_context_get_encoder_for_format(context.get(), heif_compression_AV1, &chosen).code != heif_error_Ok)
    fail("this machine's libheif has no AV1 encoder: choose another format, or install libaom");
  const HeifOwned<heif_encoder, heif_encoder_release> encoder(chosen);
  made(heif_encoder_set_lossy_quality(chosen, quality));
  heif_image* blank = nullptr;
  made(heif_image_create(rgba.cols, rgba.rows, heif_colorspace_RGB,
                         with_alpha ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB, &blank));
  const HeifImage image(blank);
  made(heif_image_add_plane(blank, heif_channel_interleaved, rgba.cols, rgba.rows, 8));
  int stride = 0;
  std::uint8_t* pixels = heif_image_get_plane(blank, heif_channel_interleaved, &stride);
  const int channels = with_alpha ? 4 : 3;
  for (int y = 0; y < rgba.rows; ++y) {
    for (int x = 0; x < rgba.cols; ++x)
      std::copy_n(rgba.at<cv::Vec4b>(y, x).val, channels,
                  pixels + static_cast<std::ptrdiff_t>(y) * stride + channels * x);
  }
  heif_image_handle* handle = nullptr;
  made(heif_context_encode_image(context.get(), blank, chosen, nullptr, &handle));
  const HeifHandle encoded(handle);
  if (!xmp.empty())
    made(heif_context_add_XMP_metadata(context.get(), handle, xmp.data(), static_cast<int>(xmp.size())));
  std::string out;
  heif_writer writer{1, [](heif_context*, const void* data, std::size_t size, void* to) {
                       static_cast<std::string*>(to)->append(static_cast<const char*>(data), size);
                       return heif_error{heif_error_Ok, heif_suberror_Unspecified, ""};
                     }};
  made(heif_context_write(context.get(), &writer, &out));
  return out;
}

}  // namespace spinfill

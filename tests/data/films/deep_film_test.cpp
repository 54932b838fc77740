// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <set>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "core/files/files.h"
#include "data/films/film_reader.h"
#include "data/films/libav.h"
#include "data/walkaround/film_frames.h"
#include "support/mutate.h"
#include "support/support.h"

extern "C" {
#include <libavutil/dovi_meta.h>
#include <libavutil/mastering_display_metadata.h>
#include <libavutil/opt.h>
}

// What libx265's encoder leaves behind is not ours; without a leak check nobody asks.
extern "C" const char* __lsan_default_suppressions();  // NOLINT(bugprone-reserved-identifier)
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libx265\n";
}

namespace spinfill {
namespace {

struct DeepFilm {
  std::string encoder = "libx265", settings = "x265-params=log-level=none:lossless=1:bframes=0";
  AVPixelFormat format = AV_PIX_FMT_YUV420P10;
  AVColorTransferCharacteristic transfer = AVCOL_TRC_ARIB_STD_B67;
  AVColorPrimaries primaries = AVCOL_PRI_BT2020;
  AVColorSpace matrix = AVCOL_SPC_BT2020_NCL;
  bool full_range = false;
  int dolby_profile = 0;      // 0: no Dolby Vision
  double nonsense_light = 0;  // cd/m² of the mastering display and the brightest pixel
};

// R', G', B' of 0 … 1 → 10-bit Y', Cb, Cr (BT.2100-2, tables 6 and 9).
cv::Vec3d ycbcr(const cv::Vec3d& rgb, bool full_range) {
  const double y = 0.2627 * rgb[0] + 0.6780 * rgb[1] + 0.0593 * rgb[2];
  const double cb = (rgb[2] - y) / 1.8814, cr = (rgb[0] - y) / 1.4746;
  return full_range ? cv::Vec3d(1023 * y, 512 + 1023 * cb, 512 + 1023 * cr)
                    : cv::Vec3d(64 + 876 * y, 512 + 896 * cb, 512 + 896 * cr);
}

// Frame of a picture of R'G'B' (CV_64FC3), whose colours are the same over the chroma's blocks.
LibavFrame deep_frame(const cv::Mat& rgb, const DeepFilm& of, std::int64_t at) {
  LibavFrame frame = new_frame();
  frame->width = rgb.cols;
  frame->height = rgb.rows;
  frame->format = of.format;
  frame->pts = at;
  frame->color_range = of.full_range ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
  frame->color_trc = of.transfer;
  frame->color_primaries = of.primaries;
  frame->colorspace = of.matrix;
  EXPECT_GE(av_frame_get_buffer(frame.get(), 0), 0);
  const int across = of.format == AV_PIX_FMT_YUV444P10 ? 1 : 2, down = of.format == AV_PIX_FMT_YUV420P10 ? 2 : 1;
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y<rgb.rows; y += c> 0 ? down : 1) {
      auto* row = reinterpret_cast<std::uint16_t*>(frame->data[c] + (c > 0 ? y / down : y) * frame->linesize[c]);
      for (int x = 0; x<rgb.cols; x += c> 0 ? across : 1)
        row[c > 0 ? x / across : x] =
            static_cast<std::uint16_t>(std::lround(ycbcr(rgb.at<cv::Vec3d>(y, x), of.full_range)[c]));
    }
  }
  return frame;
}

void add_side_data(AVStream* stream, const DeepFilm& of) {
  if (of.dolby_profile > 0) {
    std::size_t size = 0;
    AVDOVIDecoderConfigurationRecord* record = av_dovi_alloc(&size);
    record->dv_version_major = 1;
    record->dv_profile = static_cast<std::uint8_t>(of.dolby_profile);
    record->dv_level = 1;
    record->rpu_present_flag = record->bl_present_flag = 1;
    record->dv_bl_signal_compatibility_id = of.dolby_profile == 8 ? 4 : 0;
    av_stream_add_side_data(stream, AV_PKT_DATA_DOVI_CONF, reinterpret_cast<std::uint8_t*>(record), size);
  }
  if (of.nonsense_light > 0) {
    std::size_t size = 0;
    AVContentLightMetadata* light = av_content_light_metadata_alloc(&size);
    light->MaxCLL = light->MaxFALL = static_cast<unsigned>(of.nonsense_light);
    av_stream_add_side_data(stream, AV_PKT_DATA_CONTENT_LIGHT_LEVEL, reinterpret_cast<std::uint8_t*>(light), size);
    AVMasteringDisplayMetadata* display = av_mastering_display_metadata_alloc();
    display->has_luminance = display->has_primaries = 1;
    display->min_luminance = {static_cast<int>(of.nonsense_light), 1};  // above its highest
    display->max_luminance = {0, 1};
    av_stream_add_side_data(stream, AV_PKT_DATA_MASTERING_DISPLAY_METADATA, reinterpret_cast<std::uint8_t*>(display),
                            sizeof *display);
  }
}

// False: there is no such encoder here.
bool write_deep_film(const fs::path& file, const std::vector<cv::Mat>& pictures, const DeepFilm& of) {
  silence_libav();
  const AVCodec* found = avcodec_find_encoder_by_name(of.encoder.c_str());
  if (found == nullptr) return false;
  const LibavCodec codec(avcodec_alloc_context3(found));
  codec->width = pictures[0].cols;
  codec->height = pictures[0].rows;
  codec->time_base = {1, 25};
  codec->framerate = {25, 1};
  codec->pix_fmt = of.format;
  codec->color_range = of.full_range ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
  codec->color_trc = of.transfer;
  codec->color_primaries = of.primaries;
  codec->colorspace = of.matrix;
  codec->thread_count = 1;
  codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
  AVDictionary* settings = nullptr;
  av_dict_parse_string(&settings, of.settings.c_str(), "=", ";", 0);
  const int opened = avcodec_open2(codec.get(), found, &settings);
  av_dict_free(&settings);
  EXPECT_GE(opened, 0) << of.encoder;
  AVFormatContext* format = nullptr;
  const char* kind = of.encoder == "prores_ks" ? "mov" : "mp4";
  EXPECT_GE(avformat_alloc_output_context2(&format, nullptr, kind, file.c_str()), 0);
  format->strict_std_compliance = FF_COMPLIANCE_UNOFFICIAL;
  AVStream* stream = avformat_new_stream(format, nullptr);
  avcodec_parameters_from_context(stream->codecpar, codec.get());
  stream->time_base = codec->time_base;
  add_side_data(stream, of);
  EXPECT_GE(avio_open(&format->pb, file.c_str(), AVIO_FLAG_WRITE), 0);
  EXPECT_GE(avformat_write_header(format, nullptr), 0);
  for (std::size_t i = 0; i <= pictures.size(); ++i) {
    const LibavFrame frame = i < pictures.size() ? deep_frame(pictures[i], of, static_cast<std::int64_t>(i)) : nullptr;
    EXPECT_GE(avcodec_send_frame(codec.get(), frame.get()), 0);
    for (LibavPacket packet = new_packet(); avcodec_receive_packet(codec.get(), packet.get()) == 0;
         packet = new_packet()) {
      packet->duration = 1;
      av_packet_rescale_ts(packet.get(), codec->time_base, stream->time_base);
      EXPECT_GE(av_interleaved_write_frame(format, packet.get()), 0);
    }
  }
  EXPECT_GE(av_write_trailer(format), 0);
  avio_closep(&format->pb);
  avformat_free_context(format);
  return true;
}

// Above a ramp of all greys of 10 bits, below patches of colours.
cv::Mat deep_picture() {
  cv::Mat out(64, 896, CV_64FC3);
  for (int x = 0; x < out.cols; ++x) {
    const double grey = std::min(1.0, x / 876.0);
    out(cv::Rect(x, 0, 1, 32)).setTo(cv::Scalar::all(grey));
    const int patch = x / 64;
    out(cv::Rect(x, 32, 1, 32))
        .setTo(cv::Scalar(0.44 + 0.012 * patch, 0.58 - 0.008 * (patch * 5 % 14), 0.46 + 0.02 * (patch * 3 % 7)));
  }
  return out;
}

// What its 10 bits hold, by the same definitions backwards.
cv::Mat wanted_of(const cv::Mat& picture, DynamicRange range, Primaries primaries, bool full_range = false) {
  cv::Mat code(picture.size(), CV_16UC3);
  for (int y = 0; y < picture.rows; ++y) {
    for (int x = 0; x < picture.cols; ++x) {
      cv::Vec3d stored = ycbcr(picture.at<cv::Vec3d>(y, x), full_range);
      for (int c = 0; c < 3; ++c) stored[c] = std::round(stored[c]);
      const double luma = full_range ? stored[0] / 1023 : (stored[0] - 64) / 876, chroma = full_range ? 1023 : 896;
      const double red = luma + 1.4746 * (stored[2] - 512) / chroma, blue = luma + 1.8814 * (stored[1] - 512) / chroma;
      const double green = (luma - 0.2627 * red - 0.0593 * blue) / 0.6780;
      code.at<cv::Vec3w>(y, x) = {cv::saturate_cast<std::uint16_t>(65535 * red),
                                  cv::saturate_cast<std::uint16_t>(65535 * green),
                                  cv::saturate_cast<std::uint16_t>(65535 * blue)};
    }
  }
  return to_standard_range(code, range, primaries);
}

void expect_picture(const cv::Mat& rgb, const cv::Mat& wanted, const std::string& what, int tolerance = 1) {
  ASSERT_EQ(rgb.type(), CV_8UC3);
  ASSERT_EQ(rgb.size(), wanted.size());
  std::set<int> levels;
  double sum = 0;
  for (int x = 0; x < 880; ++x) {
    levels.insert(rgb.at<cv::Vec3b>(12, x)[1]);
    for (int c = 0; c < 3; ++c) {
      ASSERT_NEAR(rgb.at<cv::Vec3b>(12, x)[c], wanted.at<cv::Vec3b>(12, x)[c], tolerance) << what << ", grey " << x;
      sum += rgb.at<cv::Vec3b>(12, x)[c] - wanted.at<cv::Vec3b>(12, x)[c];
    }
  }
  EXPECT_NEAR(sum / (3 * 880), 0, 0.1) << what;
  EXPECT_GE(levels.size(), 220U) << what << ": 8 bits before the tone mapping would leave fewer";
  for (int x = 32; x < 896; x += 64)
    for (int c = 0; c < 3; ++c)
      ASSERT_NEAR(rgb.at<cv::Vec3b>(48, x)[c], wanted.at<cv::Vec3b>(48, x)[c], tolerance)
          << what << ", colour " << x / 64;
}

TEST(DeepFilm, HlgAndPqBecomeSrgbWithoutBands) {
  const test::TemporaryFolder folder;
  const cv::Mat picture = deep_picture();
  const std::vector<std::pair<std::string, DeepFilm>> kinds = {
      {"HEVC", {}},
      {"HEVC, full range", {.full_range = true}},
      {"ProRes",
       {.encoder = "prores_ks",
        .settings = "profile=hq;quant_mat=hq;bits_per_mb=8000",
        .format = AV_PIX_FMT_YUV422P10}},
      {"VP9", {.encoder = "libvpx-vp9", .settings = "lossless=1;cpu-used=8"}},
      {"H.264", {.encoder = "libx264", .settings = "qp=0;preset=ultrafast", .format = AV_PIX_FMT_YUV444P10}},
  };
  for (const auto& [name, kind] : kinds) {
    for (const auto transfer : {AVCOL_TRC_ARIB_STD_B67, AVCOL_TRC_SMPTE2084}) {
      DeepFilm of = kind;
      of.transfer = transfer;
      const DynamicRange range = transfer == AVCOL_TRC_SMPTE2084 ? DynamicRange::pq : DynamicRange::hlg;
      const std::string what = name + " " + name_of(range);
      if (!write_deep_film(folder / "film.mov", {picture, picture}, of)) {
        std::cout << "no encoder for " << name << "\n";
        continue;
      }
      FilmReader reader(folder / "film.mov");
      ASSERT_TRUE(reader.next()) << what;
      EXPECT_EQ(reader.dynamic_range(), range) << what;
      expect_picture(reader.picture(), wanted_of(picture, range, Primaries::bt2020, of.full_range), what,
                     name == "ProRes" ? 2 : 1);
      const cv::Mat small = reader.picture(224);
      EXPECT_EQ(small.size(), cv::Size(224, 16));
      EXPECT_NEAR(small.at<cv::Vec3b>(3, 100)[0], reader.picture().at<cv::Vec3b>(12, 402)[0], 3) << what;
      EXPECT_TRUE(reader.next());
      EXPECT_FALSE(reader.next());
      EXPECT_EQ(choose_film_frames(folder / "film.mov").range, range) << what;
    }
  }
}

TEST(DeepFilm, WhatIsUnsaidOrNonsenseChangesNothing) {
  const test::TemporaryFolder folder;
  const cv::Mat picture = deep_picture();
  const auto read = [&](const DeepFilm& of, DynamicRange range) {
    EXPECT_TRUE(write_deep_film(folder / "film.mp4", {picture}, of));
    FilmReader reader(folder / "film.mp4");
    EXPECT_TRUE(reader.next());
    EXPECT_EQ(reader.dynamic_range(), range);
    return reader.picture();
  };
  if (avcodec_find_encoder_by_name("libx265") == nullptr) GTEST_SKIP() << "libavcodec has no HEVC encoder here";
  const cv::Mat pq = wanted_of(picture, DynamicRange::pq, Primaries::bt2020);
  DeepFilm of{.transfer = AVCOL_TRC_SMPTE2084, .nonsense_light = 65000};
  expect_picture(read(of, DynamicRange::pq), pq, "nonsense light");
  const std::string bytes = read_file(folder / "film.mp4");
  EXPECT_NE(bytes.find("clli"), bytes.npos);
  EXPECT_NE(bytes.find("mdcv"), bytes.npos);
  of = {.transfer = AVCOL_TRC_SMPTE2084, .primaries = AVCOL_PRI_UNSPECIFIED, .matrix = AVCOL_SPC_UNSPECIFIED};
  expect_picture(read(of, DynamicRange::pq), pq, "no primaries, no matrix");
  of = {.primaries = AVCOL_PRI_SMPTE432};
  expect_picture(read(of, DynamicRange::hlg), wanted_of(picture, DynamicRange::hlg, Primaries::display_p3), "P3");
  // Dolby Vision over HLG, as iPhones record it, is HLG; that without a picture for other players is refused.
  of = {.dolby_profile = 8};
  expect_picture(read(of, DynamicRange::hlg), wanted_of(picture, DynamicRange::hlg, Primaries::bt2020), "Dolby 8.4");
  EXPECT_NE(read_file(folder / "film.mp4").find("dvvC"), bytes.npos);
  EXPECT_TRUE(write_deep_film(folder / "five.mp4", {picture}, {.dolby_profile = 5}));
  test::expect_error(ExitCode::runtime, {"five.mp4", "Dolby Vision of profile 5", "H.264"},
                     [&] { FilmReader(folder / "five.mp4"); });
  // The stream's own word, where the file has none; and the file's before the stream's.
  EXPECT_TRUE(write_deep_film(folder / "film.mp4", {picture}, {}));
  std::string film = read_file(folder / "film.mp4");
  const std::size_t colr = film.find("colrnclx");
  ASSERT_NE(colr, film.npos);
  const auto range_of = [&](const std::string& changed) {
    write_file_atomic(folder / "changed.mp4", changed);
    FilmReader reader(folder / "changed.mp4");
    EXPECT_TRUE(reader.next());
    return reader.dynamic_range();
  };
  film.replace(colr, 4, "skip");
  EXPECT_EQ(range_of(film), DynamicRange::hlg);
  film.replace(colr, 4, "colr");
  film[colr + 11] = 16;
  EXPECT_EQ(range_of(film), DynamicRange::pq);
  film[colr + 11] = 1;
  EXPECT_EQ(range_of(film), DynamicRange::standard);
}

TEST(DeepFilm, DamagedOnesNeverCrash) {
  const test::TemporaryFolder folder;
  cv::Mat picture(32, 48, CV_64FC3, cv::Scalar(0.5, 0.4, 0.3));
  if (!write_deep_film(folder / "film.mp4", {picture, picture}, {})) GTEST_SKIP() << "no HEVC encoder here";
  test::mutate_and_try(read_file(folder / "film.mp4"), [&](std::string_view bytes) {
    write_file_atomic(folder / "bad.mp4", bytes);
    FilmReader reader(folder / "bad.mp4");
    for (int i = 0; i < 10 && reader.next(); ++i) reader.picture(32);
  });
}

}  // namespace
}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "data/films/film_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <string>
#include <vector>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "data/films/libav.h"
#include "data/pictures/heif.h"
#include "data/pictures/picture.h"

extern "C" {
#include <libavutil/display.h>
#include <libavutil/dovi_meta.h>
#include <libavutil/pixdesc.h>
}

namespace spinfill {
namespace {

constexpr double kWhole = 0.98;  // share of the pictures that the index lists, below which a film is cut short

// How a picture is turned to be upright: quarter turns clockwise, after mirroring.
struct Turn {
  int quarters = 0;
  bool mirrored = false;
};

Turn turn_of(const AVStream* stream) {
  std::size_t size = 0;
  const auto* matrix =
      reinterpret_cast<const std::int32_t*>(av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, &size));
  if (matrix == nullptr || size < 9 * sizeof(std::int32_t)) return {};
  std::array<std::int32_t, 9> own{};
  std::copy_n(matrix, 9, own.begin());
  Turn out;
  out.mirrored = std::int64_t{own[0]} * own[4] - std::int64_t{own[1]} * own[3] < 0;
  if (out.mirrored) av_display_matrix_flip(own.data(), 1, 0);
  const double degrees = av_display_rotation_get(own.data());  // counter-clockwise
  if (!std::isnan(degrees)) out.quarters = static_cast<int>(std::lround(-degrees / 90)) & 3;
  return out;
}

cv::Mat turned(const cv::Mat& picture, const Turn& turn) {
  cv::Mat out = picture;
  if (turn.mirrored) cv::flip(out, out, 1);
  static constexpr std::array kCodes = {cv::ROTATE_90_CLOCKWISE, cv::ROTATE_180, cv::ROTATE_90_COUNTERCLOCKWISE};
  if (turn.quarters > 0) {
    cv::Mat rotated;
    cv::rotate(out, rotated, kCodes[static_cast<std::size_t>(turn.quarters - 1)]);
    out = rotated;
  }
  return out;
}

// Dolby Vision of profile 5 holds colours that only its own players can make: no picture for others lies below.
bool needs_dolby_vision(const AVStream* stream) {
  std::size_t size = 0;
  const std::uint8_t* data = av_stream_get_side_data(stream, AV_PKT_DATA_DOVI_CONF, &size);
  return data != nullptr && size >= sizeof(AVDOVIDecoderConfigurationRecord) &&
         reinterpret_cast<const AVDOVIDecoderConfigurationRecord*>(data)->dv_profile == 5;
}

// What a file says of its colours, as the numbers of ITU-T H.273.
struct FilmColours {
  int primaries = AVCOL_PRI_UNSPECIFIED, transfer = AVCOL_TRC_UNSPECIFIED, matrix = AVCOL_SPC_UNSPECIFIED;
};

// Matrix of what the file says, BT.709 where it says nothing.
int swscale_matrix(int space) {
  switch (space) {
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL: return SWS_CS_BT2020;
    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M: return SWS_CS_ITU601;
    default: return SWS_CS_ITU709;
  }
}

// The white of swscale's RGB of 16 bits: it shifts values to the left, and so comes short of 65535.
double scaled_white(const AVFrame& frame) {
  const AVPixFmtDescriptor* kind = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(frame.format));
  if ((kind->flags & AV_PIX_FMT_FLAG_RGB) != 0) return 65535;
  const int bits = frame.color_range == AVCOL_RANGE_JPEG ? std::min(kind->comp[0].depth, 16) : 8;
  return ((1 << bits) - 1) << (16 - bits);
}

}  // namespace

struct FilmReader::State {
  std::string where;
  LibavInput input;
  const AVStream* stream = nullptr;
  LibavCodec codec;
  LibavFrame frame = new_frame();
  LibavScaler scaler;
  std::array<int, 6> scaled{};  // sizes and formats that the scaler is for
  FilmColours container;
  Turn turn;
  std::int64_t pictures = 0, expected = 0;
  bool ended = false;  // the file

  void open();
  void open_codec(const AVCodec* decoder);
  bool decode();
  void at_end() const;
  FilmColours colours() const;
  cv::Mat converted(int most_width);
  bool sideways() const { return turn.quarters % 2 == 1; }
};

void FilmReader::State::open() {
  AVFormatContext* context = avformat_alloc_context();
  if (context == nullptr) throw std::bad_alloc();
  context->protocol_whitelist = av_strdup("file");
  context->max_streams = 32;
  // No other demuxer: playlists and the like name other files.
  const int opened = avformat_open_input(&context, ("file:" + where).c_str(), av_find_input_format("mov"), nullptr);
  if (opened < 0) fail("{}: damaged or no MP4 or MOV ({}): record or copy it again", where, libav_error(opened));
  input.reset(context);
  // Before the decoder writes its own over it.
  std::vector<FilmColours> said;
  for (unsigned i = 0; i < context->nb_streams; ++i) {
    const AVCodecParameters& of = *context->streams[i]->codecpar;
    said.push_back({of.color_primaries, of.color_trc, of.color_space});
  }
  if (const int read = avformat_find_stream_info(context, nullptr); read < 0)
    fail("{}: damaged film ({}): record or copy it again", where, libav_error(read));
  const AVCodec* decoder = nullptr;
  const int best = av_find_best_stream(context, AVMEDIA_TYPE_VIDEO, -1, -1, &decoder, 0);
  if (best < 0)
    fail("{}: {}", where,
         best == AVERROR_DECODER_NOT_FOUND ? "its kind of film is not known: save it as H.264" : "holds no pictures");
  stream = context->streams[best];
  if (static_cast<std::size_t>(best) < said.size()) container = said[static_cast<std::size_t>(best)];
  for (unsigned i = 0; i < context->nb_streams; ++i)
    if (context->streams[i] != stream) context->streams[i]->discard = AVDISCARD_ALL;
  turn = turn_of(stream);
  const AVCodecParameters& of = *stream->codecpar;
  if (of.width < 16 || of.height < 16 || of.width > kMaxPictureSide || of.height > kMaxPictureSide ||
      std::int64_t{of.width} * of.height > kMostFilmPixels)
    fail("{}: a film of {}x{} px: from 16 px a side to {} megapixels", where, of.width, of.height,
         kMostFilmPixels / 1'000'000);
  if (needs_dolby_vision(stream))
    fail("{}: is Dolby Vision of profile 5, which only its own players can show: save it as H.264", where);
  const double seconds = context->duration > 0 ? static_cast<double>(context->duration) / AV_TIME_BASE : 0;
  if (seconds > kLongestFilm || stream->nb_frames > kMostFilmPictures)
    fail("{}: is a film of {:.0f} s and {} pictures: at most {:.0f} s and {}: cut it to one walk round the vehicle",
         where, seconds, stream->nb_frames, kLongestFilm, kMostFilmPictures);
  expected = stream->nb_frames;
  open_codec(decoder);
}

void FilmReader::State::open_codec(const AVCodec* decoder) {
  codec.reset(avcodec_alloc_context3(decoder));
  if (!codec) throw std::bad_alloc();
  codec->max_pixels = kMostFilmPixels;
  codec->thread_count = 2;
  if (avcodec_parameters_to_context(codec.get(), stream->codecpar) < 0 ||
      avcodec_open2(codec.get(), decoder, nullptr) < 0)
    fail("{}: its pictures cannot be decoded ({}): save it as H.264", where, decoder->name);
}

// Into `frame`; false at the end.
bool FilmReader::State::decode() {
  for (;;) {
    av_frame_unref(frame.get());
    const int got = avcodec_receive_frame(codec.get(), frame.get());
    if (got == 0) {
      if (++pictures > kMostFilmPictures)
        fail("{}: holds more than {} pictures: cut it to one walk round the vehicle", where, kMostFilmPictures);
      return true;
    }
    if (got == AVERROR_EOF) return false;
    if (got != AVERROR(EAGAIN)) fail("{}: damaged film ({})", where, libav_error(got));
    const LibavPacket packet = new_packet();
    int read = 0;
    while (!ended && (read = av_read_frame(input.get(), packet.get())) >= 0 && packet->stream_index != stream->index)
      av_packet_unref(packet.get());
    ended = ended || read < 0;
    const int sent = avcodec_send_packet(codec.get(), ended ? nullptr : packet.get());
    if (sent < 0 && sent != AVERROR_EOF && sent != AVERROR_INVALIDDATA)
      fail("{}: damaged film ({})", where, libav_error(sent));
  }
}

void FilmReader::State::at_end() const {
  if (pictures == 0) fail("{}: holds no pictures that can be decoded", where);
  if (static_cast<double>(pictures) < kWhole * static_cast<double>(expected) - 1)
    fail("{}: is cut short or damaged: {} of {} pictures can be read: copy it again", where, pictures, expected);
}

// The file's word counts before the stream's (ISO/IEC 14496-12, 12.1.5).
FilmColours FilmReader::State::colours() const {
  const auto first = [](int file, int picture, int unsaid) { return file != unsaid ? file : picture; };
  return {first(container.primaries, frame->color_primaries, AVCOL_PRI_UNSPECIFIED),
          first(container.transfer, frame->color_trc, AVCOL_TRC_UNSPECIFIED),
          first(container.matrix, frame->colorspace, AVCOL_SPC_UNSPECIFIED)};
}

cv::Mat FilmReader::State::converted(int most_width) {
  const int upright = sideways() ? frame->height : frame->width;
  const double scale = most_width > 0 && upright > most_width ? double(most_width) / upright : 1;
  const int width = std::max(1, static_cast<int>(std::lround(scale * frame->width))),
            height = std::max(1, static_cast<int>(std::lround(scale * frame->height)));
  const FilmColours said = colours();
  const DynamicRange range = dynamic_range_of(said.transfer);
  const bool standard = range == DynamicRange::standard;
  int matrix = frame->colorspace;
  if (!standard) {
    if (said.matrix == AVCOL_SPC_ICTCP)
      fail("{}: is a film in ICtCp, a kind of colours that is not read: save it as H.264", where);
    matrix = said.matrix == AVCOL_SPC_UNSPECIFIED ? AVCOL_SPC_BT2020_NCL : said.matrix;
  }
  // High dynamic range keeps all its bits until it is tone-mapped, or it would show bands.
  const AVPixelFormat format = standard ? AV_PIX_FMT_RGB24 : AV_PIX_FMT_RGB48;
  const std::array<int, 6> wanted = {frame->width, frame->height, width, height, frame->format, format};
  if (!scaler || wanted != scaled) {
    scaler.reset(sws_getContext(frame->width, frame->height, static_cast<AVPixelFormat>(frame->format), width, height,
                                format, SWS_AREA | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT, nullptr, nullptr, nullptr));
    if (!scaler) fail("{}: its pictures are of a kind that is not read: save it as H.264", where);
    const int* coefficients = sws_getCoefficients(swscale_matrix(matrix));
    sws_setColorspaceDetails(scaler.get(), coefficients, frame->color_range == AVCOL_RANGE_JPEG ? 1 : 0,
                             sws_getCoefficients(SWS_CS_DEFAULT), 1, 0, 1 << 16, 1 << 16);
    scaled = wanted;
  }
  cv::Mat out(height, width, standard ? CV_8UC3 : CV_16UC3);
  std::uint8_t* planes[] = {out.data};
  const int strides[] = {static_cast<int>(out.step)};
  sws_scale(scaler.get(), frame->data, frame->linesize, 0, frame->height, planes, strides);
  if (!standard) {
    out.convertTo(out, CV_16U, 65535 / scaled_white(*frame));
    out = to_standard_range(out, range, dynamic_range_primaries(said.primaries));
  }
  return turned(out, turn);
}

bool is_film(std::string_view bytes) {
  static constexpr std::array<std::string_view, 6> kBoxes = {"ftyp", "moov", "mdat", "wide", "free", "skip"};
  return bytes.size() >= 12 && std::ranges::count(kBoxes, bytes.substr(4, 4)) > 0 && !is_heif(bytes);
}

bool is_film_file(const std::filesystem::path& file) {
  std::array<char, 12> begin{};
  std::ifstream in(file, std::ios::binary);
  return in.read(begin.data(), begin.size()) && is_film(std::string_view(begin.data(), begin.size()));
}

FilmReader::FilmReader(const std::filesystem::path& file) : state_(std::make_unique<State>()) {
  silence_libav();
  state_->where = file.string();
  state_->open();
}

FilmReader::~FilmReader() = default;

int FilmReader::width() const {
  return state_->sideways() ? state_->stream->codecpar->height : state_->stream->codecpar->width;
}
int FilmReader::height() const {
  return state_->sideways() ? state_->stream->codecpar->width : state_->stream->codecpar->height;
}

std::int64_t FilmReader::expected() const {
  return state_->expected;
}

bool FilmReader::next() {
  if (state_->decode()) return true;
  state_->at_end();
  return false;
}

cv::Mat FilmReader::picture(int most_width) {
  return state_->converted(most_width);
}

DynamicRange FilmReader::dynamic_range() const {
  return dynamic_range_of(state_->colours().transfer);
}

double FilmReader::seconds() const {
  const std::int64_t at = state_->frame->best_effort_timestamp;
  return at == AV_NOPTS_VALUE ? 0 : static_cast<double>(at) * av_q2d(state_->stream->time_base);
}

}  // namespace spinfill

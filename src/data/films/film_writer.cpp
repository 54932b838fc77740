// SPDX-License-Identifier: Apache-2.0
#include "data/films/film_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <new>

#include "core/error.h"
#include "data/films/libav.h"

extern "C" {
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/opt.h>
}

namespace spinfill {
namespace {

constexpr int kHundredths = 100;  // of a second: GIF's time
constexpr int kBufferBytes = 1 << 16;
constexpr int kKeySeconds = 2;  // between pictures that can be jumped to

void check(int code, const char* what) {
  if (code < 0) fail("a film could not be written ({}: {})", what, libav_error(code));
}

// What is written, in memory.
struct Bytes {
  std::string data;
  std::size_t at = 0;
  static int write(void* opaque, std::uint8_t* from, int size) {
    auto& own = *static_cast<Bytes*>(opaque);
    own.data.resize(std::max(own.data.size(), own.at + static_cast<std::size_t>(size)));
    std::copy_n(from, size, own.data.begin() + static_cast<std::ptrdiff_t>(own.at));
    own.at += static_cast<std::size_t>(size);
    return size;
  }
  static std::int64_t seek(void* opaque, std::int64_t offset, int whence) {
    auto& own = *static_cast<Bytes*>(opaque);
    if (whence == AVSEEK_SIZE) return std::ssize(own.data);
    const std::int64_t from = whence == SEEK_SET   ? 0
                              : whence == SEEK_CUR ? static_cast<std::int64_t>(own.at)
                                                   : std::ssize(own.data);
    if (from + offset < 0) return AVERROR(EINVAL);
    own.at = static_cast<std::size_t>(from + offset);
    return static_cast<std::int64_t>(own.at);
  }
};

// Scaling, and for a GIF its palette.
std::string filters(const FilmOptions& options, int width, int height) {
  if (options.format == FilmFormat::mp4)
    return fmt::format(
        "scale={}:{}:flags=lanczos+accurate_rnd+full_chroma_int:out_color_matrix=bt709:out_range=tv,format=yuv420p",
        width, height);
  return fmt::format(
      "scale={}:{}:flags=lanczos+accurate_rnd+full_chroma_int,split[a][b];[a]palettegen=reserve_transparent=0[p];"
      "[b][p]paletteuse=dither=sierra2_4a",
      width, height);
}

}  // namespace

struct FilmWriter::State {
  FilmOptions options;
  int width = 0, height = 0, rate = 0;
  std::int64_t ticks = 0;  // until which pictures were added, 1/rate s
  std::int64_t last_ticks = 1;
  LibavGraph graph;
  AVFilterContext *source = nullptr, *sink = nullptr;
  LibavCodec codec;
  Bytes bytes;
  AVFormatContext* format = nullptr;
  AVStream* stream = nullptr;

  ~State() {
    if (format == nullptr) return;
    if (format->pb != nullptr) {
      av_freep(&format->pb->buffer);
      avio_context_free(&format->pb);
    }
    avformat_free_context(format);
  }
  void open_graph();
  void open_encoder();
  void open_file();
  void begin_file();
  void send(const cv::Mat& rgba, std::int64_t at);
  void drain();
  void encode(const AVFrame* frame);
};

void FilmWriter::State::open_graph() {
  graph.reset(avfilter_graph_alloc());
  if (!graph) throw std::bad_alloc();
  graph->nb_threads = 1;
  const std::string from =
      fmt::format("video_size={}x{}:pix_fmt=rgba:time_base=1/{}:pixel_aspect=1/1", options.width, options.height, rate);
  check(avfilter_graph_create_filter(&source, avfilter_get_by_name("buffer"), "in", from.c_str(), nullptr, graph.get()),
        "buffer");
  check(avfilter_graph_create_filter(&sink, avfilter_get_by_name("buffersink"), "out", nullptr, nullptr, graph.get()),
        "buffersink");
  AVFilterInOut *outputs = avfilter_inout_alloc(), *inputs = avfilter_inout_alloc();
  if (outputs == nullptr || inputs == nullptr) throw std::bad_alloc();
  *outputs = {av_strdup("in"), source, 0, nullptr};
  *inputs = {av_strdup("out"), sink, 0, nullptr};
  const int parsed =
      avfilter_graph_parse_ptr(graph.get(), filters(options, width, height).c_str(), &inputs, &outputs, nullptr);
  avfilter_inout_free(&inputs);
  avfilter_inout_free(&outputs);
  check(parsed, "filters");
  check(avfilter_graph_config(graph.get(), nullptr), "filters");
}

void FilmWriter::State::open_encoder() {
  const bool mp4 = options.format == FilmFormat::mp4;
  const AVCodec* found = mp4 ? avcodec_find_encoder_by_name("libx264") : avcodec_find_encoder(AV_CODEC_ID_GIF);
  if (found == nullptr)
    fail("this machine's libavcodec has no encoder for {}: leave out --film {}", mp4 ? "H.264" : "GIF",
         name_of(options.format));
  codec.reset(avcodec_alloc_context3(found));
  if (!codec) throw std::bad_alloc();
  codec->width = width;
  codec->height = height;
  codec->time_base = {1, rate};
  codec->sample_aspect_ratio = {1, 1};
  codec->pix_fmt = mp4 ? AV_PIX_FMT_YUV420P : AV_PIX_FMT_PAL8;
  codec->flags |= AV_CODEC_FLAG_BITEXACT;
  codec->thread_count = 1;
  if (mp4) {
    codec->framerate = {rate, 1};
    codec->gop_size = kKeySeconds * rate;
    codec->color_range = AVCOL_RANGE_MPEG;
    codec->colorspace = AVCOL_SPC_BT709;
    codec->color_primaries = AVCOL_PRI_BT709;
    codec->color_trc = AVCOL_TRC_IEC61966_2_1;
    codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    check(av_opt_set(codec->priv_data, "preset", "medium", 0), "preset");
    // Its macroblock trees read memory that it never wrote: the same pictures then give other bytes.
    check(av_opt_set_int(codec->priv_data, "mbtree", 0, 0), "mbtree");
    check(av_opt_set_double(codec->priv_data, "crf", options.constant_rate_factor, 0), "quality");
  }
  check(avcodec_open2(codec.get(), found, nullptr), "encoder");
}

void FilmWriter::State::open_file() {
  check(avformat_alloc_output_context2(&format, nullptr, std::string(name_of(options.format)).c_str(), nullptr),
        "container");
  format->flags |= AVFMT_FLAG_BITEXACT;
  auto* buffer = static_cast<std::uint8_t*>(av_malloc(kBufferBytes));
  if (buffer == nullptr) throw std::bad_alloc();
  format->pb = avio_alloc_context(buffer, kBufferBytes, 1, &bytes, nullptr, &Bytes::write, &Bytes::seek);
  if (format->pb == nullptr) throw std::bad_alloc();
  stream = avformat_new_stream(format, nullptr);
  if (stream == nullptr) throw std::bad_alloc();
  stream->time_base = codec->time_base;
  check(avcodec_parameters_from_context(stream->codecpar, codec.get()), "stream");
}

void FilmWriter::State::begin_file() {
  AVDictionary* settings = nullptr;
  if (options.format == FilmFormat::mp4) {
    // The index goes before the pictures, into room that is kept for it: 24 bytes a picture are enough.
    const double expected = options.seconds * rate;
    av_dict_set_int(&settings, "moov_size", 4096 + 32 * static_cast<std::int64_t>(std::ceil(expected)), 0);
  } else {
    av_dict_set_int(&settings, "final_delay", last_ticks, 0);
  }
  const int begun = avformat_write_header(format, &settings);
  av_dict_free(&settings);
  check(begun, "header");
}

void FilmWriter::State::send(const cv::Mat& rgba, std::int64_t at) {
  const LibavFrame frame = new_frame();
  frame->width = options.width;
  frame->height = options.height;
  frame->format = AV_PIX_FMT_RGBA;
  frame->pts = at;
  check(av_frame_get_buffer(frame.get(), 0), "picture");
  // What pads the rows may be read, too.
  std::fill_n(frame->buf[0]->data, frame->buf[0]->size, std::uint8_t{0});
  for (int y = 0; y < rgba.rows; ++y) std::copy_n(rgba.ptr(y), 4 * rgba.cols, frame->data[0] + y * frame->linesize[0]);
  check(av_buffersrc_add_frame(source, frame.get()), "picture");
  if (options.format == FilmFormat::mp4) drain();
}

void FilmWriter::State::drain() {
  for (;;) {
    const LibavFrame frame = new_frame();
    const int got = av_buffersink_get_frame(sink, frame.get());
    if (got == AVERROR(EAGAIN) || got == AVERROR_EOF) return;
    check(got, "filters");
    frame->pict_type = AV_PICTURE_TYPE_NONE;
    encode(frame.get());
  }
}

void FilmWriter::State::encode(const AVFrame* frame) {
  check(avcodec_send_frame(codec.get(), frame), "encoder");
  for (;;) {
    const LibavPacket packet = new_packet();
    const int got = avcodec_receive_packet(codec.get(), packet.get());
    if (got == AVERROR(EAGAIN) || got == AVERROR_EOF) return;
    check(got, "encoder");
    // Without one the last picture would have none, and be cut off.
    if (options.format == FilmFormat::mp4) packet->duration = 1;
    av_packet_rescale_ts(packet.get(), codec->time_base, stream->time_base);
    packet->stream_index = 0;
    check(av_interleaved_write_frame(format, packet.get()), "file");
  }
}

FilmWriter::FilmWriter(const FilmOptions& options) : state_(std::make_unique<State>()) {
  silence_libav();
  State& own = *state_;
  own.options = options;
  own.rate = options.format == FilmFormat::mp4 ? options.pictures_per_second : kHundredths;
  const int wanted = options.film_width > 0 ? options.film_width : options.width;
  own.width = wanted;
  own.height = static_cast<int>(std::lround(double(wanted) * options.height / options.width));
  if (options.format == FilmFormat::mp4) {
    own.width -= own.width % 2;
    own.height -= own.height % 2;
  }
  if (own.width < 16 || own.height < 16 || own.width > kMaxFilmSide || own.height > kMaxFilmSide)
    fail("a film of {}x{} px: from 16 to {} px a side", own.width, own.height, kMaxFilmSide);
  own.open_graph();
  own.open_encoder();
  own.open_file();
  if (options.format == FilmFormat::mp4) own.begin_file();
}

FilmWriter::~FilmWriter() = default;

void FilmWriter::add(const cv::Mat& rgba, double until) {
  State& own = *state_;
  if (rgba.type() != CV_8UC4 || rgba.cols != own.options.width || rgba.rows != own.options.height)
    fail("a film's picture has {}x{} px, not {}x{}", rgba.cols, rgba.rows, own.options.width, own.options.height);
  const auto end = static_cast<std::int64_t>(std::llround(until * own.rate));
  if (end <= own.ticks) return;  // too short to be seen
  own.last_ticks = end - own.ticks;
  if (own.options.format == FilmFormat::gif) own.send(rgba, own.ticks);
  for (std::int64_t at = own.ticks; own.options.format == FilmFormat::mp4 && at < end; ++at) own.send(rgba, at);
  own.ticks = end;
}

std::string FilmWriter::finish() {
  State& own = *state_;
  if (own.options.format == FilmFormat::gif) own.begin_file();
  check(av_buffersrc_add_frame(own.source, nullptr), "filters");
  own.drain();
  own.encode(nullptr);
  check(av_write_trailer(own.format), "file");
  avio_flush(own.format->pb);
  return std::move(own.bytes.data);
}

}  // namespace spinfill

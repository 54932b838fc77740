// SPDX-License-Identifier: Apache-2.0
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavfilter/avfilter.h>
#include <libavformat/avformat.h>
#include <libavutil/frame.h>
#include <libswscale/swscale.h>
}

#include <memory>
#include <string>

namespace spinfill {

// What ffmpeg's libraries give out, freed by their functions; their own messages are switched off.

template <class T, void (*Free)(T**)>
struct LibavFree {
  void operator()(T* object) const { Free(&object); }
};
using LibavFrame = std::unique_ptr<AVFrame, LibavFree<AVFrame, av_frame_free>>;
using LibavPacket = std::unique_ptr<AVPacket, LibavFree<AVPacket, av_packet_free>>;
using LibavCodec = std::unique_ptr<AVCodecContext, LibavFree<AVCodecContext, avcodec_free_context>>;
using LibavGraph = std::unique_ptr<AVFilterGraph, LibavFree<AVFilterGraph, avfilter_graph_free>>;
using LibavInput = std::unique_ptr<AVFormatContext, LibavFree<AVFormatContext, avformat_close_input>>;
struct SwsFree {
  void operator()(SwsContext* context) const { sws_freeContext(context); }
};
using LibavScaler = std::unique_ptr<SwsContext, SwsFree>;

LibavFrame new_frame();
LibavPacket new_packet();
void silence_libav();
std::string libav_error(int code);  // in words

}  // namespace spinfill

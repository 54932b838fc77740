// SPDX-License-Identifier: Apache-2.0
#include "data/films/libav.h"

#include <array>
#include <new>

namespace spinfill {

LibavFrame new_frame() {
  LibavFrame frame(av_frame_alloc());
  if (!frame) throw std::bad_alloc();
  return frame;
}

LibavPacket new_packet() {
  LibavPacket packet(av_packet_alloc());
  if (!packet) throw std::bad_alloc();
  return packet;
}

void silence_libav() {
  av_log_set_level(AV_LOG_QUIET);
}

std::string libav_error(int code) {
  std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
  av_strerror(code, text.data(), text.size());
  return text.data();
}

}  // namespace spinfill

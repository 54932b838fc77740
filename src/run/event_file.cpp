// SPDX-License-Identifier: Apache-2.0
#include "run/event_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>

#include "core/error.h"
#include "core/files/files.h"

namespace spinfill {
namespace {

// The few messages of tensorflow/core/{util/event,framework/summary,framework/tensor}.proto that are needed, in
// protobuf's wire format.
enum WireType { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

class Message {
 public:
  Message& number(int field, std::uint64_t value) {
    key(field, varint);
    append_varint(value);
    return *this;
  }
  Message& real(int field, double value) {
    key(field, fixed64);
    return raw(std::bit_cast<std::uint64_t>(value));
  }
  Message& single(int field, float value) {
    key(field, fixed32);
    return raw(std::bit_cast<std::uint32_t>(value));
  }
  Message& text(int field, std::string_view value) {
    key(field, bytes);
    append_varint(value.size());
    out_ += value;
    return *this;
  }
  Message& message(int field, const Message& value) { return text(field, value.out_); }
  std::string_view wire() const { return out_; }

 private:
  void key(int field, WireType type) { append_varint(static_cast<std::uint64_t>(field) << 3 | type); }
  void append_varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_ += static_cast<char>(value | 0x80);
    out_ += static_cast<char>(value);
  }
  template <class Word>
  Message& raw(Word word) {
    for (std::size_t i = 0; i < sizeof(Word); ++i) out_ += static_cast<char>(word >> (8 * i));
    return *this;
  }
  std::string out_;
};

template <class Word>
std::string little_endian(Word word) {
  std::string out;
  for (std::size_t i = 0; i < sizeof(Word); ++i) out += static_cast<char>(word >> (8 * i));
  return out;
}

double wall_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Message event(std::int64_t step) {
  Message out;
  out.real(1, wall_time()).number(2, static_cast<std::uint64_t>(step));
  return out;
}

Message summary_event(std::int64_t step, const Message& summary) {
  return event(step).message(5, summary);
}

std::uint32_t big_endian(std::string_view four) {
  std::uint32_t value = 0;
  for (const char c : four) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

}  // namespace

std::uint32_t masked_crc32c(std::string_view bytes) {
  static const std::array<std::uint32_t, 256> table = [] {
    std::array<std::uint32_t, 256> made{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t c = i;
      for (int bit = 0; bit < 8; ++bit) c = (c & 1) != 0 ? c >> 1 ^ 0x82F63B78U : c >> 1;
      made[i] = c;
    }
    return made;
  }();
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char c : bytes) crc = table[(crc ^ static_cast<unsigned char>(c)) & 0xFF] ^ crc >> 8;
  crc = ~crc;
  return (crc >> 15 | crc << 17) + 0xA282EAD8U;
}

EventFile::EventFile(const fs::path& folder, std::int64_t resumed_at) {
  make_folder(folder);
  char host[256] = "host";
  ::gethostname(host, sizeof(host) - 1);
  // TensorBoard reads files in the order of their names, and a restart may come within the same second.
  const auto stamp =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  path_ =
      folder / fmt::format("events.out.tfevents.{:010}.{:09}.{}", stamp / 1'000'000'000, stamp % 1'000'000'000, host);
  file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
  if (file_ < 0) fail("{}: cannot be written: {}", path_.string(), std::strerror(errno));
  Message first;
  first.real(1, wall_time()).text(3, "brain.Event:2");
  write(first.wire());
  if (resumed_at <= 0) return;
  constexpr std::uint64_t kStart = 1;
  write(event(resumed_at + 1).message(7, Message().number(1, kStart)).wire());  // steps from here on are void
}

EventFile::~EventFile() {
  if (file_ >= 0) ::close(file_);
}

void EventFile::scalars(std::int64_t step, const std::vector<std::pair<std::string, double>>& values) {
  Message summary;
  bool any = false;
  for (const auto& [tag, value] : values) {
    if (!std::isfinite(value)) continue;  // NaN leaves no gap in TensorBoard, it breaks the curve
    summary.message(1, Message().text(1, tag).single(2, static_cast<float>(value)));
    any = true;
  }
  if (any) write(summary_event(step, summary).wire());
}

void EventFile::image(std::int64_t step, const std::string& tag, std::string_view png) {
  if (png.size() < 24 || png.substr(1, 3) != "PNG") fail("{}: the picture '{}' is no PNG", path_.string(), tag);
  constexpr std::uint64_t kRgb = 3;
  Message picture;  // height, width, colour space, bytes
  picture.number(1, big_endian(png.substr(20, 4))).number(2, big_endian(png.substr(16, 4))).number(3, kRgb);
  picture.text(4, png);
  write(summary_event(step, Message().message(1, Message().text(1, tag).message(4, picture))).wire());
}

void EventFile::text(std::int64_t step, const std::string& tag, std::string_view markdown) {
  constexpr std::uint64_t kString = 7;  // DT_STRING
  Message tensor;
  tensor.number(1, kString).message(2, Message().message(2, Message().number(1, 1))).text(8, markdown);
  const Message metadata = Message().message(1, Message().text(1, "text"));
  const Message value = Message().text(1, tag).message(8, tensor).message(9, metadata);
  write(summary_event(step, Message().message(1, value)).wire());
}

void EventFile::write(std::string_view event) {
  const std::string length = little_endian(static_cast<std::uint64_t>(event.size()));
  const std::string record =
      length + little_endian(masked_crc32c(length)) + std::string(event) + little_endian(masked_crc32c(event));
  for (std::size_t done = 0; done < record.size();) {
    const ssize_t put = ::write(file_, record.data() + done, record.size() - done);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) fail("{}: cannot be written: {}", path_.string(), std::strerror(errno));
    done += static_cast<std::size_t>(put);
  }
}

}  // namespace spinfill

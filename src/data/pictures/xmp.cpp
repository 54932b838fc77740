// SPDX-License-Identifier: Apache-2.0
#include "data/pictures/xmp.h"

#include <zlib.h>

#include <webp/decode.h>

#include "core/error.h"
#include "data/pictures/chunks.h"

namespace spinfill {
namespace {

constexpr std::string_view kJpegName("http://ns.adobe.com/xap/1.0/\0", 29);
constexpr std::string_view kPngName("XML:com.adobe.xmp\0\0\0\0\0", 22);  // not compressed, of no language
constexpr std::string_view kPngMark("\x89PNG\r\n\x1a\n", 8);
constexpr unsigned char kHasXmp = 0x04, kHasAlpha = 0x10;  // of VP8X

std::string bytes_of(std::uint64_t value, int count, bool little_endian) {
  std::string out;
  for (int i = 0; i < count; ++i) out += static_cast<char>(value >> 8 * (little_endian ? i : count - 1 - i) & 0xFF);
  return out;
}

bool is_jpeg(std::string_view file) {
  return file.starts_with("\xFF\xD8");
}
bool is_webp(std::string_view file) {
  return file.size() >= 12 && file.starts_with("RIFF") && file.substr(8, 4) == "WEBP";
}

// Behind the header, which comes first.
std::string png_with_xmp(std::string_view file, std::string_view packet) {
  constexpr std::size_t kHeaderEnd = 8 + 12 + 13;
  std::string chunk = "iTXt";
  chunk.append(kPngName).append(packet);
  const uLong sum = ::crc32(0, reinterpret_cast<const Bytef*>(chunk.data()), static_cast<uInt>(chunk.size()));
  return std::string(file.substr(0, kHeaderEnd)) + bytes_of(chunk.size() - 4, 4, false) + chunk +
         bytes_of(sum, 4, false) + std::string(file.substr(kHeaderEnd));
}

// Behind JFIF's segment, which must come first.
std::string jpeg_with_xmp(std::string_view file, std::string_view packet) {
  std::size_t at = 2;
  if (file.substr(2, 2) == "\xFF\xE0")
    if (const auto length = integer_at(file, 4, 2, false)) at += 2 + *length;
  const std::size_t size = 2 + kJpegName.size() + packet.size();
  if (at > file.size() || size > 0xFFFF) fail("a JPEG cannot hold these metadata");
  std::string out(file.substr(0, at));
  out.append("\xFF\xE1").append(bytes_of(size, 2, false)).append(kJpegName).append(packet);
  return out.append(file.substr(at));
}

std::string webp_chunk(std::string_view type, std::string_view data) {
  std::string out(type);
  out.append(bytes_of(data.size(), 4, true)).append(data);
  if (data.size() % 2 == 1) out += '\0';
  return out;
}

// Metadata need the extended format, whose first chunk says what there is; they come last.
std::string webp_with_xmp(std::string_view file, std::string_view packet) {
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(reinterpret_cast<const std::uint8_t*>(file.data()), file.size(), &features) != VP8_STATUS_OK)
    fail("a WebP without a header cannot hold metadata");
  std::string extended, chunks;
  each_webp_chunk(file, [&](std::string_view type, std::string_view data) {
    (type == "VP8X" ? extended : chunks) += type == "VP8X" ? std::string(data) : webp_chunk(type, data);
    return true;
  });
  if (extended.size() != 10) {
    extended = std::string(4, '\0') + bytes_of(static_cast<std::uint64_t>(features.width) - 1, 3, true) +
               bytes_of(static_cast<std::uint64_t>(features.height) - 1, 3, true);
    if (features.has_alpha != 0) extended[0] = static_cast<char>(kHasAlpha);
  }
  extended[0] = static_cast<char>(extended[0] | kHasXmp);
  const std::string body = "WEBP" + webp_chunk("VP8X", extended) + chunks + webp_chunk("XMP ", packet);
  return "RIFF" + bytes_of(body.size(), 4, true) + body;
}

}  // namespace

std::string machine_made_xmp() {
  return "<?xpacket begin=\"\xEF\xBB\xBF\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n"
         "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">"
         "<rdf:Description rdf:about=\"\" xmlns:Iptc4xmpExt=\"http://iptc.org/std/Iptc4xmpExt/2008-02-29/\" "
         "Iptc4xmpExt:DigitalSourceType=\"http://cv.iptc.org/newscodes/digitalsourcetype/"
         "compositeWithTrainedAlgorithmicMedia\" xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\" "
         "xmp:CreatorTool=\"spinfill\"/></rdf:RDF></x:xmpmeta>\n<?xpacket end=\"r\"?>";
}

std::string with_xmp(std::string_view file, std::string_view packet) {
  if (file.starts_with(kPngMark)) return png_with_xmp(file, packet);
  if (is_jpeg(file)) return jpeg_with_xmp(file, packet);
  if (is_webp(file)) return webp_with_xmp(file, packet);
  fail("metadata are written into PNG, JPEG and WebP only");
}

std::string xmp_of(std::string_view file) {
  std::string packet;
  if (file.starts_with(kPngMark)) {
    each_png_chunk(file, [&](std::string_view type, std::string_view data) {
      if (type == "iTXt" && data.starts_with(kPngName)) packet = data.substr(kPngName.size());
      return packet.empty();
    });
  } else if (is_webp(file)) {
    each_webp_chunk(file, [&](std::string_view type, std::string_view data) {
      if (type == "XMP ") packet = data;
      return packet.empty();
    });
  } else if (is_jpeg(file)) {
    for (std::size_t at = 2; at + 4 <= file.size() && file[at] == '\xFF' && file[at + 1] != '\xDA';) {
      const std::uint64_t length = *integer_at(file, at + 2, 2, false);
      const std::string_view data = file.substr(at + 4, length < 2 ? 0 : length - 2);
      if (file[at + 1] == '\xE1' && data.starts_with(kJpegName)) return std::string(data.substr(kJpegName.size()));
      at += 2 + length;
    }
  }
  return packet;
}

}  // namespace spinfill

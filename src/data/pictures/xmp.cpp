// SPDX-License-Identifier: Apache-2.0
#include "data/pictures/xmp.h"

#include <zlib.h>

#include <webp/decode.h>

#include "core/error.h"
#include "data/pictures/chunks.h"
#include "data/pictures/heif.h"

namespace spinfill {
namespace {

constexpr std::string_view kJpegName("http://ns.adobe.com/xap/1.0/\0", 29);
constexpr std::string_view kPngName("XML:com.adobe.xmp\0\0\0\0\0", 22);  // not compressed, of no language
constexpr std::string_view kPngMark("\x89PNG\r\n\x1a\n", 8);
constexpr std::string_view kGifName("\x21\xFF\x0BXMP DataXMP", 14);  // an application extension
constexpr std::string_view kMp4Name("uuid\xBE\x7A\xCF\xCB\x97\xA9\x42\xE8\x9C\x71\x99\x94\x91\xE3\xAF\xAC", 20);
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

bool is_gif(std::string_view file) {
  return file.starts_with("GIF89a");
}
bool is_mp4(std::string_view file) {
  return file.size() >= 8 && file.substr(4, 4) == "ftyp" && !is_heif(file);
}

// Before the last byte, which ends the file. Readers that see sub-blocks in the packet, each as long as a letter's
// code, are brought to its end by bytes that count down.
std::string gif_with_xmp(std::string_view file, std::string_view packet) {
  std::string out(file.substr(0, file.size() - 1));
  out.append(kGifName).append(packet).append("\x01");
  for (int i = 255; i >= 0; --i) out += static_cast<char>(i);
  return out.append(1, '\0').append(file.substr(file.size() - 1));
}

// A box of its own, last.
std::string mp4_with_xmp(std::string_view file, std::string_view packet) {
  std::string out(file);
  return out.append(bytes_of(4 + kMp4Name.size() + packet.size(), 4, false)).append(kMp4Name).append(packet);
}

std::string gif_xmp(std::string_view file) {
  const std::size_t at = file.find(kGifName);
  if (at == file.npos) return {};
  const std::string_view rest = file.substr(at + kGifName.size());
  return std::string(rest.substr(0, rest.find(std::string_view("\x01\xFF\xFE", 3))));
}

std::string mp4_xmp(std::string_view file) {
  for (std::uint64_t at = 0; at + 8 <= file.size();) {
    const std::uint64_t size = *integer_at(file, at, 4, false);
    if (size < 8 || size > file.size() - at) return {};
    if (file.substr(at + 4).starts_with(kMp4Name))
      return std::string(file.substr(at + 4 + kMp4Name.size(), size - 4 - kMp4Name.size()));
    at += size;
  }
  return {};
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
  if (is_gif(file)) return gif_with_xmp(file, packet);
  if (is_mp4(file)) return mp4_with_xmp(file, packet);
  fail("metadata are written into PNG, JPEG, WebP, GIF and MP4 only");
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
  } else if (is_gif(file)) {
    packet = gif_xmp(file);
  } else if (is_mp4(file)) {
    packet = mp4_xmp(file);
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

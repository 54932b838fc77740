// SPDX-License-Identifier: Apache-2.0
#include "data/pictures/jpeg.h"

#include <cstdio>  // needed before jpeglib.h

#include <jpeglib.h>

#include <jerror.h>

#include <csetjmp>
#include <cstdlib>
#include <opencv2/core.hpp>

#include "core/error.h"
#include "data/pictures/exif.h"

namespace spinfill {
namespace {

struct JpegError {
  jpeg_error_mgr manager;  // must come first: libjpeg knows only this part
  std::jmp_buf jump;
  char text[JMSG_LENGTH_MAX] = "";
};

void jpeg_failed(j_common_ptr jpeg) {
  auto* error = reinterpret_cast<JpegError*>(jpeg->err);
  error->manager.format_message(jpeg, error->text);
  std::longjmp(error->jump, 1);
}

// libjpeg repairs damaged data with grey and warns; here that is an error. Harmless oddities of cameras' files pass.
void jpeg_message(j_common_ptr jpeg, int level) {
  const int code = jpeg->err->msg_code;
  if (level >= 0 || code == JWRN_EXTRANEOUS_DATA || code == JWRN_JFIF_MAJOR || code == JWRN_ADOBE_XFORM) return;
  jpeg_failed(jpeg);
}

// A few kilobytes of progressive JPEG can hold thousands of scans over a huge picture.
void jpeg_progress(j_common_ptr jpeg) {
  if (reinterpret_cast<j_decompress_ptr>(jpeg)->input_scan_number > 200) ERREXIT(jpeg, JERR_BAD_PROGRESSION);
}

// Calls a step of libjpeg; false when it failed. The step may hold trivial objects only: a failure jumps out of it.
template <class Step>
bool jpeg_step(JpegError& error, Step&& step) {
  if (setjmp(error.jump) != 0) return false;
  step();
  return true;
}

struct JpegReader {
  JpegError error;
  jpeg_decompress_struct jpeg{};
  jpeg_progress_mgr progress{};

  // Reads the header: all up to the first scan.
  JpegReader(std::string_view bytes, const std::string& where) {
    jpeg.err = jpeg_std_error(&error.manager);
    error.manager.error_exit = jpeg_failed;
    error.manager.emit_message = jpeg_message;
    progress.progress_monitor = jpeg_progress;
    jpeg_create_decompress(&jpeg);
    jpeg.progress = &progress;
    const bool read = jpeg_step(error, [&] {
      jpeg_mem_src(&jpeg, reinterpret_cast<const unsigned char*>(bytes.data()),
                   static_cast<unsigned long>(bytes.size()));
      jpeg_save_markers(&jpeg, JPEG_APP0 + 1, 0xFFFF);  // Exif
      jpeg_save_markers(&jpeg, JPEG_APP0 + 2, 0xFFFF);  // ICC
      jpeg_read_header(&jpeg, TRUE);
    });
    if (read) return;
    jpeg_destroy_decompress(&jpeg);
    fail_damaged(where);
  }
  ~JpegReader() { jpeg_destroy_decompress(&jpeg); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  [[noreturn]] void fail_damaged(const std::string& where) const {
    fail("{}: damaged or unsupported JPEG ({}): copy the picture again, or save it again as RGB", where, error.text);
  }

  int orientation() const {
    for (const auto* marker = jpeg.marker_list; marker != nullptr; marker = marker->next) {
      const std::string_view data(reinterpret_cast<const char*>(marker->data), marker->data_length);
      if (data.starts_with(std::string_view("Exif\0", 5))) return exif_orientation(data);
    }
    return 1;
  }

  std::string icc_profile() {
    JOCTET* data = nullptr;
    unsigned size = 0;
    bool found = false;
    jpeg_step(error, [&] { found = jpeg_read_icc_profile(&jpeg, &data, &size) != 0; });  // none where it is damaged
    const std::string out(reinterpret_cast<const char*>(data), found ? size : 0);
    std::free(data);
    return out;
  }
};

// The colours of printing.
bool is_cmyk(const jpeg_decompress_struct& jpeg) {
  return jpeg.jpeg_color_space == JCS_CMYK || jpeg.jpeg_color_space == JCS_YCCK;
}

}  // namespace

JpegHeader jpeg_header(std::string_view bytes, const std::string& where) {
  JpegReader reader(bytes, where);
  const jpeg_decompress_struct& jpeg = reader.jpeg;
  return {jpeg.image_width, jpeg.image_height, reader.orientation(), is_cmyk(jpeg), reader.icc_profile()};
}

cv::Mat decode_jpeg(std::string_view bytes, int width, int height, const std::string& where) {
  JpegReader reader(bytes, where);
  jpeg_decompress_struct& jpeg = reader.jpeg;
  if (static_cast<int>(jpeg.image_width) != width || static_cast<int>(jpeg.image_height) != height)
    fail("{}: is {}x{} px, not {}x{}", where, jpeg.image_width, jpeg.image_height, width, height);
  cv::Mat picture(height, width, CV_8UC4);
  const bool inks = is_cmyk(jpeg);
  const bool decoded = jpeg_step(reader.error, [&] {
    jpeg.out_color_space = inks ? JCS_CMYK : JCS_EXT_RGBA;
    jpeg_start_decompress(&jpeg);
    while (jpeg.output_scanline < jpeg.output_height) {
      JSAMPROW row = picture.data + static_cast<std::size_t>(jpeg.output_scanline) * picture.step[0];
      jpeg_read_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_decompress(&jpeg);
  });
  if (!decoded) reader.fail_damaged(where);
  if (inks && jpeg.saw_Adobe_marker) cv::bitwise_not(picture, picture);  // what it has is what the paper reflects
  return picture;
}

}  // namespace spinfill

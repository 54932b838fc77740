// SPDX-License-Identifier: Apache-2.0
#include "data/pictures/jpeg.h"

#include <cstdio>  // needed before jpeglib.h

#include <jpeglib.h>

#include <jerror.h>

#include <csetjmp>

#include "core/error.h"

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

// Calls setjmp in a function without destructors, so that a jump skips none.
bool run_jpeg(jpeg_decompress_struct& jpeg, JpegError& error, const std::string_view& bytes, cv::Mat& picture) {
  if (setjmp(error.jump) != 0) return false;
  jpeg_mem_src(&jpeg, reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<unsigned long>(bytes.size()));
  jpeg_read_header(&jpeg, TRUE);
  jpeg.out_color_space = JCS_EXT_RGBA;
  if (jpeg.jpeg_color_space == JCS_CMYK || jpeg.jpeg_color_space == JCS_YCCK) ERREXIT(&jpeg, JERR_CONVERSION_NOTIMPL);
  jpeg_start_decompress(&jpeg);
  if (static_cast<int>(jpeg.output_width) != picture.cols || static_cast<int>(jpeg.output_height) != picture.rows) {
    ERREXIT(&jpeg, JERR_IMAGE_TOO_BIG);
  }
  while (jpeg.output_scanline < jpeg.output_height) {
    JSAMPROW row = picture.data + static_cast<std::size_t>(jpeg.output_scanline) * picture.step[0];
    jpeg_read_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_decompress(&jpeg);
  return true;
}

}  // namespace

cv::Mat decode_jpeg(std::string_view bytes, int width, int height, const std::string& where) {
  cv::Mat picture(height, width, CV_8UC4);
  JpegError error;
  jpeg_decompress_struct jpeg{};
  jpeg_progress_mgr progress{};
  jpeg.err = jpeg_std_error(&error.manager);
  error.manager.error_exit = jpeg_failed;
  error.manager.emit_message = jpeg_message;
  progress.progress_monitor = jpeg_progress;
  jpeg_create_decompress(&jpeg);
  jpeg.progress = &progress;
  const bool done = run_jpeg(jpeg, error, bytes, picture);
  jpeg_destroy_decompress(&jpeg);
  if (!done) fail("{}: damaged or unsupported JPEG ({}): save the picture again as RGB", where, error.text);
  return picture;
}

}  // namespace spinfill

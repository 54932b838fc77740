// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include <opencv2/core/mat.hpp>

#include "core/files/json.h"

namespace spinfill::test {

// A real headless Chromium with one page, driven through the DevTools protocol over a pipe (file descriptors 3 and 4,
// messages end with a zero byte). Input is dispatched as a user's would be, not as script events.
class Browser {
 public:
  // Empty where no Chromium is installed (SPINFILL_CHROMIUM names one).
  static std::filesystem::path program();

  Browser(int width, int height, double pixel_ratio = 1, bool reduced_motion = false);
  ~Browser();
  Browser(const Browser&) = delete;
  Browser& operator=(const Browser&) = delete;

  void open(const std::string& url);             // returns when the page has loaded
  Json evaluate(const std::string& expression);  // its JSON value; throws on a script error
  void go_to(const std::string& hash);           // "#…" on the same page; returns when the page has heard of it
  void mouse(const std::string& type, double x, double y, int buttons = 1);  // mousePressed, mouseMoved, mouseReleased
  void wheel(double x, double y, double delta_y);
  void touch(const std::string& type, double x, double y);  // touchStart, touchMove, touchEnd
  void key(const std::string& key, int code);               // press and release; code: the Windows virtual key
  cv::Mat screenshot();                                     // 8-bit RGBA, device pixels
  const std::vector<std::string>& requests() const { return requests_; }  // every address the page asked for
  const std::vector<std::string>& problems() const { return problems_; }  // script errors and console messages

 private:
  Json call(const std::string& method, Json parameters = Json::object());
  Json receive();
  void note(const Json& event);
  std::filesystem::path profile_;
  pid_t process_ = -1;
  int to_ = -1, from_ = -1, next_ = 1;
  std::string session_, buffer_;
  bool loaded_ = false;
  std::vector<std::string> requests_, problems_;
};

}  // namespace spinfill::test

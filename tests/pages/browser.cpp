// SPDX-License-Identifier: Apache-2.0
#include "pages/browser.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "core/error.h"

namespace spinfill::test {
namespace {

constexpr int kPatienceMs = 60000;  // a cold start on a busy machine takes several seconds

std::string decoded_base64(const std::string& text) {
  std::string out;
  unsigned word = 0;
  int bits = 0;
  for (const char c : text) {
    const int digit = c >= 'A' && c <= 'Z'   ? c - 'A'
                      : c >= 'a' && c <= 'z' ? c - 'a' + 26
                      : c >= '0' && c <= '9' ? c - '0' + 52
                      : c == '+'             ? 62
                      : c == '/'             ? 63
                                             : -1;
    if (digit < 0) break;
    word = word << 6 | static_cast<unsigned>(digit);
    if ((bits += 6) >= 8) out += static_cast<char>(word >> (bits -= 8) & 255);
  }
  return out;
}

}  // namespace

std::filesystem::path Browser::program() {
  if (const char* given = std::getenv("SPINFILL_CHROMIUM")) return given;
  for (const char* path :
       {"/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/snap/bin/chromium"}) {
    if (::access(path, X_OK) == 0) return path;
  }
  return {};
}

Browser::Browser(int width, int height, double pixel_ratio, bool reduced_motion) {
  std::string pattern = (std::filesystem::temp_directory_path() / "spinfill-browser-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) fail("no temporary folder");
  profile_ = pattern;
  const std::string program = Browser::program().string(), data = "--user-data-dir=" + pattern;
  int down[2], up[2];  // to the browser, from the browser
  if (::pipe2(down, O_CLOEXEC) != 0 || ::pipe2(up, O_CLOEXEC) != 0) fail("no pipe");
  process_ = ::fork();
  if (process_ == 0) {
    ::setpgid(0, 0);
    // Out of the way of 3 and 4 first.
    const int in = ::fcntl(down[0], F_DUPFD, 10), out = ::fcntl(up[1], F_DUPFD, 10);
    ::dup2(in, 3);
    ::dup2(out, 4);
    const int null = ::open("/dev/null", O_RDWR);
    ::dup2(null, 0);
    ::dup2(null, 1);
    ::dup2(null, 2);
    ::setenv("HOME", pattern.c_str(), 1);
    ::execl(program.c_str(), program.c_str(), "--headless=new", "--remote-debugging-pipe", "--no-sandbox",
            "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--mute-audio", data.c_str(),
            "about:blank", nullptr);
    ::_exit(127);
  }
  ::close(down[0]);
  ::close(up[1]);
  to_ = down[1];
  from_ = up[0];
  std::signal(SIGPIPE, SIG_IGN);
  const Json target = call("Target.createTarget", {{"url", "about:blank"}});
  session_ = call("Target.attachToTarget", {{"targetId", target.at("targetId")}, {"flatten", true}}).at("sessionId");
  call("Page.enable");
  call("Network.enable");
  call("Runtime.enable");
  call("Log.enable");
  call("Emulation.setDeviceMetricsOverride",
       {{"width", width}, {"height", height}, {"deviceScaleFactor", pixel_ratio}, {"mobile", false}});
  call("Emulation.setEmulatedMedia",
       {{"features", {{{"name", "prefers-reduced-motion"}, {"value", reduced_motion ? "reduce" : "no-preference"}}}}});
}

Browser::~Browser() {
  ::close(to_);
  ::close(from_);
  if (process_ > 0) {
    ::kill(-process_, SIGTERM);
    for (int i = 0; i < 100 && ::waitpid(process_, nullptr, WNOHANG) == 0; ++i) ::usleep(50000);
    ::kill(-process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
  std::error_code ignored;
  std::filesystem::remove_all(profile_, ignored);
}

Json Browser::receive() {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatienceMs);
  for (;;) {
    if (const std::size_t end = buffer_.find('\0'); end != std::string::npos) {
      Json message = Json::parse(buffer_.substr(0, end));
      buffer_.erase(0, end + 1);
      return message;
    }
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    pollfd wait{from_, POLLIN, 0};
    if (left <= 0 || ::poll(&wait, 1, static_cast<int>(left)) <= 0) fail("the browser does not answer");
    char chunk[65536];
    const ssize_t got = ::read(from_, chunk, sizeof chunk);
    if (got <= 0) fail("the browser has gone");
    buffer_.append(chunk, static_cast<std::size_t>(got));
  }
}

void Browser::note(const Json& event) {
  const std::string method = event.value("method", "");
  if (method == "Page.loadEventFired" || method == "Page.navigatedWithinDocument") loaded_ = true;
  if (method == "Network.requestWillBeSent") requests_.push_back(event["params"]["request"]["url"]);
  if (method == "Runtime.exceptionThrown" || method == "Runtime.consoleAPICalled" || method == "Log.entryAdded")
    problems_.push_back(event.dump());
}

Json Browser::call(const std::string& method, Json parameters) {
  Json message = {{"id", next_}, {"method", method}, {"params", std::move(parameters)}};
  if (!session_.empty()) message["sessionId"] = session_;
  const std::string text = message.dump() + '\0';
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t put = ::write(to_, text.data() + done, text.size() - done);
    if (put < 0) fail("the browser takes no messages");
    done += static_cast<std::size_t>(put);
  }
  for (;;) {
    Json answer = receive();
    if (answer.value("id", 0) != next_) {
      note(answer);
      continue;
    }
    ++next_;
    if (answer.contains("error")) fail("{}: {}", method, answer["error"].dump());
    return answer.at("result");
  }
}

void Browser::open(const std::string& url) {
  loaded_ = false;
  requests_.clear();
  problems_.clear();
  call("Page.navigate", {{"url", url}});
  while (!loaded_) note(receive());
}

Json Browser::evaluate(const std::string& expression) {
  const Json answer =
      call("Runtime.evaluate", {{"expression", expression}, {"returnByValue", true}, {"awaitPromise", true}});
  if (answer.contains("exceptionDetails")) fail("{}: {}", expression, answer["exceptionDetails"].dump());
  return answer["result"].contains("value") ? answer["result"]["value"] : Json();
}

// The event comes some time after the address has changed: what is done before that would be undone by it.
void Browser::go_to(const std::string& hash) {
  const std::string wanted = Json(hash).dump();
  evaluate("new Promise(r => { if (location.hash === " + wanted + ") return r(true);" +
           " addEventListener('hashchange', () => r(true), { once: true }); location.hash = " + wanted + "; })");
}

void Browser::mouse(const std::string& type, double x, double y, int buttons) {
  call("Input.dispatchMouseEvent",
       {{"type", type}, {"x", x}, {"y", y}, {"button", "left"}, {"buttons", buttons}, {"clickCount", 1}});
}

void Browser::wheel(double x, double y, double delta_y) {
  call("Input.dispatchMouseEvent", {{"type", "mouseWheel"}, {"x", x}, {"y", y}, {"deltaX", 0}, {"deltaY", delta_y}});
}

void Browser::touch(const std::string& type, double x, double y) {
  Json points = Json::array();
  if (type != "touchEnd") points.push_back({{"x", x}, {"y", y}});
  call("Input.dispatchTouchEvent", {{"type", type}, {"touchPoints", points}});
}

void Browser::key(const std::string& key, int code) {
  for (const char* type : {"keyDown", "keyUp"}) {
    call("Input.dispatchKeyEvent", {{"type", type}, {"key", key}, {"windowsVirtualKeyCode", code}});
  }
}

cv::Mat Browser::screenshot() {
  const std::string png = decoded_base64(call("Page.captureScreenshot", {{"format", "png"}}).at("data"));
  cv::Mat picture = cv::imdecode(std::vector<unsigned char>(png.begin(), png.end()), cv::IMREAD_COLOR);
  cv::cvtColor(picture, picture, cv::COLOR_BGR2RGBA);
  return picture;
}

}  // namespace spinfill::test

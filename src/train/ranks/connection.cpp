// SPDX-License-Identifier: Apache-2.0
#include "train/ranks/connection.h"

#include <algorithm>
#include <cstdlib>

#include "core/error.h"

namespace spinfill {

using std::chrono::milliseconds;

namespace {

constexpr std::size_t kMostNamed = 4;  // ranks in one message

std::int64_t now_ms() {
  return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::vector<std::uint8_t> bytes_of(const std::string& text) {
  return {text.begin(), text.end()};
}

std::string text_at(c10d::Store& store, const std::string& key) {
  const std::vector<std::uint8_t> value = store.get(key);
  return {value.begin(), value.end()};
}

std::string place_key(int rank) {
  return fmt::format("at/{}", rank);
}
std::string failure_key(int rank) {
  return fmt::format("failed/{}", rank);
}

struct Other {
  std::int64_t seen;  // ms; 0: it failed, 1: it never began
  std::string text;
};

Other told_by(c10d::Store& store, int rank) {
  if (store.check({failure_key(rank)}))
    return {0, fmt::format("rank {} failed: {}", rank, text_at(store, failure_key(rank)))};
  if (!store.check({place_key(rank)})) return {1, fmt::format("rank {} never began", rank)};
  const std::string text = text_at(store, place_key(rank));  // "TIME step …"
  const std::int64_t seen = std::strtoll(text.c_str(), nullptr, 10);
  return {seen, fmt::format("rank {} was last seen at {}, {:.0f} s ago", rank, text.substr(text.find(' ') + 1),
                            static_cast<double>(now_ms() - seen) / 1000)};
}

}  // namespace

milliseconds milliseconds_of(double seconds) {
  return milliseconds(static_cast<std::int64_t>(1000 * seconds));
}

std::string first_line(const std::string& text) {
  std::string line = text.substr(0, text.find('\n'));
  if (!line.empty() && line.front() == '[') {
    const std::size_t end = line.find("] ");
    if (end != std::string::npos) line.erase(0, end + 2);
  }
  return line;
}

void set_place(c10d::Store& store, int rank, std::int64_t step, const std::string& phase) {
  store.set(place_key(rank), bytes_of(fmt::format("{} step {} ({})", now_ms(), step, phase)));
}

void set_failure(c10d::Store& store, int rank, std::int64_t step, const std::string& phase, const std::string& why) {
  store.set(failure_key(rank), bytes_of(fmt::format("step {} ({}): {}", step, phase, first_line(why).substr(0, 400))));
}

std::string others_told(c10d::Store& store, const RankPlace& place) {
  std::vector<Other> others;
  for (int rank = 0; rank < place.world; ++rank) {
    if (rank != place.rank) others.push_back(told_by(store, rank));
  }
  std::ranges::sort(others, {}, &Other::seen);
  if (!others.empty() && others.front().seen == 0)  // what failed by itself explains the rest
    std::erase_if(others, [](const Other& other) { return other.seen != 0; });
  std::string text;
  for (std::size_t i = 0; i < std::min(others.size(), kMostNamed); ++i) text += (i > 0 ? "; " : "") + others[i].text;
  if (others.size() > kMostNamed) text += fmt::format("; and {} more", others.size() - kMostNamed);
  return text;
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "train/ranks/connection.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

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
std::string end_key(int rank) {
  return fmt::format("ended/{}", rank);
}
std::string beat_key(int rank) {
  return fmt::format("beat/{}", rank);
}
constexpr const char* kOver = "over";

constexpr double kStanding = 10;   // seconds in one place that are told
constexpr double kBeatsApart = 5;  // between the last beats of two that live

struct Other {
  enum class State { failed, ended, never_began, silent, works, waits } state;
  std::int64_t seen = 0;  // ms
  std::string text;
};

Other told_by(c10d::Store& store, int rank) {
  using State = Other::State;
  if (store.check({failure_key(rank)}))
    return {State::failed, 0, fmt::format("rank {} failed: {}", rank, text_at(store, failure_key(rank)))};
  const std::string end = store.check({end_key(rank)}) ? text_at(store, end_key(rank)) : "";
  if (!store.check({place_key(rank)}))
    return {end.empty() ? State::never_began : State::ended, 0,
            fmt::format("rank {} {}", rank, end.empty() ? "never began" : end)};
  const std::string place = text_at(store, place_key(rank));  // "TIME step …"
  const std::string beat = beat_of(store, rank);              // "TIME works"
  const std::int64_t there = std::strtoll(place.c_str(), nullptr, 10);
  const std::int64_t seen = std::max<std::int64_t>(there, std::strtoll(beat.c_str(), nullptr, 10));
  // The machines' clocks need not agree.
  const auto ago = [now = now_ms()](std::int64_t time) {
    return static_cast<double>(std::max<std::int64_t>(0, now - time)) / 1000;
  };
  Other other{
      beat.ends_with(" waits") ? State::waits : State::works, seen,
      fmt::format("rank {} was last seen at {}, {:.0f} s ago", rank, place.substr(place.find(' ') + 1), ago(seen))};
  if (ago(there) - ago(seen) > kStanding) other.text += fmt::format(", and there for {:.0f} s", ago(there) - ago(seen));
  if (!end.empty()) other = {State::ended, seen, other.text + ", and " + end};
  return other;
}

}  // namespace

std::string store_prefix() {
  const char* attempt = std::getenv("TORCHELASTIC_RESTART_COUNT");
  return fmt::format("spinfill/{}", attempt == nullptr ? "0" : attempt);
}

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

void set_beat(c10d::Store& store, int rank, bool waits) {
  store.set(beat_key(rank), bytes_of(fmt::format("{} {}", now_ms(), waits ? "waits" : "works")));
}

std::string beat_of(c10d::Store& store, int rank) {
  return store.check({beat_key(rank)}) ? text_at(store, beat_key(rank)) : "";
}

void set_end(c10d::Store& store, int rank, const std::string& how) {
  store.set(end_key(rank), bytes_of(how));
}

void say_over(c10d::Store& store, const std::string& why) {
  store.set(kOver, bytes_of(why));
}

std::string said_over(c10d::Store& store) {
  return store.check({kOver}) ? text_at(store, kOver) : "";
}

std::string others_told(c10d::Store& store, const RankPlace& place) {
  std::vector<Other> others;
  for (int rank = 0; rank < place.world; ++rank) {
    if (rank != place.rank) others.push_back(told_by(store, rank));
  }
  std::int64_t newest = 0;
  for (const Other& other : others) newest = std::max(newest, other.seen);
  for (Other& other : others) {
    if (other.state >= Other::State::works && static_cast<double>(newest - other.seen) / 1000 > kBeatsApart)
      other.state = Other::State::silent;
  }
  std::ranges::stable_sort(others, {}, [](const Other& other) { return std::pair(other.state, other.seen); });
  if (!others.empty() && others.front().state <= Other::State::ended)  // what ended by itself explains the rest
    std::erase_if(others, [](const Other& other) { return other.state > Other::State::ended; });
  std::string text;
  for (std::size_t i = 0; i < std::min(others.size(), kMostNamed); ++i) text += (i > 0 ? "; " : "") + others[i].text;
  if (others.size() > kMostNamed) text += fmt::format("; and {} more", others.size() - kMostNamed);
  return text;
}

}  // namespace spinfill

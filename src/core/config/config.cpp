// SPDX-License-Identifier: Apache-2.0
#include "core/config/config.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>

#include "core/config/tree.h"
#include "core/error.h"

namespace spinfill {

using config_detail::choices_text;
using config_detail::Node;
using config_detail::number_text;
using config_detail::range_text;

namespace {

class Reader : public Fields {
 public:
  explicit Reader(const Node& root) { levels_.push_back({&root, "", {}}); }

  void number(const char* name, double& value, const char*, double low, double high) override {
    if (const Node* node = take(name)) value = read_double(*node, name, low, high);
  }
  void number(const char* name, std::int64_t& value, const char*, std::int64_t low, std::int64_t high) override {
    if (const Node* node = take(name)) value = read_integer(*node, name, low, high);
  }
  void number(const char* name, PerLevel& value, const char*, std::int64_t low, std::int64_t high) override {
    const Node* node = take(name);
    if (node == nullptr) return;
    if (node->kind != Node::Kind::list) {
      value = read_integer(*node, name, low, high);
      return;
    }
    std::vector<std::int64_t> each;
    for (const Node& item : node->items) each.push_back(read_integer(item, name, low, high));
    if (each.empty()) wrong(*node, name, "a number, or a list of them");
    value = each;
  }
  void flag(const char* name, bool& value, const char*) override {
    const Node* node = take(name);
    if (node == nullptr) return;
    if (node->kind == Node::Kind::scalar && !node->quoted && (node->scalar == "true" || node->scalar == "false")) {
      value = node->scalar == "true";
    } else {
      wrong(*node, name, "true or false");
    }
  }
  void text(const char* name, std::string& value, const char*) override {
    if (const Node* node = take(name)) value = read_text(*node, name, {});
  }
  void choice(const char* name, std::string& value, const std::vector<std::string>& allowed, const char*) override {
    if (const Node* node = take(name)) value = read_text(*node, name, allowed);
  }
  void preset(const char* name, const std::vector<Preset>& presets, const char*) override {
    const Node* node = take(name);
    if (node == nullptr) return;
    const std::string chosen = read_text(*node, name, preset_names(presets));
    Level& level = levels_.back();
    level.preset = config_detail::from_json(std::ranges::find(presets, chosen, &Preset::name)->values, node->place);
    level.preset.by_override = node->by_override;
  }
  void list(const char* name, std::vector<std::int64_t>& value, const char*, std::int64_t low,
            std::int64_t high) override {
    read_list(name, value, [&](const Node& item) { return read_integer(item, name, low, high); });
  }
  void list(const char* name, std::vector<double>& value, const char*, double low, double high) override {
    read_list(name, value, [&](const Node& item) { return read_double(item, name, low, high); });
  }
  void list(const char* name, std::vector<std::string>& value, const std::vector<std::string>& allowed,
            const char*) override {
    read_list(name, value, [&](const Node& item) { return read_text(item, name, allowed); });
  }
  void require(bool holds, const std::string& message) override {
    if (holds) return;
    const Level& level = levels_.back();
    fail_usage("{}: {}{}", level.node->place, level.path, message);
  }
  void require_at(const std::string& key, bool holds, const std::string& message) override {
    if (holds) return;
    const Level& level = levels_.back();
    const Node* node = level.node;
    for (std::size_t start = 0; start <= key.size();) {
      const std::size_t dot = std::min(key.find('.', start), key.size());
      const std::string part = key.substr(start, dot - start);
      const Node* found = find(*node, part);
      if (found == nullptr) break;  // a default: the group's place
      node = found;
      start = dot + 1;
    }
    fail_usage("{}: {}{} {}", node->place, level.path, key, message);
  }

  // Every key that no field asked for is unknown.
  void check_unknown() const {
    const Level& level = levels_.back();
    if (level.node->kind == Node::Kind::null) return;
    for (const auto& [key, value] : level.node->entries) {
      if (std::find(level.known.begin(), level.known.end(), key) != level.known.end()) continue;
      const auto meant = did_you_mean(key, level.known);
      fail_usage("{}: unknown key '{}{}'{}", value.place, level.path, key,
                 meant ? fmt::format(", did you mean '{}{}'?", level.path, *meant)
                       : fmt::format("; allowed here: {}", fmt::join(level.known, ", ")));
    }
  }

 protected:
  bool open(const char* name, const char*) override {
    static const Node empty;
    const Node* node = take(name);
    if (node == nullptr) node = &empty;
    if (node->kind != Node::Kind::map && node->kind != Node::Kind::null) wrong(*node, name, "a group of keys");
    levels_.push_back({node, levels_.back().path + name + ".", {}});
    return true;
  }
  void close() override {
    check_unknown();
    levels_.pop_back();
  }

 private:
  struct Level {
    const Node* node;
    std::string path;
    std::vector<std::string> known;
    Node preset{};  // values of the preset that was named in this group
  };

  const Node* take(const char* name) {
    Level& level = levels_.back();
    level.known.emplace_back(name);
    const Node* given = find(*level.node, name);
    const Node* preset = find(level.preset, name);
    const bool given_first = given != nullptr && (given->by_override || !level.preset.by_override);
    return preset == nullptr || given_first ? given : preset;
  }
  static const Node* find(const Node& group, const std::string& name) {
    for (const auto& [key, value] : group.entries) {
      if (key == name) return &value;
    }
    return nullptr;
  }

  [[noreturn]] void wrong(const Node& node, const char* name, const std::string& expected) const {
    std::string given = node.kind == Node::Kind::scalar ? "'" + node.scalar.substr(0, 60) + "'"
                        : node.kind == Node::Kind::list ? "a list"
                        : node.kind == Node::Kind::map  ? "a group"
                                                        : "nothing";
    std::replace(given.begin(), given.end(), '\n', ' ');
    fail_usage("{}: {}{} is {}, but must be {}", node.place, levels_.back().path, name, given, expected);
  }

  double read_double(const Node& node, const char* name, double low, double high) const {
    double value = 0;
    const bool ok = node.kind == Node::Kind::scalar && !node.quoted && parse(node.scalar, value);
    if (!ok || !std::isfinite(value) || value < low || value > high) wrong(node, name, range_text(low, high));
    return value;
  }
  std::int64_t read_integer(const Node& node, const char* name, std::int64_t low, std::int64_t high) const {
    std::int64_t value = 0;
    const bool ok = node.kind == Node::Kind::scalar && !node.quoted && parse(node.scalar, value);
    if (!ok || value < low || value > high) wrong(node, name, range_text(low, high));
    return value;
  }
  std::string read_text(const Node& node, const char* name, const std::vector<std::string>& allowed) const {
    if (node.kind == Node::Kind::null && allowed.empty()) return "";
    const bool ok = node.kind == Node::Kind::scalar &&
                    (allowed.empty() || std::find(allowed.begin(), allowed.end(), node.scalar) != allowed.end());
    if (!ok) {
      const auto meant = node.kind == Node::Kind::scalar ? did_you_mean(node.scalar, allowed) : std::nullopt;
      wrong(node, name, choices_text(allowed) + (meant ? fmt::format(" (did you mean '{}'?)", *meant) : ""));
    }
    return node.scalar;
  }
  template <class T, class ReadItem>
  void read_list(const char* name, std::vector<T>& value, ReadItem&& read_item) {
    const Node* node = take(name);
    if (node == nullptr) return;
    if (node->kind != Node::Kind::list) wrong(*node, name, "a list, as in [a, b]");
    std::vector<T> items;
    for (const Node& item : node->items) items.push_back(read_item(item));
    value = std::move(items);
  }
  template <class T>
  static bool parse(const std::string& text, T& value) {
    if (text.empty() || std::isspace(static_cast<unsigned char>(text.front()))) return false;
    char* end = nullptr;
    errno = 0;
    if constexpr (std::is_same_v<T, double>) {
      if (text.find_first_of("xX") != std::string::npos) return false;
      value = std::strtod(text.c_str(), &end);
    } else {
      value = std::strtoll(text.c_str(), &end, 10);
    }
    return errno == 0 && end == text.c_str() + text.size();
  }

  std::vector<Level> levels_;
};

void read_tree(const Node& root, const std::string& where, const BindFunction& bind) {
  if (root.kind != Node::Kind::map && root.kind != Node::Kind::null) {
    fail_usage("{}: a configuration is a group of 'key: value' lines", where);
  }
  Reader reader(root);
  bind(reader);
  reader.check_unknown();
}

}  // namespace

std::vector<std::string> preset_names(const std::vector<Preset>& presets) {
  std::vector<std::string> names;
  for (const Preset& preset : presets) names.push_back(preset.name);
  return names;
}

Override parse_override(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) fail_usage("--set {}: must look like key.path=value", text);
  return {text.substr(0, equals), text.substr(equals + 1)};
}

void read_config_text(const std::string& yaml, const std::string& where, const std::vector<Override>& overrides,
                      const BindFunction& bind) {
  Node root = config_detail::parse_yaml(yaml, where);
  for (const Override& override : overrides) config_detail::apply_override(root, override);
  read_tree(root, where, bind);
}

void config_from_json(const Json& value, const std::string& where, const BindFunction& bind) {
  read_tree(config_detail::from_json(value, where), where, bind);
}

namespace {

std::size_t edit_distance(const std::string& word, const std::string& candidate) {
  std::vector<std::size_t> row(candidate.size() + 1);  // Levenshtein distance, one row at a time
  for (std::size_t j = 0; j <= candidate.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= word.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= candidate.size(); ++j) {
      const std::size_t substitute = diagonal + (word[i - 1] == candidate[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitute});
    }
  }
  return row.back();
}

}  // namespace

std::optional<std::string> did_you_mean(const std::string& word, const std::vector<std::string>& candidates) {
  std::optional<std::string> best;
  std::size_t best_distance = 1 + std::max<std::size_t>(2, word.size() / 3);
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::vector<std::string> nearest_words(const std::string& word, const std::vector<std::string>& candidates,
                                       std::size_t count) {
  std::vector<std::pair<std::size_t, std::string>> by_distance;
  for (const std::string& candidate : candidates) by_distance.emplace_back(edit_distance(word, candidate), candidate);
  std::ranges::stable_sort(by_distance, {}, &std::pair<std::size_t, std::string>::first);
  std::vector<std::string> nearest;
  for (std::size_t i = 0; i < by_distance.size() && i < count; ++i) nearest.push_back(by_distance[i].second);
  return nearest;
}

}  // namespace spinfill

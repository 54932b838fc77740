// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "core/config/named.h"
#include "core/config/per_level.h"
#include "core/files/files.h"
#include "core/files/json.h"

namespace spinfill {

// A name and the values that it stands for, as keys of an object.
struct Preset {
  std::string name;
  Json values;
};
std::vector<std::string> preset_names(const std::vector<Preset>& presets);

// An options struct names each of its fields once, in bind(); reading, checking, printing and storing all use that:
//
//   struct OptimizerConfig {
//     double learning_rate = 3e-4;
//     void bind(Fields& f) { f.number("learning_rate", learning_rate, "Peak learning rate", 0, 1); }
//   };
class Fields {
 public:
  virtual ~Fields() = default;
  // Ranges are inclusive. Help texts give the unit.
  virtual void number(const char* name, double& value, const char* help, double low, double high) = 0;
  virtual void number(const char* name, std::int64_t& value, const char* help, std::int64_t low, std::int64_t high) = 0;
  // One number, or a list with one for each level.
  virtual void number(const char* name, PerLevel& value, const char* help, std::int64_t low, std::int64_t high) = 0;
  virtual void flag(const char* name, bool& value, const char* help) = 0;
  virtual void text(const char* name, std::string& value, const char* help) = 0;
  virtual void choice(const char* name, std::string& value, const std::vector<std::string>& allowed,
                      const char* help) = 0;
  template <class Enum>
  requires std::is_enum_v<Enum>
  void choice(const char* name, Enum& value, const char* help) {  // core/config/named.h
    std::string text = name_of(value);
    choice(name, text, names_of<Enum>(), help);
    if (const auto named = value_named<Enum>(text)) value = *named;
  }
  // A name for the values of several fields, which are bound after it. Keys in the file or in --set override single
  // values, wherever they stand; a name given by --set takes precedence over the file's values. The name is neither
  // printed nor stored, the values are: what was stored does not depend on what the name stands for.
  virtual void preset(const char* name, const std::vector<Preset>& presets, const char* help) = 0;
  virtual void list(const char* name, std::vector<std::int64_t>& value, const char* help, std::int64_t low,
                    std::int64_t high) = 0;
  virtual void list(const char* name, std::vector<double>& value, const char* help, double low, double high) = 0;
  virtual void list(const char* name, std::vector<std::string>& value, const std::vector<std::string>& allowed,
                    const char* help) = 0;  // an empty `allowed` allows any text
  template <class T>
  void group(const char* name, T& value, const char* help) {
    if (!open(name, help)) return;
    value.bind(*this);
    close();
  }
  // A condition over several fields; the message is shown after the group's place.
  virtual void require(bool holds, const std::string& message) = 0;
  // The same; the message begins with the key's path and shows where the key was given. `key` is a path below the
  // group: "train.freeze".
  virtual void require_at(const std::string& key, bool holds, const std::string& message) = 0;

 protected:
  virtual bool open(const char* name, const char* help) = 0;
  virtual void close() = 0;
};

// "a.b=value" with a YAML value.
struct Override {
  std::string key, value;
};
Override parse_override(const std::string& text);  // exit 2 on a missing '='

using BindFunction = std::function<void(Fields&)>;

// Reads YAML text into what `bind` binds. An unknown key, a wrong type, an out-of-range value, an anchor or alias, a
// duplicate key or a document over 1 MiB is one error (exit 2): file:line, key, what is allowed, "did you mean".
void read_config_text(const std::string& yaml, const std::string& where, const std::vector<Override>& overrides,
                      const BindFunction& bind);
void print_config(std::string& out, const BindFunction& bind, bool with_help);
Json config_to_json(const BindFunction& bind);
void config_from_json(const Json& value, const std::string& where, const BindFunction& bind);

template <class T>
T load_config(const std::filesystem::path& path, const std::vector<Override>& overrides = {}) {
  T config;
  read_config_text(read_file(path, 1 << 20), path.string(), overrides, [&](Fields& f) { config.bind(f); });
  return config;
}
// YAML with every field; with_help adds each field's help, range and unit as a comment.
template <class T>
std::string to_yaml(T config, bool with_help = true) {
  std::string out;
  print_config(
      out, [&](Fields& f) { config.bind(f); }, with_help);
  return out;
}
template <class T>
Json to_json(T config) {
  return config_to_json([&](Fields& f) { config.bind(f); });
}
template <class T>
T from_json(const Json& value, const std::string& where) {
  T config;
  config_from_json(value, where, [&](Fields& f) { config.bind(f); });
  return config;
}

// The candidate nearest to `word` by edit distance, if near enough to be meant.
std::optional<std::string> did_you_mean(const std::string& word, const std::vector<std::string>& candidates);
// The `count` candidates nearest to it by edit distance, nearest first, however far.
std::vector<std::string> nearest_words(const std::string& word, const std::vector<std::string>& candidates,
                                       std::size_t count);

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include <fmt/ranges.h>

#include <cctype>

#include "core/config/config.h"
#include "core/config/tree.h"
#include "core/files/json.h"
#include "core/text.h"

namespace spinfill {

using config_detail::choices_text;
using config_detail::number_text;
using config_detail::range_text;

namespace {

// A text in double quotes wherever YAML could read it as something else.
std::string yaml_text(const std::string& text) {
  const bool plain = !text.empty() &&
                     text.find_first_not_of(
                         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                         "0123456789_-+/.") == std::string::npos &&
                     std::isalpha(static_cast<unsigned char>(text.front())) && text != "true" && text != "false" &&
                     text != "null" && text != "yes" && text != "no" && text != "on" && text != "off";
  return plain ? text : escaped_json(Json(text).dump());
}

class Printer : public Fields {
 public:
  Printer(std::string& out, bool with_help) : out_(out), with_help_(with_help) {}

  void number(const char* name, double& value, const char* help, double low, double high) override {
    line(name, number_text(value), help, range_text(low, high));
  }
  void number(const char* name, std::int64_t& value, const char* help, std::int64_t low, std::int64_t high) override {
    line(name, std::to_string(value), help, range_text(low, high));
  }
  void number(const char* name, PerLevel& value, const char* help, std::int64_t low, std::int64_t high) override {
    line(name, value.text(), help, range_text(low, high) + ", or a list of them");
  }
  void flag(const char* name, bool& value, const char* help) override {
    line(name, value ? "true" : "false", help, "");
  }
  void text(const char* name, std::string& value, const char* help) override { line(name, yaml_text(value), help, ""); }
  void choice(const char* name, std::string& value, const std::vector<std::string>& allowed,
              const char* help) override {
    line(name, yaml_text(value), help, choices_text(allowed));
  }
  void preset(const char* name, const std::vector<Preset>& presets, const char* help) override {
    if (with_help_) line(fmt::format("# {}", name).c_str(), "NAME", help, choices_text(preset_names(presets)));
  }
  void list(const char* name, std::vector<std::int64_t>& value, const char* help, std::int64_t low,
            std::int64_t high) override {
    line(name, fmt::format("[{}]", fmt::join(value, ", ")), help, "each " + range_text(low, high));
  }
  void list(const char* name, std::vector<double>& value, const char* help, double low, double high) override {
    std::vector<std::string> items;
    for (double item : value) items.push_back(number_text(item));
    line(name, fmt::format("[{}]", fmt::join(items, ", ")), help, "each " + range_text(low, high));
  }
  void list(const char* name, std::vector<std::string>& value, const std::vector<std::string>& allowed,
            const char* help) override {
    std::vector<std::string> items;
    for (const auto& item : value) items.push_back(yaml_text(item));
    line(name, fmt::format("[{}]", fmt::join(items, ", ")), help,
         allowed.empty() ? "" : "each " + choices_text(allowed));
  }
  void require(bool, const std::string&) override {}
  void require_at(const std::string&, bool, const std::string&) override {}

 protected:
  bool open(const char* name, const char* help) override {
    const std::string key = fmt::format("{}{}:", std::string(indent_, ' '), name);
    out_ += with_help_ ? fmt::format("{:<44} # {}\n", key, help) : key + "\n";
    indent_ += 2;
    return true;
  }
  void close() override { indent_ -= 2; }

 private:
  void line(const char* name, const std::string& value, const char* help, const std::string& range) {
    const std::string key = fmt::format("{}{}: {}", std::string(indent_, ' '), name, value);
    out_ += with_help_ ? fmt::format("{:<44} # {}{}\n", key, help, range.empty() ? "" : fmt::format(" ({})", range))
                       : key + "\n";
  }
  std::string& out_;
  bool with_help_;
  std::size_t indent_ = 0;
};

class JsonWriter : public Fields {
 public:
  explicit JsonWriter(Json& root) : levels_{&root} { root = Json::object(); }
  void number(const char* name, double& value, const char*, double, double) override { put(name, value); }
  void number(const char* name, std::int64_t& value, const char*, std::int64_t, std::int64_t) override {
    put(name, value);
  }
  void number(const char* name, PerLevel& value, const char*, std::int64_t, std::int64_t) override {
    if (value.same_for_all()) {
      put(name, value.at(0));
    } else {
      put(name, value.values());
    }
  }
  void flag(const char* name, bool& value, const char*) override { put(name, value); }
  void text(const char* name, std::string& value, const char*) override { put(name, value); }
  void choice(const char* name, std::string& value, const std::vector<std::string>&, const char*) override {
    put(name, value);
  }
  void preset(const char*, const std::vector<Preset>&, const char*) override {}
  void list(const char* name, std::vector<std::int64_t>& value, const char*, std::int64_t, std::int64_t) override {
    put(name, value);
  }
  void list(const char* name, std::vector<double>& value, const char*, double, double) override { put(name, value); }
  void list(const char* name, std::vector<std::string>& value, const std::vector<std::string>&, const char*) override {
    put(name, value);
  }
  void require(bool, const std::string&) override {}
  void require_at(const std::string&, bool, const std::string&) override {}

 protected:
  bool open(const char* name, const char*) override {
    Json& child = (*levels_.back())[name];
    child = Json::object();
    levels_.push_back(&child);
    return true;
  }
  void close() override { levels_.pop_back(); }

 private:
  template <class T>
  void put(const char* name, const T& value) {
    (*levels_.back())[name] = value;
  }
  std::vector<Json*> levels_;
};

}  // namespace

void print_config(std::string& out, const BindFunction& bind, bool with_help) {
  Printer printer(out, with_help);
  bind(printer);
}

Json config_to_json(const BindFunction& bind) {
  Json root;
  JsonWriter writer(root);
  bind(writer);
  return root;
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/config/config.h"
#include "core/files/json.h"

// Internal to core/config: the document as it was written, with the place of each value.
namespace spinfill::config_detail {

struct Node {
  enum class Kind { null, scalar, list, map } kind = Kind::null;
  std::string scalar;
  bool quoted = false;
  std::vector<Node> items;
  struct Entry;
  std::vector<Entry> entries;
  std::string place;         // "file:line" or "--set key"
  bool by_override = false;  // given by --set
};
struct Node::Entry {
  std::string key;
  Node value;
};

// Errors (exit 2) name file and line: bad syntax, another encoding than UTF-8, anchors and aliases, a key twice, too
// deep, over 1 MiB.
Node parse_yaml(const std::string& yaml, const std::string& where);
Node from_json(const Json& json, const std::string& where);
void apply_override(Node& root, const Override& override);

// Numbers, ranges and choices as help and messages print them.
std::string number_text(double value);
std::string range_text(double low, double high);
std::string range_text(std::int64_t low, std::int64_t high);
std::string choices_text(const std::vector<std::string>& allowed);

}  // namespace spinfill::config_detail

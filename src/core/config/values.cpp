// SPDX-License-Identifier: Apache-2.0
#include "core/config/values.h"

#include "core/config/tree.h"

namespace spinfill {
namespace {

using config_detail::Node;

std::string text_of(const Node& node) {
  if (node.kind == Node::Kind::scalar) return node.scalar;
  std::string text;
  for (const Node& item : node.items) text += (text.empty() ? "" : ", ") + text_of(item);
  for (const auto& [key, value] : node.entries) text += (text.empty() ? "" : ", ") + key + ": " + text_of(value);
  switch (node.kind) {
    case Node::Kind::list: return "[" + text + "]";
    case Node::Kind::map: return "{" + text + "}";
    default: return "";
  }
}

void collect(const Node& node, const std::string& key, std::vector<std::pair<std::string, std::string>>& values) {
  if (node.kind == Node::Kind::map) {
    for (const auto& [name, value] : node.entries) collect(value, key.empty() ? name : key + "." + name, values);
  } else if (!key.empty()) {
    values.emplace_back(key, text_of(node));
  }
}

}  // namespace

std::vector<std::pair<std::string, std::string>> config_values(const std::string& yaml, const std::string& where) {
  std::vector<std::pair<std::string, std::string>> values;
  collect(config_detail::parse_yaml(yaml, where), "", values);
  return values;
}

}  // namespace spinfill

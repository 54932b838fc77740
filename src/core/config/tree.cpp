// SPDX-License-Identifier: Apache-2.0
#include "core/config/tree.h"

#include <fmt/ranges.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "core/error.h"
#include "core/text.h"

namespace spinfill::config_detail {
namespace {

constexpr std::size_t kMaxYamlBytes = 1 << 20;
constexpr int kMaxDepth = 16;

// Anchors and aliases are refused before a tree is built, so that no document grows in memory.
void refuse_aliases(const std::string& yaml, const std::string& where) {
  class Handler : public YAML::EventHandler {
   public:
    explicit Handler(std::string where) : where_(std::move(where)) {}
    void OnDocumentStart(const YAML::Mark& mark) override {
      if (documents_++ > 0) fail_usage("{}:{}: one document is expected", where_, mark.line + 1);
    }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { check(mark, anchor); }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { check(mark, 1); }
    void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, const std::string&) override {
      check(mark, anchor);
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
      check(mark, anchor);
      enter(mark);
    }
    void OnSequenceEnd() override { --depth_; }
    void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
      check(mark, anchor);
      enter(mark);
    }
    void OnMapEnd() override { --depth_; }

   private:
    void check(const YAML::Mark& mark, YAML::anchor_t anchor) const {
      if (anchor != 0) fail_usage("{}:{}: anchors and aliases are not allowed", where_, mark.line + 1);
    }
    void enter(const YAML::Mark& mark) {
      if (++depth_ > kMaxDepth) fail_usage("{}:{}: nested too deeply", where_, mark.line + 1);
    }
    std::string where_;
    int depth_ = 0, documents_ = 0;
  };
  std::istringstream stream(yaml);
  YAML::Parser parser(stream);
  Handler handler(where);
  while (parser.HandleNextDocument(handler)) {
  }
}

Node convert(const YAML::Node& yaml, const std::string& where) {
  Node node;
  node.place = where.empty() ? where : fmt::format("{}:{}", where, yaml.Mark().line + 1);
  switch (yaml.Type()) {
    case YAML::NodeType::Scalar:
      node.kind = Node::Kind::scalar;
      node.scalar = yaml.Scalar();
      node.quoted = yaml.Tag() == "!";
      break;
    case YAML::NodeType::Sequence:
      node.kind = Node::Kind::list;
      for (const auto& item : yaml) node.items.push_back(convert(item, where));
      break;
    case YAML::NodeType::Map: {
      node.kind = Node::Kind::map;
      std::set<std::string> seen;
      for (const auto& entry : yaml) {
        const auto line = entry.first.Mark().line + 1;
        if (!entry.first.IsScalar()) fail_usage("{}:{}: a key must be a plain word", where, line);
        if (!seen.insert(entry.first.Scalar()).second) {
          fail_usage("{}:{}: key '{}' stands twice", where, line, entry.first.Scalar());
        }
        Node value = convert(entry.second, where);
        value.place = fmt::format("{}:{}", where, line);
        node.entries.push_back({entry.first.Scalar(), std::move(value)});
      }
      break;
    }
    default: break;
  }
  return node;
}

}  // namespace

Node parse_yaml(const std::string& yaml, const std::string& where) {
  if (yaml.size() > kMaxYamlBytes) fail_usage("{}: larger than the 1 MiB a config may have", where);
  if (!is_utf8(yaml)) fail_usage("{}: is not UTF-8: save it again with that encoding", where);
  try {
    refuse_aliases(yaml, where);
    return convert(YAML::Load(yaml), where);
  } catch (const YAML::Exception& error) {
    fail_usage("{}:{}: not valid YAML: {}", where, error.mark.line + 1, error.msg);
  }
}

Node from_json(const Json& json, const std::string& where) {
  Node node;
  node.place = where;
  if (json.is_object()) {
    node.kind = Node::Kind::map;
    for (const auto& [key, value] : json.items()) node.entries.push_back({key, from_json(value, where)});
  } else if (json.is_array()) {
    node.kind = Node::Kind::list;
    for (const auto& item : json) node.items.push_back(from_json(item, where));
  } else if (json.is_string()) {
    node.kind = Node::Kind::scalar;
    node.scalar = json.get<std::string>();
    node.quoted = true;
  } else if (!json.is_null()) {
    node.kind = Node::Kind::scalar;
    node.scalar = json.dump();
  }
  return node;
}

void apply_override(Node& root, const Override& override) {
  Node* node = &root;
  const std::string place = "--set " + override.key;
  std::size_t start = 0;
  while (start <= override.key.size()) {
    const std::size_t dot = std::min(override.key.find('.', start), override.key.size());
    const std::string part = override.key.substr(start, dot - start);
    if (part.empty()) fail_usage("{}: the key has an empty part", place);
    if (node->kind == Node::Kind::null) node->kind = Node::Kind::map;
    if (node->kind != Node::Kind::map) fail_usage("{}: '{}' is inside a value", place, part);
    auto found = std::find_if(node->entries.begin(), node->entries.end(), [&](auto& e) { return e.key == part; });
    if (found == node->entries.end()) {
      node->entries.push_back({part, Node{}});
      found = std::prev(node->entries.end());
      found->value.place = place;
    }
    node = &found->value;
    start = dot + 1;
  }
  *node = parse_yaml(override.value, place);
  node->place = place;
  node->by_override = true;
}

std::string number_text(double value) {
  return fmt::format("{}", value);
}

std::string range_text(double low, double high) {
  if (low <= -1e300 && high >= 1e300) return "any number";
  if (high >= 1e300) return fmt::format("≥ {}", number_text(low));
  return fmt::format("{} to {}", number_text(low), number_text(high));
}

std::string range_text(std::int64_t low, std::int64_t high) {
  if (high >= std::int64_t{1} << 53) return fmt::format("integer ≥ {}", low);
  return fmt::format("integer {} to {}", low, high);
}

std::string choices_text(const std::vector<std::string>& allowed) {
  return allowed.empty() ? std::string("text") : fmt::format("one of {}", fmt::join(allowed, ", "));
}

}  // namespace spinfill::config_detail

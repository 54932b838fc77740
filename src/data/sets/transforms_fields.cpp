// SPDX-License-Identifier: Apache-2.0
#include "data/sets/transforms_fields.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/text.h"

namespace spinfill {

std::string shown(const std::string& text) {
  std::size_t length = std::min<std::size_t>(text.size(), 60);
  while (length > 0 && length < text.size() && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80) --length;
  return escaped(text.substr(0, length));  // no half of a UTF-8 character
}

const Json* TransformsFields::find(const char* name) const {
  const auto found = object_->find(name);
  return found == object_->end() ? nullptr : &*found;
}

std::optional<double> TransformsFields::number(const char* name, double low, double high, const char* advice) {
  const Json* found = find(name);
  if (found == nullptr || is_wrong(name)) return std::nullopt;
  if (found->is_number()) {
    const double value = found->get<double>();
    if (value >= low && value <= high) return value;
  }
  wrong(name, fmt::format("is not a number from {} to {}", low, high), advice);
  return std::nullopt;
}

std::optional<std::string> TransformsFields::text(const char* name) {
  const Json* found = find(name);
  if (found == nullptr || is_wrong(name)) return std::nullopt;
  if (found->is_string()) return found->get<std::string>();
  wrong(name, "is not a text", "put it in quotes");
  return std::nullopt;
}

std::string TransformsFields::where(const std::string& name) const {
  if (of_set()) return name;
  const std::string place = fmt::format("{}[{}]", list_, index_);
  return name.empty() ? place : place + "." + name;
}

void TransformsFields::wrong(const char* name, const std::string& what, const std::string& advice,
                             const std::optional<std::string>& example) {
  wrong_.insert(name);
  problems_->add(where(name), what, advice,
                 {list_ + "." + name, of_set() ? std::string() : std::to_string(index_), example});
}

}  // namespace spinfill

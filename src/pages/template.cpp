// SPDX-License-Identifier: Apache-2.0
#include "pages/template.h"

#include <regex>
#include <set>

#include "core/error.h"

namespace spinfill {
namespace {

std::string_view text_of(std::string_view name) {
  const auto found = page_templates().find(name);
  if (found == page_templates().end()) fail("there is no page template {}", name);
  return found->second;
}

}  // namespace

std::string filled_template(std::string_view name, const std::map<std::string, std::string>& values) {
  static const std::regex placeholder("@(?:include ([a-z_.]+)|([A-Z]+))@");
  const std::string_view text = text_of(name);
  std::string out;
  std::set<std::string> used;
  const char* done = text.begin();
  for (std::cregex_iterator at(text.begin(), text.end(), placeholder), end; at != end; ++at) {
    const std::cmatch& match = *at;
    out.append(done, match[0].first);
    done = match[0].second;
    if (match[1].matched) {
      out += text_of(match[1].str());
      continue;
    }
    const auto value = values.find(match[2].str());
    if (value == values.end()) fail("page template {}: there is no value for @{}@", name, match[2].str());
    out += value->second;
    used.insert(value->first);
  }
  for (const auto& [key, value] : values) {
    if (!used.contains(key)) fail("page template {}: has no place for @{}@", name, key);
  }
  return out.append(done, text.end());
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "core/config/stated_keys.h"

#include <algorithm>

#include "core/config/tree.h"

namespace spinfill {

bool states_key(const std::string& yaml, const std::string& where, const std::string& key) {
  const config_detail::Node root = config_detail::parse_yaml(yaml, where);
  const config_detail::Node* node = &root;
  for (std::size_t begin = 0; begin <= key.size();) {
    const std::size_t end = std::min(key.find('.', begin), key.size());
    const auto found =
        std::ranges::find(node->entries, key.substr(begin, end - begin), &config_detail::Node::Entry::key);
    if (found == node->entries.end()) return false;
    node = &found->value;
    begin = end + 1;
  }
  return true;
}

}  // namespace spinfill

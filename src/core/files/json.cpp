// SPDX-License-Identifier: Apache-2.0
#include "core/files/json.h"

#include <algorithm>
#include <cstddef>
#include <set>
#include <vector>

#include "core/error.h"
#include "core/files/text_file.h"

namespace spinfill {

Json parse_json(std::string_view bytes, const std::string& where) {
  const std::string_view text = utf8_text(bytes, where);
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  const auto callback = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(parsed.get<std::string>()).second) {
      fail("{}: key '{}' stands twice", where, parsed.get<std::string>());
    }
    if (depth > 100) fail("{}: nested too deeply", where);
    return true;
  };
  try {
    return Json::parse(text, callback);
  } catch (const Json::parse_error& error) {
    const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(error.byte, text.size()));
    const auto line = 1 + std::count(text.begin(), end, '\n');
    fail("{}:{}: not valid JSON (at byte {})", where, line, error.byte);
  } catch (const Json::exception& error) {  // a number beyond a double's range
    fail("{}: not valid JSON: {}", where, error.what());
  }
}

Json read_json(const fs::path& path, std::uint64_t max_bytes) {
  return parse_json(read_file(path, max_bytes), path.string());
}

void write_json_atomic(const fs::path& path, const Json& value) {
  std::string text;
  try {
    text = value.dump(1) + "\n";
  } catch (const Json::type_error& error) {  // names are looked at where they are read: this is the last resort
    fail("{}: a text in it is not UTF-8, so JSON cannot hold it: {}", path.string(), error.what());
  }
  write_file_atomic(path, text);
}

}  // namespace spinfill

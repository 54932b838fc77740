// SPDX-License-Identifier: Apache-2.0
// What the compiler cannot see, since it sees one file at a time.
#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <sstream>

#include "core/files/files.h"
#include "support/support.h"

namespace spinfill {
namespace {

// Two types of one name in one namespace share their destructors and the table of their names: the linker keeps one.
TEST(Source, NoTypeIsDefinedTwice) {
  const std::regex opens(R"(^namespace (spinfill[\w:]*) \{)"),
      defines(R"(^(?:struct|class|enum class) (\w+)\b(?!::)[^;]*\{)");
  std::map<std::string, fs::path> seen;
  for (const auto& entry : fs::recursive_directory_iterator(test::fixture("../../src"))) {
    if (entry.path().extension() != ".h") continue;
    std::istringstream text(read_file(entry.path()));
    std::string space;
    for (std::string line; std::getline(text, line);) {
      std::smatch match;
      if (std::regex_search(line, match, opens)) space = match[1];
      if (!std::regex_search(line, match, defines)) continue;
      const auto [first, is_new] = seen.emplace(space + "::" + match[1].str(), entry.path());
      EXPECT_TRUE(is_new) << first->first << " in " << first->second << " and " << entry.path();
    }
  }
  EXPECT_GT(seen.size(), 300U);
}

}  // namespace
}  // namespace spinfill

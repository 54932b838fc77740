// SPDX-License-Identifier: Apache-2.0
#include "pages/template.h"

#include <regex>

#include "core/files/files.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::expect_error;

TEST(Template, FillsEachPlaceAndNothingElse) {
  const std::string page =
      filled_template("page.html", {{"GENERATOR", "g"}, {"TITLE", "a @BODY@"}, {"BODY", "<p>text</p>\n"}});
  EXPECT_NE(page.find("<title>a @BODY@ – spinfill</title>"), page.npos) << "what stands in a value stays";
  EXPECT_NE(page.find("<h1>a @BODY@</h1>\n<p>text</p>\n</body>"), page.npos);
  EXPECT_TRUE(page.starts_with("<!doctype html>")) << "the licence is left out";
}

TEST(Template, RefusesWhatDoesNotFit) {
  expect_error(ExitCode::runtime, {"page.html", "@BODY@"}, [] {
    filled_template("page.html", {{"GENERATOR", "g"}, {"TITLE", "a"}});
  });
  expect_error(ExitCode::runtime, {"page.html", "@MORE@"}, [] {
    filled_template("page.html", {{"GENERATOR", "g"}, {"TITLE", "a"}, {"BODY", "b"}, {"MORE", "c"}});
  });
  expect_error(ExitCode::runtime, {"none.html"}, [] { filled_template("none.html", {}); });
}

// A misspelt placeholder would be left over in the page.
TEST(Template, PlaceholdersAreWellFormedAndIncludesExist) {
  ASSERT_FALSE(page_templates().empty());
  const std::regex anything("@[A-Za-z0-9_ .-]+@"), known("@([A-Z]+|include ([a-z_.]+))@");
  for (const auto& [name, text] : page_templates()) {
    for (std::cregex_iterator at(text.begin(), text.end(), anything), end; at != end; ++at) {
      const std::string found = at->str();
      std::smatch match;
      ASSERT_TRUE(std::regex_match(found, match, known)) << name << ": " << found;
      if (match[2].matched) {
        EXPECT_TRUE(page_templates().contains(match[2].str())) << name << ": " << found;
      }
    }
  }
}

TEST(Template, TextsAreThoseOfTheFiles) {
  const fs::path folder = test::fixture("../../src/pages/templates");
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string text = read_file(entry.path());
    const auto found = page_templates().find(entry.path().filename().string());
    ASSERT_NE(found, page_templates().end()) << entry.path();
    EXPECT_EQ(found->second, text.substr(text.find('\n') + 1)) << entry.path();
    ++files;
  }
  EXPECT_EQ(page_templates().size(), files);
}

}  // namespace
}  // namespace spinfill

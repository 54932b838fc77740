// SPDX-License-Identifier: Apache-2.0
// What README and docs say of the program: every command, option, key, default, exit code, file and link must exist.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "core/config/values.h"
#include "core/files/files.h"
#include "support/support.h"

namespace spinfill {
namespace {

struct Line {
  std::string where;  // file:number
  std::string text;
  bool code = false;  // in a block of code
};

const fs::path& source() {
  static const fs::path root = fs::canonical(test::fixture("") / ".." / "..");
  return root;
}

std::vector<fs::path> pages() {
  std::vector<fs::path> found = {source() / "README.md", source() / "CONTRIBUTING.md",
                                 source() / "benchmarks/README.md"};
  for (const char* folder : {"docs", "experiments"}) {
    for (const auto& entry : fs::recursive_directory_iterator(source() / folder)) {
      if (entry.path().extension() == ".md") found.push_back(entry.path());
    }
  }
  std::ranges::sort(found);
  return found;
}

// The lines of all pages; in a block of code, a line that ends in '\' is joined with the next.
const std::vector<Line>& lines() {
  static const std::vector<Line> all = [] {
    std::vector<Line> found;
    for (const fs::path& page : pages()) {
      std::istringstream in(read_file(page));
      bool code = false, goes_on = false;
      int number = 0;
      for (std::string text; std::getline(in, text);) {
        ++number;
        if (text.starts_with("```")) {
          code = !code;
          continue;
        }
        const bool indented = text.starts_with("    ");
        if (goes_on) {
          found.back().text += " " + text;
        } else {
          found.push_back(
              {fmt::format("{}:{}", fs::relative(page, source()).string(), number), text, code || indented});
        }
        goes_on = code && text.ends_with('\\');
        if (goes_on || (!found.empty() && found.back().text.ends_with('\\'))) {
          if (found.back().text.ends_with('\\')) found.back().text.pop_back();
        }
      }
    }
    return found;
  }();
  return all;
}

// The groups of every match, the whole match first.
std::vector<std::vector<std::string>> matches(const std::string& text, const std::regex& pattern) {
  std::vector<std::vector<std::string>> found;
  for (std::sregex_iterator at(text.begin(), text.end(), pattern), end; at != end; ++at) {
    auto& groups = found.emplace_back();
    for (const auto& group : *at) groups.push_back(group);
  }
  return found;
}

// Pieces of a line that are code: the whole line in a block, else what stands in backticks.
std::vector<std::string> code_of(const Line& line) {
  if (line.code) return {line.text};
  static const std::regex ticks("`([^`]+)`");
  std::vector<std::string> found;
  for (const auto& match : matches(line.text, ticks)) found.push_back(match[1]);
  return found;
}

// "data check" → its --help; "" is the program itself.
const std::map<std::string, std::string>& helps() {
  static const std::map<std::string, std::string> all = [] {
    std::map<std::string, std::string> found;
    const std::string page = read_file(source() / "docs/commands.md"), head = "\n## spinfill", fence = "\n```\n";
    for (std::size_t at = page.find(head); at != std::string::npos; at = page.find(head, at + 1)) {
      const std::size_t name = at + head.size(), line_end = page.find('\n', name);
      const std::size_t text = page.find(fence, line_end) + fence.size();
      found[line_end > name ? page.substr(name + 1, line_end - name - 1) : ""] =
          page.substr(text, page.find(fence, text) - text);
    }
    return found;
  }();
  return all;
}

// Records of what was done at a certain commit stay as they were written.
bool is_record(const Line& line) {
  return line.where.starts_with("experiments/");
}

bool has_option(const std::string& help, const std::string& option) {
  return std::regex_search(help, std::regex("[ ,]" + option + "([^a-z-]|$)"));
}

// Options of other programs that pages name.
bool is_anothers(const std::string& option) {
  static const std::set<std::string> others = [] {
    // torchrun, GoogleTest, TensorBoard, tar
    std::set<std::string> found = {"--no-python", "--gtest_filter", "--logdir", "--sort"};
    for (const char* folder : {"scripts", "benchmarks", "experiments"}) {
      for (const auto& entry : fs::recursive_directory_iterator(source() / folder)) {
        const std::string kind = entry.path().extension().string();
        if (kind != ".sh" && kind != ".py" && kind != ".cpp") continue;
        for (const auto& match : matches(read_file(entry.path()), std::regex("--[a-z][a-z-]*"))) found.insert(match[0]);
      }
    }
    return found;
  }();
  return others.contains(option);
}

TEST(Docs, GeneratedPagesAreWhatTheProgramSays) {
  const test::TemporaryFolder folder;
  const auto result = test::run_command(fmt::format("'{}/scripts/docs.sh' --program '{}' --out '{}'", source().string(),
                                                    test::program(), folder.path().string()));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  for (const char* page : {"commands.md", "configuration.md"}) {
    EXPECT_TRUE(read_file(folder / page) == read_file(source() / "docs" / page))
        << "docs/" << page << " is not what the program says: run scripts/docs.sh";
  }
}

TEST(Docs, EveryCommandAndOptionIsThere) {
  ASSERT_TRUE(helps().contains("data check"));
  static const std::regex call("(?:^|[/ (])spinfill +([a-z][a-z-]*)(?: +([a-z][a-z-]*))?([^|;#&]*)");
  static const std::regex option("(?:^|[ \\[])(--[a-z][a-z_-]*)");
  int calls = 0, options = 0;
  for (const Line& line : lines()) {
    if (line.where.starts_with("docs/commands.md") || is_record(line) || line.text.starts_with("#SBATCH")) continue;
    for (const std::string& code : code_of(line)) {
      std::string help;
      for (const auto& match : matches(code, call)) {
        std::string command = match[1];
        if (helps().contains(command + " " + match[2])) command += " " + match[2];
        if (!helps().contains(command)) {
          EXPECT_TRUE(line.code && command == "is") << line.where << ": no command 'spinfill " << command << "'";
          continue;
        }
        ++calls;
        help += helps().at(command);
        for (const auto& used : matches(match[3], option)) {
          EXPECT_TRUE(has_option(helps().at(command), used[1]))
              << line.where << ": spinfill " << command << " has no " << used[1];
        }
      }
      if (!help.empty()) continue;
      for (const auto& used : matches(code, option)) {  // an option by itself: any command may have it
        ++options;
        const bool known = is_anothers(used[1]) || std::ranges::any_of(helps(), [&](const auto& entry) {
                             return has_option(entry.second, used[1]);
                           });
        EXPECT_TRUE(known) << line.where << ": nothing has the option " << used[1];
      }
    }
  }
  EXPECT_GT(calls, 50);
  EXPECT_GT(options, 50);
}

const std::map<std::string, std::string>& defaults() {
  static const std::map<std::string, std::string> all = [] {
    const test::TemporaryFolder folder;
    write_file_atomic(folder / "empty.yaml", "");
    std::map<std::string, std::string> found;
    for (const char* command : {"train", "train-autoencoder"}) {
      const auto printed = test::run_command(fmt::format("'{}' {} --config '{}' --print-config", test::program(),
                                                         command, (folder / "empty.yaml").string()));
      for (const auto& [key, value] : config_values(printed.output, "--print-config")) found.emplace(key, value);
    }
    return found;
  }();
  return all;
}

bool is_key_or_group(const std::string& name) {
  return std::ranges::any_of(
      defaults(), [&](const auto& entry) { return entry.first == name || entry.first.starts_with(name + "."); });
}

TEST(Docs, EveryKeyIsThere) {
  ASSERT_GT(defaults().size(), 80u);
  // Names of metrics.json and other files that look like keys.
  const std::set<std::string> others = {"model.lpips_in_loss", "model.preset"};  // the last is printed as a comment
  static const std::regex key(
      "(?:^|[ =\"'(])((?:data|model|loss|optimizer|train|sampler|evaluation)(?:\\.[a-z_0-9]+)+)"
      "(?![./a-z_0-9])");
  static const std::regex file("\\.(h|cpp|json|yaml|py|sh|md|safetensors)$");
  int keys = 0;
  for (const Line& line : lines()) {
    if (is_record(line)) continue;
    for (const std::string& code : code_of(line)) {
      for (const auto& match : matches(code, key)) {
        const std::string name = match[1];
        if (others.contains(name) || std::regex_search(name, file)) continue;
        ++keys;
        EXPECT_TRUE(is_key_or_group(name)) << line.where << ": the configuration has no key " << name;
      }
    }
  }
  EXPECT_GT(keys, 80);
}

std::vector<std::string> cells(const std::string& row) {
  std::vector<std::string> found;
  std::istringstream in(row);
  for (std::string cell; std::getline(in, cell, '|');) {
    cell.erase(0, cell.find_first_not_of(' '));
    cell.erase(cell.find_last_not_of(' ') + 1);
    found.push_back(cell);
  }
  return found;  // the first is the empty text before the first bar
}

// Tables whose head is "| key | default |" name keys by their whole path.
TEST(Docs, TablesOfKeysHaveTheDefaults) {
  int rows = 0;
  bool inside = false;
  for (const Line& line : lines()) {
    if (!line.text.starts_with("|")) {
      inside = false;
      continue;
    }
    if (line.text.starts_with("| key | default |")) inside = true;
    if (!inside || !line.text.starts_with("| `")) continue;
    const auto row = cells(line.text);
    ASSERT_GT(row.size(), 3u) << line.where;
    for (const auto& match : matches(row[1], std::regex("`([^`]+)`"))) {
      ++rows;
      ASSERT_TRUE(defaults().contains(match[1])) << line.where << ": no key " << match[1];
      EXPECT_EQ(defaults().at(match[1]), row[2]) << line.where << ": " << match[1];
    }
  }
  EXPECT_GT(rows, 4);
}

// The numbers of a row of a table "| option | default |" must stand in the --help of its options.
TEST(Docs, TablesOfOptionsHaveTheDefaults) {
  int rows = 0;
  bool inside = false;
  for (const Line& line : lines()) {
    if (line.text.starts_with("| option | default |")) inside = true;
    if (!line.text.starts_with("|")) inside = false;
    if (!inside || !line.text.starts_with("| `--")) continue;
    ++rows;
    const auto row = cells(line.text);
    ASSERT_GT(row.size(), 2u) << line.where;
    const std::string command = fs::path(line.where.substr(0, line.where.find(':'))).stem().string();
    ASSERT_TRUE(helps().contains(command)) << line.where;
    std::string told;
    for (const auto& option : matches(row[1], std::regex("--[a-z][a-z-]*"))) {
      std::smatch help;
      ASSERT_TRUE(
          std::regex_search(helps().at(command), help, std::regex("[ !]" + option[0] + "[ {][^\n]*(\n {20,}[^\n]*)*")))
          << line.where << ": " << option[0];
      told += help[0];
    }
    for (const auto& number : matches(row[2], std::regex("[0-9]+([.,][0-9]+)*"))) {
      EXPECT_NE(told.find(number[0]), std::string::npos) << line.where << ": " << number[0] << " is not in: " << told;
    }
  }
  EXPECT_GT(rows, 10);
}

TEST(Docs, ExitCodesAreThoseOfTheProgram) {
  const std::set<std::string> codes = {"0", "1", "2", "3", "75"};
  std::set<std::string> told;
  for (const auto& match : matches(helps().at(""), std::regex("(?:Exit codes: |; |;\n)([0-9]+) ")))
    told.insert(match[1]);
  EXPECT_EQ(told, codes);
  for (const Line& line : lines()) {
    for (const auto& match : matches(line.text, std::regex("[Ee]xits?(?: code)?s? ([0-9]+)(?![0-9.]* (?:s|ms|min))"))) {
      EXPECT_TRUE(codes.contains(match[1])) << line.where << ": no exit code " << match[1];
    }
  }
  // Each code from a run of the program.
  const test::TemporaryFolder folder;
  const auto code = [&](const std::string& arguments) {
    return test::run_command(fmt::format("cd '{}'; '{}' {}", folder.path().string(), test::program(), arguments))
        .exit_code;
  };
  fs::create_directories(folder / "wrong");
  write_file_atomic(folder / "wrong/transforms.json", "{}");
  EXPECT_EQ(code("--version"), static_cast<int>(ExitCode::done));
  EXPECT_EQ(code("data check wrong"), static_cast<int>(ExitCode::check_failed));
  EXPECT_EQ(code("train --no-such-option"), static_cast<int>(ExitCode::usage));
  EXPECT_EQ(code("compare a.json b.json"), static_cast<int>(ExitCode::runtime));
}

TEST(Docs, FilesAndLinksAreThere) {
  int links = 0, files = 0;
  static const std::regex link("\\]\\(([^)#: ]+)(#[^)]*)?\\)");
  static const std::regex path(
      "(?:^|[ (])((?:src|tests|scripts|configs|cmake|docs|benchmarks|experiments|models)/[A-Za-z0-9_./-]*)");
  static const std::regex source_file(
      "(?:^|[ (])((?:core|geometry|data|synth|model|metrics|run|pages|train|infer|cli)/[a-z_/]+\\.(?:h|cpp))");
  for (const Line& line : lines()) {
    const fs::path page = source() / line.where.substr(0, line.where.find(':'));
    for (const auto& match : matches(line.text, link)) {
      ++links;
      EXPECT_TRUE(fs::exists(page.parent_path() / match[1])) << line.where << ": broken link " << match[1];
    }
    for (const std::string& code : code_of(line)) {
      for (const auto& match : matches(code, source_file)) {
        ++files;
        EXPECT_TRUE(fs::exists(source() / "src" / match[1]) || fs::exists(source() / "tests" / match[1]))
            << line.where << ": no file src/" << match[1];
      }
      for (const auto& match : matches(code, path)) {
        std::string name = match[1];
        if (name.find("LAYER") != std::string::npos || name.find("NAME") != std::string::npos) continue;
        while (name.ends_with('.')) name.pop_back();
        ++files;
        EXPECT_TRUE(fs::exists(source() / name)) << line.where << ": no " << name;
      }
    }
  }
  EXPECT_GT(links, 20);
  EXPECT_GT(files, 30);
}

}  // namespace
}  // namespace spinfill

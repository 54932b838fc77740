// SPDX-License-Identifier: Apache-2.0
// The README's commands, one after another as they stand there, on few and small sets.
#include <gtest/gtest.h>

#include <sstream>

#include "core/files/files.h"
#include "support/program_suite.h"

namespace spinfill {
namespace {

// The block of commands in README.md, without the comments behind them.
std::vector<std::string> readme_commands() {
  const std::string page = read_file(test::fixture("../../README.md"));
  const std::size_t begin = page.find("```sh\n", page.find("## The commands")) + 6;
  std::istringstream block(page.substr(begin, page.find("```", begin) - begin));
  std::vector<std::string> commands;
  for (std::string line; std::getline(block, line);) commands.push_back(line.substr(0, line.find(" #")));
  return commands;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  if (const std::size_t at = text.find(from); at != std::string::npos) text.replace(at, from.size(), to);
  return text;
}

class Readme : public test::ProgramSuite<Readme> {
 public:
  static void fill() {
    const std::string train = R"(
train: {steps: 4, batch_sets: 4, micro_batch_sets: 1, validate_every: 2, validation_sets: 1, checkpoint_every: 2,
        sample_grids: 1, threads: 1}
)";
    fs::create_directories(*folder_ / "configs");
    write_file_atomic(*folder_ / "configs/default.yaml", test::kTinyModelYaml + train);
    write_file_atomic(*folder_ / "big.yaml", replaced(test::kTinyModelYaml, "data: {", "data: {path: data, ") + train);
    test::TinySetOptions photos;
    photos.slots = {0, 1, 2, 3, 5, 6, 7};
    photos.cameras = false;
    test::write_tiny_set(*folder_ / "photos", photos);
  }
};

TEST_F(Readme, EveryCommandRuns) {
  const std::vector<std::string> commands = readme_commands();
  ASSERT_GT(commands.size(), 14u);
  for (const std::string& command : commands) {
    ASSERT_TRUE(command.starts_with("spinfill ")) << command;
    // What the lines before did not make is put there.
    if (command.find(" compare ") != std::string::npos)
      shell("mkdir old new; cp report/metrics.json old; cp report/metrics.json new");
    if (command.find(" metrics ") != std::string::npos) shell("cp spin/000.png a.png; cp spin/180.png b.png");
    std::string smaller = replaced(command, "--sets 240", "--sets 6");
    smaller = replaced(smaller, "--nproc-per-node 8", "--nproc-per-node 2");
    smaller = replaced(smaller, "--gpus 8", "--gpus 4");
    const auto result = spinfill(smaller.substr(std::string("spinfill ").size()));
    EXPECT_EQ(result.exit_code, 0) << smaller << "\n" << result.output;
  }
  for (const char* made :
       {"data/splits.json", "packed/shards.json", "look/index.html", "runs/big/config.yaml", "report/metrics.json",
        "bundle/manifest.json", "photos/transforms.json", "spin/spin.html", "report.html"}) {
    EXPECT_TRUE(fs::exists(*folder_ / made)) << made;
  }
}

}  // namespace
}  // namespace spinfill

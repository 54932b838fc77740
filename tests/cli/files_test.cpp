// SPDX-License-Identifier: Apache-2.0
// docs/files.md: what commands replace, results that nobody received, and errors that come before the work.
#include <gtest/gtest.h>

#include <map>

#include "support/program_suite.h"

namespace spinfill {
namespace {

// Every file below a folder and its content, links and empty folders too.
std::map<std::string, std::string> snapshot(const fs::path& folder) {
  std::map<std::string, std::string> all;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().lexically_relative(folder).string();
    all[name] = entry.is_symlink()        ? "-> " + fs::read_symlink(entry.path()).string()
                : entry.is_regular_file() ? read_file(entry.path())
                                          : "";
  }
  return all;
}

class FileRules : public test::ProgramSuite<FileRules> {
 public:
  static void fill() {
    test::write_tiny_data_set(*folder_ / "data", 6);
    test::write_tiny_set(*folder_ / "car", {.slots = {0, 1, 3, 4, 6}, .cameras = false});
    fs::create_directories(*folder_ / "meshes");
    write_file_atomic(*folder_ / "meshes/box.obj",
                      "v 0 0 0\nv 4 0 0\nv 4 2 0\nv 0 2 0\nv 0 0 1\nv 4 0 1\nv 4 2 1\nv 0 2 1\nf 1 4 3 2\nf 5 6 7 8\n"
                      "f 1 2 6 5\nf 2 3 7 6\nf 3 4 8 7\nf 4 1 5 8\n");
    write_config("steps: 2, batch_sets: 2, micro_batch_sets: 2, validate_every: 2, checkpoint_every: 2, threads: 1");
    const auto trained = shell(train("run"));
    ASSERT_EQ(trained.exit_code, 0) << trained.output;
  }

 protected:
  struct WritingCommand {
    std::string line;                 // without --out
    std::vector<std::string> inputs;  // folders that it reads
  };
  static std::vector<WritingCommand> commands() {
    return {
        {"complete --model run --input car --steps 1", {"run", "car"}},
        {"synth --sets 1 --size 32 --splits 1,0,0 --samples 1 --edge-samples 1", {}},
        {"synth --meshes meshes --size 32 --splits 1,0,0 --front x --up z --samples 1 --edge-samples 1", {"meshes"}},
        {"evaluate --model run --data data --limit 1 --steps 1", {"run", "data"}},
        {"export --run run", {"run"}},
        {"data inspect car", {"car"}},
        {"data pack data", {"data"}},
        {"data stabilise car", {"car"}}};
  }
  static void expect_refused(const std::string& arguments, int code, const std::string& text) {
    const auto result = spinfill("-q " + arguments);
    EXPECT_EQ(result.exit_code, code) << arguments << "\n" << result.output;
    EXPECT_NE(result.output.find(text), std::string::npos) << arguments << "\n" << text << " not in " << result.output;
    EXPECT_EQ(std::ranges::count(result.output, '\n'), 1) << arguments << "\n" << result.output;
  }
};

TEST_F(FileRules, ReplaceRemovesAnEarlierOutputAlone) {
  fs::create_directories(*folder_ / "photos/album");
  write_file_atomic(*folder_ / "photos/album/car.jpg", "x");
  fs::create_directories(*folder_ / "parent");
  for (const char* input : {"run", "data", "car", "meshes"})
    fs::copy(*folder_ / input, *folder_ / "parent" / input, fs::copy_options::recursive);
  for (const WritingCommand& command : commands()) {
    const std::string line = command.line + " --replace --out ";
    const auto before = snapshot(folder_->path());
    expect_refused(line + "photos", 2, "was not made by spinfill");
    expect_refused(command.line + " --out photos", 2, "was not made by spinfill");
    // Other ways to name a folder are tested where they are told apart: OutputFolders.
    for (const std::string& input : command.inputs) {
      for (const std::string& out : {"photos/../" + input, input + "/below", std::string(".")})
        expect_refused(line + out, 2, "overlaps");
    }
    EXPECT_EQ(snapshot(folder_->path()), before) << command.line;

    fs::create_directories(*folder_ / "out");  // an empty folder will do
    for (const std::string replace : {"", "--replace"}) {
      const auto made = spinfill("-q " + command.line + " --out out " + replace);
      EXPECT_EQ(made.exit_code, 0) << command.line << "\n" << made.output;
    }
    expect_refused(command.line + " --out out", 2, "give --replace");
    fs::create_directories(*folder_ / "out/deep");
    write_file_atomic(*folder_ / "out/deep/notes.txt", "x");
    expect_refused(line + "out", 2, "holds deep/notes.txt");
    EXPECT_TRUE(fs::exists(*folder_ / "out/deep/notes.txt"));
    fs::remove_all(*folder_ / "out/deep");
    expect_refused(
        (command.line.starts_with("export") ? commands()[0].line : "export --run run") + " --replace --out out", 2,
        "was made by spinfill");
    fs::remove_all(*folder_ / "out");
  }
}

TEST_F(FileRules, APlaceThatCannotBeWrittenIsToldBeforeAnythingIsRead) {
  write_file_atomic(*folder_ / "file", "x");
  fs::create_symlink("nowhere", *folder_ / "dangling");
  const std::map<std::string, std::pair<int, std::string>> places = {{"file", {2, "is a file"}},
                                                                     {"dangling", {2, "is a link to nowhere"}},
                                                                     {"file/below", {3, "cannot be made"}},
                                                                     {"''", {2, "--out: is empty"}},
                                                                     {"caf\xE9", {2, "caf\\xe9"}}};
  // The inputs are no good either, but they are not what is told.
  for (const char* line : {"complete --model file --input file", "synth --sets 1 --meshes file", "export --run file",
                           "evaluate --model file --data file", "data inspect file", "data stabilise data",
                           "train --config tiny.yaml --set data.path=gone"}) {
    for (const auto& [out, told] : places) expect_refused(line + std::string(" --out ") + out, told.first, told.second);
  }
  for (const auto& [out, told] : places) expect_refused("data pack data --out " + out, told.first, told.second);
  for (const char* line :
       {"inspect ''", "metrics '' data", "train --config '' --out x", "inspect data --contact-sheet ''",
        "complete --model run --input '' --out x", "compare '' ''", "data check ''"})
    expect_refused(line, 2, "is empty");
}

TEST_F(FileRules, ATrainingWritesOverNoStrangersFiles) {
  fs::create_directories(*folder_ / "other/checkpoints");
  fs::create_directories(*folder_ / "other/samples");
  write_file_atomic(*folder_ / "other/launcher.log", "x");
  EXPECT_EQ(shell(train("other")).exit_code, 0) << "a log and empty folders are no hindrance";
  for (const std::string name : {"metrics.jsonl", "samples/photo.png", "checkpoints/step-2/weights"}) {
    const fs::path path = *folder_ / "foreign" / name;
    fs::create_directories(path.parent_path());
    write_file_atomic(path, "mine");
    const auto refused = shell(train("foreign"));
    EXPECT_EQ(refused.exit_code, 2) << refused.output;
    EXPECT_NE(refused.output.find("which a run would write over"), std::string::npos) << refused.output;
    EXPECT_EQ(read_file(path), "mine");
    fs::remove_all(*folder_ / "foreign");
  }
}

TEST_F(FileRules, ResultsThatNobodyReceivedAreAnError) {
  ASSERT_EQ(spinfill("-q evaluate --model baseline:nearest --data data --set data.width=24 --set data.height=16 "
                     "--limit 1 --out report")
                .exit_code,
            0);
  for (const char* line :
       {"--version", "--help", "complete --help", "train --config tiny.yaml --print-config", "inspect run",
        "inspect run --json", "inspect data", "data check data --json",
        "metrics data/tiny-00/000.png data/tiny-00/045.png", "compare report/metrics.json report/metrics.json"}) {
    for (const char* to : {">/dev/full", ">&-"}) {
      const auto result = spinfill(fmt::format("-q {} {}", line, to));
      EXPECT_EQ(result.exit_code, 3) << line << to << result.output;
      EXPECT_NE(result.output.find("could not be printed"), std::string::npos) << line << to << result.output;
      EXPECT_EQ(std::ranges::count(result.output, '\n'), 1) << line << to << result.output;
    }
    // The reader has gone before anything is written.
    const auto broken =
        shell(fmt::format("mkfifo pipe; (: <pipe) & {{ sleep 0.1; '{}' -q {}; echo code $? >&2; }} >pipe; rm pipe",
                          test::program(), line));
    EXPECT_NE(broken.output.find("could not be printed"), std::string::npos) << line << broken.output;
    EXPECT_NE(broken.output.find("code 3"), std::string::npos) << line << broken.output;
  }
  // Nothing to print, nothing lost; and a closed stdout's number goes to no file.
  EXPECT_EQ(spinfill("-q synth --sets 1 --size 32 --out silent >&-").exit_code, 0);
  EXPECT_EQ(spinfill("-q data pack data --out closed >&- 2>&- <&-").exit_code, 3);
  EXPECT_EQ(spinfill("data check closed").exit_code, 0);
}

TEST_F(FileRules, AFileOptionReplacesOnlyItsOwnFiles) {
  write_file_atomic(*folder_ / "notes.txt", "run spinfill inspect daily");
  fs::create_directories(*folder_ / "far");
  fs::create_symlink("far/page", *folder_ / "link");
  ASSERT_EQ(shell("mkfifo waiting; mknod null c 1 3 2>/dev/null || ln -s /dev/null null").exit_code, 0);
  const auto before = fs::status(*folder_ / "null").type();
  for (const std::string line : {"inspect run --html ", "inspect data --contact-sheet "}) {
    for (const char* path : {"notes.txt", "data/tiny-00/transforms.json", "data/tiny-00/000.png", "run/config.yaml"})
      expect_refused(line + path, 2, "none that this option wrote");
    for (const char* path : {"waiting", "null", "data", "/dev/null"})
      expect_refused(line + path, 2, "not a plain file");
    expect_refused(line + "/dev/stdout >out.txt", 2, "is where this program prints to");
    expect_refused(line + "gone/page", 3, "gone");
    for (int again = 0; again < 2; ++again) {
      const auto made = spinfill("-q " + line + "link");
      EXPECT_EQ(made.exit_code, 0) << made.output;
    }
    EXPECT_TRUE(fs::is_symlink(*folder_ / "link"));
    EXPECT_GT(fs::file_size(*folder_ / "far/page"), 1000u);
    fs::remove(*folder_ / "far/page");
  }
  EXPECT_EQ(fs::status(*folder_ / "null").type(), before);
  EXPECT_EQ(read_file(*folder_ / "notes.txt"), "run spinfill inspect daily");
}

TEST_F(FileRules, NamesThatAreNotUtf8AreToldAtTheStart) {
  const fs::path odd = *folder_ / "odd";
  fs::create_directories(odd);
  fs::copy(*folder_ / "car", odd / "caf\xE9");
  fs::remove(odd / "caf\xE9/transforms.json");
  fs::copy(*folder_ / "run", odd / "r\xFFn", fs::copy_options::recursive);
  fs::create_directory_symlink("caf\xE9", odd / "photos");
  for (const char* line : {"complete --model run --input odd/caf\xE9 --out x", "data inspect odd/caf\xE9 --out x",
                           "data stabilise odd/caf\xE9", "metrics odd/caf\xE9 data"})
    expect_refused(line, 2, "caf\\xe9' is not UTF-8");
  expect_refused("complete --model run --input odd/photos --out x", 3, "cannot be a vehicle's id");
  expect_refused("data stabilise odd/photos", 3, "cannot be a vehicle's id");
  const auto inside = shell(
      fmt::format("cd odd/r\xFFn && '{}' -q evaluate --model . --data ../../data --out ../../x", test::program()));
  EXPECT_EQ(inside.exit_code, 3) << inside.output;
  EXPECT_NE(inside.output.find("r\\xffn: its name is not UTF-8"), std::string::npos) << inside.output;

  // The sets of a data set without an id of their own.
  const fs::path set = odd / "sets/caf\xE9";
  fs::create_directories(set.parent_path());
  fs::copy(*folder_ / "car", set);
  Json transforms = read_json(set / "transforms.json");
  transforms.erase("id");
  write_json_atomic(set / "transforms.json", transforms);
  const auto checked = spinfill("data check odd/sets --allow-missing");
  EXPECT_EQ(checked.exit_code, 1) << checked.output;
  EXPECT_NE(checked.output.find("caf\\xe9"), std::string::npos) << checked.output;
  expect_refused("data pack odd/sets --out x", 3, "cannot be a vehicle's id");
  expect_refused("evaluate --model run --data odd/sets --out x", 3, "cannot be a vehicle's id");

  write_file_atomic(*folder_ / "latin.yaml", "data: {path: caf\xE9}\n");
  expect_refused("train --config latin.yaml --out x", 2, "is not UTF-8");
  fs::create_directories(odd /
                         "meshes/gr\xFC"
                         "n");
  fs::copy(*folder_ / "meshes/box.obj", odd /
                                            "meshes/gr\xFC"
                                            "n/box.obj");
  EXPECT_EQ(spinfill("-q synth --meshes odd/meshes --size 32 --front x --up z --out odd-meshes").exit_code, 0);
  EXPECT_EQ(read_json(*folder_ / "odd-meshes/gr_n-box/transforms.json")["category"], "gr_n");
  EXPECT_FALSE(fs::exists(*folder_ / "x"));
}

TEST_F(FileRules, ScriptsEmptyOnlyWhatTheyMade) {
  write_file_atomic(
      *folder_ / "script.sh",
      fmt::format("set -eu -o pipefail\n. '{}'\nown_folder script.sh \"$1\"\nmkdir \"$1/d\"\necho x >\"$1/d/f\"\n",
                  fs::canonical(test::fixture("../../scripts/own-folder.sh")).string()));
  const auto run = [&](const std::string& folder) { return shell("bash script.sh " + folder); };
  EXPECT_EQ(run("made").exit_code, 0);
  EXPECT_EQ(run("made/").exit_code, 0);
  write_file_atomic(*folder_ / "made/d/notes.txt", "x");
  const auto refused = run("made");
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.output.find(" d/notes.txt,"), std::string::npos) << refused.output;
  fs::remove(*folder_ / "made/d/notes.txt");
  write_file_atomic(*folder_ / "made/d/f", "longer than it was");
  EXPECT_EQ(run("made").exit_code, 2);
  EXPECT_EQ(run("data").exit_code, 2);
  EXPECT_EQ(run("tiny.yaml").exit_code, 2);
  EXPECT_TRUE(fs::exists(*folder_ / "data/splits.json"));
  // Neither script removes anything in another way.
  for (const char* script : {"demo.sh", "gpu-check.sh"}) {
    const std::string text = read_file(test::fixture("../../scripts") / script);
    EXPECT_NE(text.find(std::string("own_folder ") + script), std::string::npos);
    EXPECT_EQ(text.find("rm -r"), std::string::npos);
  }
}

}  // namespace
}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "core/files/files.h"
#include "data/check/check.h"
#include "data/open_data_set.h"
#include "data/sets/view_set_reader.h"
#include "data/shards/shard_scan.h"
#include "data/shards/shards.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

using test::expect_error;

// Tars as people make them, by the program tar: what can be read is, and the command that an error names mends the
// rest.
class HandMadeTar : public testing::Test {
 protected:
  void SetUp() override {
    if (test::run_command("tar --version && gzip --version").exit_code != 0) GTEST_SKIP() << "SKIPPED: no tar or gzip";
    for (const std::string id : {"car-1", "car-2"}) {
      test::write_tiny_set(folder_ / "sets" / id, {.id = id, .slots = {0, 1, 2}});
      loose(id, id);
    }
  }
  // The set's files beside each other, as a shard wants them.
  void loose(const std::string& id, const std::string& key) {
    make_folder(folder_ / "loose");
    const fs::path from = folder_ / "sets" / id, to = folder_ / "loose";
    fs::copy_file(from / "transforms.json", to / (key + ".json"), fs::copy_options::overwrite_existing);
    for (const char* name : {"000.png", "045.png", "090.png"})
      fs::copy_file(from / name, to / (key + "." + name), fs::copy_options::overwrite_existing);
  }
  std::string shell(const std::string& script) {
    const auto result = test::run_command("cd '" + folder_.path().string() + "' && " + script);
    EXPECT_EQ(result.exit_code, 0) << script << "\n" << result.output;
    return result.output;
  }
  // x.tar of loose files.
  void tar(const std::string& arguments) { shell("cd loose && rm -f ../x.tar && tar -cf ../x.tar " + arguments); }
  std::size_t sets() { return scan_shard(folder_ / "x.tar").sets.size(); }
  // Refused with these texts; the command in the message makes a shard of it.
  void mended(const std::vector<std::string>& texts, std::size_t sets_after = 2) {
    std::string command;
    try {
      sets();
      FAIL() << "was read";
    } catch (const Error& error) {
      const std::string message = error.what();
      for (const auto& text : texts) EXPECT_NE(message.find(text), std::string::npos) << text << " not in " << message;
      for (const char* start : {"mkdir unpacked", "mv "}) {
        if (const auto at = message.find(start); at != std::string::npos) command = message.substr(at);
      }
      ASSERT_FALSE(command.empty()) << message;
    }
    shell("rm -rf unpacked && " + command);
    EXPECT_EQ(sets(), sets_after) << command;
  }
  test::TemporaryFolder folder_;
};

TEST_F(HandMadeTar, HarmlessOnesAreRead) {
  for (const char* arguments :
       {"--sort=name .", "--sort=name ./", "car-1.json car-1.0* car-2.*", "--format=gnu --sort=name .",
        "--format=v7 --sort=name .", "--format=ustar --sort=name .", "--format=pax --sort=name .",
        "--sort=name --transform='s,^\\.,some/folder,' ."}) {
    tar(arguments);
    EXPECT_EQ(sets(), 2U) << arguments;
  }
  // Long names: GNU's and pax's own headers.
  const std::string long_key = std::string(120, 'k');
  loose("car-1", long_key);
  for (const char* format : {"gnu", "pax"}) {
    tar(fmt::format("--format={} {}.*", format, long_key));
    EXPECT_EQ(sets(), 1U) << format;
  }
  fs::create_directory(folder_ / "data");
  fs::rename(folder_ / "x.tar", folder_ / "data/X.TAR");
  EXPECT_EQ(open_data_set(folder_ / "data", "train").view_set(0)->frames.size(), 3U);
  // What a Mac adds.
  write_file_atomic(folder_ / "loose/._car-1.json", "mac");
  write_file_atomic(folder_ / "loose/.DS_Store", "mac");
  tar("car-1.json ._car-1.json car-1.0* .DS_Store car-2.*");
  EXPECT_EQ(sets(), 2U);
}

TEST_F(HandMadeTar, UnsortedFilesAreMended) {
  tar("car-1.json car-2.json car-1.0* car-2.0*");
  mended({"car-1", "not consecutive", "--sort=name"});
  tar("car-1.json car-1.000.png car-2.* car-1.045.png car-1.090.png");
  mended({"car-1", "not consecutive"});
  tar("car-1.045.png car-2.* car-1.000.png car-1.090.png car-1.json");
  mended({"car-1", "not consecutive"});
}

TEST_F(HandMadeTar, ThatWasAddedToIsMended) {
  tar("car-1.* car-2.*");
  shell("tar -rf x.tar -C loose car-2.json");
  mended({"'json' comes twice"});
  tar("car-1.*");
  shell("tar -cf y.tar -C loose car-2.json car-2.000.png car-2.045.png car-2.090.png && cat y.tar >> x.tar");
  mended({"after its end mark", "several tars"});
}

TEST_F(HandMadeTar, DotsInKeysAreMended) {
  shell("rm loose/*");
  loose("car-1", "car.v2");
  tar("--sort=name .");
  mended({"car.v2.json", "first dot"}, 1);
  shell("rm loose/*");
  loose("car-2", "car-2");
  shell("mv loose/car-2.json loose/car-2.transforms.json");
  tar("--sort=name .");
  mended({"car-2.transforms.json", "first dot"}, 1);
}

TEST_F(HandMadeTar, LinksAreMended) {
  shell("ln loose/car-1.000.png loose/car-1.005.png");
  tar("--sort=name car-1.*");
  mended({"car-1.005.png", "link"}, 1);
  shell(
      "rm loose/car-1.005.png && mv loose/car-1.045.png loose/car-1.045.jpg && ln -s car-1.045.jpg "
      "loose/car-1.045.png");
  tar("--sort=name car-1.*");
  mended({"car-1.045.png", "link"}, 1);
}

TEST_F(HandMadeTar, FoldersOfSetsAreNamed) {
  for (const char* what : {"sets", "-C sets car-1 car-2", "-C sets ."}) {
    shell(std::string("tar -cf x.tar ") + what);
    expect_error(ExitCode::runtime, {"x.tar", "folders of view sets", "transforms.json", "tar -xf", "data pack"},
                 [&] { sets(); });
  }
}

TEST_F(HandMadeTar, CompressedOnesAreMended) {
  tar("--sort=name .");
  const std::string plain = read_file(folder_ / "x.tar");
  for (const char* program : {"gzip", "zstd", "xz", "bzip2"}) {
    if (test::run_command(std::string("command -v ") + program).exit_code != 0) continue;
    write_file_atomic(folder_ / "x.tar", plain);
    shell(fmt::format("{} -c < x.tar > y && mv y x.tar", program));
    mended({"x.tar", "compressed", program, "no random access"});
  }
  write_file_atomic(folder_ / "x.tar", "PK\x03\x04 and more");
  expect_error(ExitCode::runtime, {"x.tar", "zip archive"}, [&] { sets(); });

  // By their names, where they would be left out.
  fs::create_directory(folder_ / "data");
  for (const char* name : {"a.tar.gz", "a.tgz", "a.TAR.GZ", "a.tar.zst", "a.tar.xz", "a.tar.bz2"}) {
    write_file_atomic(folder_ / "data" / name, plain);
    for (const bool beside : {false, true}) {
      if (beside) fs::copy_file(folder_ / "x.tar", folder_ / "data/b.tar", fs::copy_options::overwrite_existing);
      const std::vector<std::string> texts = {name, "compressed"};
      expect_error(ExitCode::runtime, texts, [&] { open_data_set(folder_ / "data", "train"); });
      expect_error(ExitCode::runtime, texts, [&] { check_data(folder_ / "data", {}); });
      expect_error(ExitCode::runtime, texts, [&] { write_indexes(folder_ / "data", false); });
    }
    fs::remove(folder_ / "data/b.tar");
    fs::remove(folder_ / "data" / name);
  }
  // gunzip -k leaves both.
  write_file_atomic(folder_ / "data/a.tar.gz", plain);
  write_file_atomic(folder_ / "data/a.tar", plain);
  EXPECT_EQ(open_data_set(folder_ / "data", "train").size(), 2);
}

TEST_F(HandMadeTar, CutOnesAreNamed) {
  tar("--sort=name .");
  const std::string whole = read_file(folder_ / "x.tar");
  for (const std::size_t left : {0UL, 100UL, 700UL, whole.size() / 2, whole.size() / 2 + 77}) {
    write_file_atomic(folder_ / "x.tar", whole.substr(0, left));
    expect_error(ExitCode::runtime, {"x.tar"}, [&] { sets(); });
  }
  shell("tar -cf x.tar --files-from=/dev/null");
  expect_error(ExitCode::runtime, {"x.tar", "without files"}, [&] { sets(); });
}

}  // namespace
}  // namespace spinfill

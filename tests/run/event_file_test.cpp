// SPDX-License-Identifier: Apache-2.0
#include "run/event_file.h"
#include "core/files/json.h"

#include <gmock/gmock.h>

#include <opencv2/core.hpp>

#include <cmath>
#include <cstring>
#include <map>

#include "core/files/files.h"
#include "data/pictures/picture.h"
#include "data/sets/view_set.h"
#include "run/run_log.h"
#include "support/support.h"

namespace spinfill {
namespace {

using testing::HasSubstr;

template <class Word>
Word word_at(std::string_view bytes, std::size_t at) {
  Word word{};
  std::memcpy(&word, bytes.data() + at, sizeof(Word));
  return word;
}

// The records of an event file; fails where a length or a checksum is wrong.
std::vector<std::string> records_of(const fs::path& path) {
  const std::string file = read_file(path);
  std::vector<std::string> records;
  for (std::size_t at = 0; at < file.size();) {
    const auto length = word_at<std::uint64_t>(file, at);
    EXPECT_EQ(word_at<std::uint32_t>(file, at + 8), masked_crc32c(std::string_view(file).substr(at, 8)));
    records.push_back(file.substr(at + 12, length));
    EXPECT_EQ(word_at<std::uint32_t>(file, at + 12 + length), masked_crc32c(records.back()));
    at += 16 + length;
  }
  return records;
}

TEST(EventFile, ChecksumIsTheMaskedCrc32c) {
  constexpr std::uint32_t kCheck = 0xE3069283;  // CRC-32C of "123456789" (RFC 3720)
  EXPECT_EQ(masked_crc32c("123456789"), (kCheck >> 15 | kCheck << 17) + 0xA282EAD8U);
}

TEST(EventFile, FramesAndMessagesByHand) {
  const test::TemporaryFolder folder;
  EventFile file(folder.path());
  EXPECT_THAT(file.path().filename().string(), HasSubstr("tfevents"));
  file.scalars(300, {{"a", 0.5}, {"nothing", std::nan("")}});
  file.scalars(301, {{"nothing", std::nan("")}});
  const auto records = records_of(file.path());
  ASSERT_EQ(records.size(), 2U);
  EXPECT_THAT(records[0], HasSubstr("\x1a\x0d"
                                    "brain.Event:2"));  // field 3, 13 bytes
  // step (field 2): 300; summary (5) of 10 bytes: value (1) of 8: tag (1) "a", simple_value (2) 0.5f
  const std::string expected = std::string(
      "\x10\xac\x02\x2a\x0a\x0a\x08\x0a\x01"
      "a\x15\x00\x00\x00\x3f",
      15);
  EXPECT_EQ(records[1].substr(9), expected);
}

TEST(EventFile, RefusesWhatIsNoPicture) {
  const test::TemporaryFolder folder;
  EventFile file(folder.path());
  test::expect_error(ExitCode::runtime, {"no PNG"}, [&] { file.image(1, "x", "GIF89a"); });
  test::expect_error(ExitCode::runtime, {"missing"}, [&] {
    write_file_atomic(folder / "missing", "a file, not a folder");
    EventFile(folder / "missing");
  });
}

// A run, stopped after step 4 and resumed at step 2, as the real TensorBoard reads it.
TEST(EventFile, TensorBoardReadsARunBack) {
  const char* python = std::getenv("SPINFILL_TENSORBOARD_PYTHON");
  if (python == nullptr)
    GTEST_SKIP() << "SKIPPED: name a python that has the package tensorboard in SPINFILL_TENSORBOARD_PYTHON";
  const test::TemporaryFolder folder;
  fs::create_directories(folder / "samples");
  write_png(folder / "samples/step-0000002-0.png", cv::Mat(5, 7, CV_8UC3, cv::Scalar(1, 2, 3)));
  {
    RunLog log(folder.path(), 0, "seed: 1");
    for (int step = 1; step <= 4; ++step) log.add({{"step", step}, {"loss", 1.0 / step}, {"phase", "mixed"}});
    log.add({{"step", 2}, {"validation", {{"psnr", 20.5}, {"lpips", nullptr}}}});
    log.add_samples(2);
  }
  {
    RunLog log(folder.path(), 2, "seed: 1");
    log.add({{"step", 3}, {"loss", 7}});
  }
  const auto result = test::run_command(fmt::format(
      "'{}' '{}' '{}' 2>/dev/null", python, test::fixture("train/read_events.py").string(), folder.path().string()));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const Json read = Json::parse(result.output);
  EXPECT_EQ(read["scalars"]["train/loss"], Json::parse("[[1,1.0],[2,0.5],[3,7.0]]"));
  EXPECT_EQ(read["scalars"]["validation/psnr"], Json::parse("[[2,20.5]]"));
  EXPECT_FALSE(read["scalars"].contains("validation/lpips"));
  EXPECT_EQ(read["images"]["samples/0"], Json::parse("[[2,7,5]]"));
  EXPECT_THAT(read["texts"]["config"].get<std::string>(), HasSubstr("seed: 1"));
}

}  // namespace
}  // namespace spinfill

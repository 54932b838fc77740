// SPDX-License-Identifier: Apache-2.0
#include "metrics/azimuth_scores.h"

#include <gtest/gtest.h>

#include <fstream>

#include "support/support.h"

namespace spinfill {
namespace {

TEST(AzimuthScores, AreWhatTheyAreCalled) {
  // Errors 4, 26, 40, 180 (a wrong end, not a wrong side), 140 (a wrong side).
  const AzimuthScores scores =
      azimuth_scores({{{94, 0.9}, 90}, {{16, 0.5}, 350}, {{130, 0.5}, 90}, {{180, 0.1}, 0}, {{250, 0.3}, 110}});
  EXPECT_EQ(scores.count, 5);
  EXPECT_NEAR(scores.median_deg, 40, 1e-9);
  EXPECT_NEAR(scores.right, 0.2, 1e-9);
  EXPECT_NEAR(scores.far_off, 0.6, 1e-9);
  EXPECT_NEAR(scores.eight_way, 0.4, 1e-9);  // 94 for 90, 16 for 350
  EXPECT_NEAR(scores.sides, 1.0 / 3, 1e-9);
  EXPECT_NEAR(scores.confidence, 2.3 / 5, 1e-9);
  ASSERT_EQ(scores.bands.size(), 4);
  EXPECT_EQ(scores.bands[2].count, 2);  // of 0.5
  EXPECT_NEAR(scores.calibration_error, (0.1 + 0.3 + 2 * 0.5 + 0.1) / 5, 1e-9);
}

TEST(AzimuthScores, ATableOfTruthsIsReadByItsHeader) {
  const test::TemporaryFolder folder;
  std::ofstream(folder / "t.tsv") << "x\tazimuth_deg\tfile\r\n1\t-90\ta/b.jpg\r\n\n2\t5.5\tc.jpg\n";
  const auto truths = read_true_azimuths(folder / "t.tsv");
  ASSERT_EQ(truths.size(), 2);
  EXPECT_EQ(truths.at(std::filesystem::weakly_canonical(folder / "a/b.jpg")), 270);
  std::ofstream(folder / "t.tsv") << "file\tazimuth_deg\na.jpg\tninety\n";
  test::expect_error(ExitCode::runtime, {"t.tsv:2"}, [&] { read_true_azimuths(folder / "t.tsv"); });
  std::ofstream(folder / "t.tsv") << "file\tangle\n";
  test::expect_error(ExitCode::runtime, {"t.tsv:1", "azimuth_deg"}, [&] { read_true_azimuths(folder / "t.tsv"); });
}

}  // namespace
}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "metrics/evidence_errors.h"

#include <gtest/gtest.h>

#include <cmath>

#include "support/support.h"

namespace spinfill {
namespace {

// Left half seen and exact, right half: the upper part mirrored and 0.2 off, the lower invented and 0.4 off.
struct Halves {
  cv::Mat truth{8, 8, CV_8UC4, cv::Scalar(102, 102, 102, 255)}, picture = truth.clone(),
                                                                shares{8, 8, CV_8UC3, cv::Scalar(255, 0, 0)};
  Halves() {
    picture(cv::Rect(4, 0, 4, 4)) = cv::Scalar(153, 153, 153, 255);
    picture(cv::Rect(4, 4, 4, 4)) = cv::Scalar(204, 204, 204, 255);
    shares(cv::Rect(4, 0, 4, 4)) = cv::Scalar(0, 255, 0);
    shares(cv::Rect(4, 4, 4, 4)) = cv::Scalar(0, 0, 255);
  }
};

TEST(EvidenceErrors, CountEachPixelWhereItIsFrom) {
  const Halves halves;
  const EvidenceErrors errors = evidence_errors(halves.picture, halves.truth, halves.shares, {0, 0, 8, 8});
  EXPECT_NEAR(errors.share(0), 0.5, 1e-12);
  EXPECT_NEAR(errors.share(1), 0.25, 1e-12);
  EXPECT_NEAR(errors.share(2), 0.25, 1e-12);
  EXPECT_EQ(errors.parts[0].mean(), 0);
  EXPECT_NEAR(errors.parts[1].mean(), 0.04, 1e-9);
  EXPECT_NEAR(errors.parts[2].mean(), 0.16, 1e-9);
  EXPECT_NEAR(errors.by_invented.back().mean(), 0.16, 1e-9);
  EXPECT_NEAR(errors.by_invented.front().pixels, 48, 1e-9);
  EXPECT_NEAR(errors.by_mirrored.back().mean(), 0.04, 1e-9);
}

TEST(EvidenceErrors, CoverageAndTheBoxCount) {
  Halves halves;
  halves.picture(cv::Rect(4, 4, 4, 4)) = cv::Scalar(0, 0, 0, 0);
  const EvidenceErrors errors = evidence_errors(halves.picture, halves.truth, halves.shares, {0, 2, 8, 6});
  EXPECT_EQ(errors.parts[2].pixels, 0) << "nothing is delivered there";
  EXPECT_TRUE(std::isnan(errors.parts[2].mean()));
  EXPECT_NEAR(errors.parts[1].pixels, 8, 1e-9);
  EvidenceErrors twice = errors;
  twice.add(errors);
  EXPECT_EQ(twice.parts[1].pixels, 2 * errors.parts[1].pixels);
  EXPECT_EQ(twice.parts[1].mean(), errors.parts[1].mean());
  EXPECT_TRUE(std::isnan(EvidenceErrors().share(0)));
  test::expect_error(ExitCode::runtime, {"another size"}, [&] {
    evidence_errors(halves.picture, halves.truth, cv::Mat(), {0, 0, 8, 8});
  });
}

}  // namespace
}  // namespace spinfill

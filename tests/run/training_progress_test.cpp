// SPDX-License-Identifier: Apache-2.0
#include "run/training_progress.h"

#include <gtest/gtest.h>

namespace spinfill {
namespace {

TEST(TrainingProgress, IsReadBackAsItWasWritten) {
  TrainingProgress progress;
  EXPECT_EQ(progress_from_json(to_json(progress)), progress);
  progress.best = {40, 21.25};
  progress.validation_owed = false;
  progress.early_stop = StaleValidations{21.25, 3};
  EXPECT_EQ(to_json(progress).dump(),
            R"({"best_step":40,"best_psnr":21.25,"validation_owed":false,"early_stop":{"psnr":21.25,"stale":3}})");
  EXPECT_EQ(progress_from_json(to_json(progress)), progress);
  progress.best.conditions = "targets' true cameras";
  EXPECT_EQ(progress_from_json(to_json(progress)), progress);
  EXPECT_EQ(progress_from_json(Json::object()), TrainingProgress{});
}

TEST(BestValidation, CountsFromStepOneOn) {
  BestValidation best;
  EXPECT_FALSE(best.update(30, 0));
  EXPECT_TRUE(best.update(20, 10));
  EXPECT_FALSE(best.update(20, 20));
  EXPECT_TRUE(best.update(20.5, 30));
  EXPECT_EQ(best, (BestValidation{30, 20.5}));
  EXPECT_TRUE(best.update(21, 40, "estimated"));
  EXPECT_EQ(best.conditions, "estimated");
}

}  // namespace
}  // namespace spinfill

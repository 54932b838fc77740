// SPDX-License-Identifier: Apache-2.0
#include "data/batch.h"
#include "data/synth/design.h"
#include "support/support.h"

namespace spinfill {
namespace {

TEST(SynthCategories, AreThoseOfBatches) {
  EXPECT_EQ(synth::all_categories(), kCategories);
}

}  // namespace
}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "data/batches/batch.h"
#include "support/support.h"
#include "synth/vehicles/design.h"

namespace spinfill {
namespace {

TEST(SynthCategories, AreThoseOfBatches) {
  EXPECT_EQ(synth::all_categories(), kCategories);
}

}  // namespace
}  // namespace spinfill

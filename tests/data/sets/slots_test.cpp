// SPDX-License-Identifier: Apache-2.0
#include "data/sets/slots.h"

#include "support/support.h"

namespace spinfill {
namespace {

TEST(Slots, TheNearestOneToAnAzimuth) {
  for (int slot = 0; slot < kSlots; ++slot) {
    EXPECT_EQ(nearest_slot(azimuth_of(slot)), slot);
    EXPECT_EQ(nearest_slot(azimuth_of(slot) - 22.5), slot) << "halfway the one counter-clockwise";
    EXPECT_EQ(nearest_slot(azimuth_of(slot) + 22.4 - 360), slot);
  }
}

TEST(Slots, MirrorImages) {
  EXPECT_EQ(mirrored_slot(0), 0);
  EXPECT_EQ(mirrored_slot(3), 5);
  EXPECT_EQ(mirrored_slots(Slots(0b00000010)), Slots(0b10000000));
  EXPECT_EQ(mirrored_slots(Slots(0b00010001)), Slots(0b00010001));
  for (unsigned bits = 0; bits < 256; ++bits) EXPECT_EQ(mirrored_slots(mirrored_slots(Slots(bits))), Slots(bits));
}

}  // namespace
}  // namespace spinfill

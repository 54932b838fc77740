// SPDX-License-Identifier: Apache-2.0
#include "core/tensors/freed_memory.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <memory>
#include <vector>

namespace spinfill {
namespace {

TEST(FreedMemory, IsKeptForTheNextUse) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "SKIPPED: AddressSanitizer has an allocator of its own";
#endif
  keep_freed_memory();
  const auto before = ::mallinfo2();
  {
    std::vector<std::unique_ptr<char[]>> blocks;
    for (int i = 0; i < 8; ++i) blocks.push_back(std::make_unique<char[]>(std::size_t{24} << 20));
    EXPECT_EQ(::mallinfo2().hblks, before.hblks) << "mapped for itself";
  }
  EXPECT_GE(::mallinfo2().arena, before.arena + (std::size_t{8 * 24} << 20) - before.fordblks) << "given back";
}

}  // namespace
}  // namespace spinfill

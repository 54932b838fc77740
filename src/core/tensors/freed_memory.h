// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace spinfill {

// The C library gives large freed blocks back to the system at once, and a training step that allocates the same sizes
// again and again spends its time on pages that are mapped and zeroed again. After this call it keeps them for the next
// use. For processes that do the same work until they end; memory grows to the largest step's, no further.
void keep_freed_memory();

}  // namespace spinfill

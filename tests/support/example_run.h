// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace spinfill::test {

// A run's folder of two steps and one checkpoint, with markup in its config and a cut-off last row.
void write_example_run(const std::filesystem::path& run);

}  // namespace spinfill::test

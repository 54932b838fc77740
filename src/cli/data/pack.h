// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>

#include <functional>

namespace spinfill {

// `spinfill data pack` and `spinfill data index`: declare their options, return what runs.
std::function<int()> add_pack(CLI::App& data);
std::function<int()> add_index(CLI::App& data);

}  // namespace spinfill

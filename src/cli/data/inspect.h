// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>

#include <functional>

namespace spinfill {

// `spinfill data inspect`: declares itself on the data command and returns what runs it.
std::function<int()> add_inspect_photos(CLI::App& data);

}  // namespace spinfill

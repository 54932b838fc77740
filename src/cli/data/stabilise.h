// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>

#include <functional>

namespace spinfill {

// `spinfill data stabilise`: declares itself on the data command and returns what runs it.
std::function<int()> add_stabilise(CLI::App& data);

}  // namespace spinfill

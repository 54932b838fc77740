// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/files/files.h"
#include "core/files/json.h"
#include "data/sets/view_set.h"

namespace spinfill {

// A wrong field of transforms.json: where (a field or a frame), what is wrong, what to do.
using ReportProblem = std::function<void(const std::string& where, const std::string& what, const std::string& advice)>;

ViewSet read_view_set(const fs::path& folder);  // every field checked; exit 3 names file and field

// Reads folder/transforms.json and reports every wrong field. When report returns, reading goes on with the field's
// default, so that a check can list all problems; read_view_set() throws from it. Files that transforms.json names are
// not opened. Still thrown (exit 3): no transforms.json, invalid JSON.
ViewSet parse_view_set(const fs::path& folder, const ReportProblem& report);
// The same of a description that was read elsewhere; `files` must hold what it names.
ViewSet parse_view_set(const Json& description, const fs::path& folder, std::shared_ptr<const SetFiles> files,
                       const ReportProblem& report);

constexpr int kMaxFrames = 360;  // one per degree
constexpr std::uint64_t kMaxTransformsBytes = 16 << 20;

}  // namespace spinfill

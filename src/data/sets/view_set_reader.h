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

// Every field checked; exit 3 names file and field.
ViewSet read_view_set(const fs::path& folder, Links links = Links::stay_inside);

// Reads folder/transforms.json and reports every wrong field, equal problems of several frames once. When report
// returns, the set lacks what was wrong, so that a check can list all problems: sizes are 0, azimuths NaN, cameras and
// names absent; read_view_set() throws from it. Of the files that transforms.json names only the first picture's header
// is read, where w and h are absent. Still thrown (exit 3): no transforms.json, invalid JSON.
ViewSet parse_view_set(const fs::path& folder, const ReportProblem& report, Links links = Links::stay_inside);
// The same of a description that was read elsewhere; `files` must hold what it names.
ViewSet parse_view_set(const Json& description, const fs::path& folder, std::shared_ptr<const SetFiles> files,
                       const ReportProblem& report, Links links = Links::stay_inside);

constexpr int kMaxFrames = 360;  // one per degree
constexpr std::uint64_t kMaxTransformsBytes = 16 << 20;

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "run/run_config.h"
#include "train/ranks/ranks.h"

namespace spinfill {

// Shared by the commands that start, time or plan a run.

// A configuration file with what --set changes, checked against the network it describes.
RunConfig load_run_to_make(const std::filesystem::path& file, const std::vector<std::string>& set);

// One that trains, by its configuration; or any, on a device.
void as_one_rank(const RankPlace& place, const TrainConfig& config, const std::string& what,
                 const std::function<void(Ranks&)>& work);
// Does a rank's work: that of this process alone, or of one of those that a launcher started
// (train/ranks/rank_place.h). A failure is reported to the other ranks; only rank 0 prints messages. `what` they do
// together: see Ranks. Stopped, where the work was asked to stop, comes out of all ranks alike.
void as_one_rank(const RankPlace& place, at::Device device, const RankTimeouts& timeouts, const std::string& what,
                 const std::function<void(Ranks&)>& work);

}  // namespace spinfill

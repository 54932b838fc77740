// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/options.h"
#include "core/files/output_folder.h"
#include "train/step/fine_tuning.h"

namespace spinfill {

// What the commands share that train a network on rendered vehicles before photographed places.
struct NetworkTraining {
  std::string command;  // "data train-azimuth"
  std::vector<std::string> data = {};
  std::string backdrops = {}, from = {}, out = {}, notice = {};
  bool json = false, replace = false;

  OutputFolder output() const;  // with --from among its inputs
};
// All options but those of what it begins with.
void add_network_training(CLI::App& app, NetworkTraining& training, FineTuning& options, std::uint64_t& seed);
// Exit 2: a batch that is not even.
void check_network_training(const NetworkTraining& training, const FineTuning& options);

}  // namespace spinfill

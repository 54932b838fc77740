// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "data/sets/content.h"

namespace spinfill {

// What a training reads besides its configuration, by content: RUN/inputs.json. A resumed run may find it elsewhere,
// but not changed.
struct RunInputs {
  DataContent data;                   // the vehicles that are trained on
  std::optional<DataContent> replay;  // those of data.replay
  std::string init_from;              // SHA-256 of the initial weights; empty: none, or not at hand any more
  std::string lpips;                  // of the weights of loss.lpips; empty: it has no part in the loss
  std::string autoencoder = {};       // AutoencoderFile::content_hash(); empty: that of pixels
  std::string teacher = {};           // content_hash() of the teacher's weights; empty: there is none
  std::string identity = {};          // SHA-256 of data.identity.model; empty: there is none
};

std::filesystem::path run_inputs_path(const std::filesystem::path& run);
void write_run_inputs(const std::filesystem::path& run, const RunInputs& inputs);
// Empty for a run of an older version, which has no such file. Exit 3 names a damaged one.
std::optional<RunInputs> read_run_inputs(const std::filesystem::path& run);

// Exit 2 says which of the inputs differs, and in what.
void require_same_inputs(const RunInputs& before, const RunInputs& now, const std::filesystem::path& run);

}  // namespace spinfill

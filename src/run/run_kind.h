// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace spinfill {

// What a run's folder holds the training of. Both kinds have a config.yaml, of other keys.
enum class RunKind { model, autoencoder };
RunKind kind_of_run(const std::filesystem::path& run);

// Exit 2 where RUN is of the other kind: one line says of which, and which command goes on with it.
void require_kind(const std::filesystem::path& run, RunKind wanted);

}  // namespace spinfill

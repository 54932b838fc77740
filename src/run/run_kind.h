// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace spinfill {

// What a configuration, and the run that was made by it, trains. Both kinds are YAML, of other keys.
enum class RunKind { model, autoencoder };

// By keys that only one kind has; nothing where keys of both or of neither are stated. Errors (exit 2) of the syntax
// name file and line.
std::optional<RunKind> kind_of_config(const std::string& yaml, const std::string& where);
// Exit 2 where the file is of the other kind: one line says of which, and which command takes it.
void require_config_kind(const std::string& yaml, const std::filesystem::path& file, RunKind wanted);

// Exit 2 where RUN is of the other kind: one line says of which, and which command goes on with it.
void require_kind(const std::filesystem::path& run, RunKind wanted);

}  // namespace spinfill

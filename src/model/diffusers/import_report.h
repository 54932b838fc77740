// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/files/json.h"
#include "model/diffusers/unet_import.h"

namespace spinfill {

// What became of the keys, by part of the network, then each that was not simply loaded; `all`: each key.
std::string import_table(const ImportedWeights& weights, bool all);

// [{"key", "fate", "source", "shape", "source_shape", "note"}], every key; and how many of each fate.
Json import_keys(const ImportedWeights& weights);
Json import_counts(const ImportedWeights& weights);

}  // namespace spinfill

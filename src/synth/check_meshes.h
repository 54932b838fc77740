// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "synth/import/mesh_files.h"
#include "synth/options.h"

namespace spinfill::synth {

// Models that cannot be rendered, and why: one line each.
struct LeftOut {
  std::string file, why;
};

// Reads every model once, before anything is rendered. Without problems: a report on each in the log. With problems:
// all are listed as warnings, a picture of the possible readings beside `out` for each model whose axes are doubtful;
// then exit 3 (a model cannot be read) or 2 (only axes have to be given), or with skip_bad those models are taken out
// of `meshes` and returned. Exit 3 as well where a signal asks to stop, or no model is left.
std::vector<LeftOut> check_meshes(const SynthOptions& options, std::vector<MeshFile>& meshes);

}  // namespace spinfill::synth

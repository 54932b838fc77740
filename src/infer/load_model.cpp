// SPDX-License-Identifier: Apache-2.0
#include "infer/load_model.h"

#include "core/error.h"
#include "core/files/files.h"
#include "infer/bundle.h"
#include "run/run_paths.h"

namespace spinfill {

LoadedModel load_model(const fs::path& path, const RunChoice& choice, at::Device device) {
  if (fs::exists(path / "manifest.json")) return load_bundle(path, device);
  if (is_run(path)) return load_run(path, choice, device);
  if (!fs::exists(path)) fail_usage("{}: does not exist; name a run's or a bundle's folder", path.string());
  fail_usage("{}: is neither a bundle (manifest.json) nor a run (config.yaml)", path.string());
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/files/json.h"
#include "core/files/output_folder.h"
#include "data/photo/weighed_references.h"
#include "infer/asked_views.h"
#include "infer/spin_folder.h"

namespace spinfill {

struct Completion;

struct CompleteOptions {
  PhotographOptions photographs;
  RunnerOptions runner;
  std::string category;            // instead of the set's own; empty: as the set says
  std::vector<std::int64_t> hide;  // azimuths (multiples of 45) of given views that are left out and generated anew
  CameraChoice cameras = {};       // automatic
  ViewRequest request = {};        // the missing primary views
  SamplerProgress compared = {};   // of comparing neighbouring views; may throw to stop
  // The largest share of a generated view that may be invented (infer/runner.h); exit 1 names the views beyond it, and
  // nothing is written. Exit 2 where it is not known: photographs no larger than the model's pictures.
  std::optional<double> max_invented = {};
  Delivery deliver = Delivery::given;
  // What was found already about the pictures in the folder, to save the time; null: nothing.
  std::shared_ptr<const FirstLook> first_look = {};
  bool replace = false;                            // an earlier output of complete may be replaced
  std::vector<std::filesystem::path> inputs = {};  // what was read besides the set: `out` may not overlap it
  // Before anything is generated: reading the pictures, estimating cameras, comparing silhouettes. May throw to stop.
  SamplerProgress prepared = {};
  // Writes more into the folder before it appears; is told what became of the set, but for the time.
  std::function<void(const std::filesystem::path& folder, const Completion& completion)> also = {};
};

// What became of a set.
struct Completion {
  std::filesystem::path out;
  std::string id;
  std::vector<double> given, generated;  // azimuths in degrees; of given views as stated
  std::vector<std::string> further;      // files of further photographs, which were carried onto views
  CameraSource cameras = CameraSource::stated;
  Delivery deliver = Delivery::given;
  std::optional<Stabilisation> stabilisation;  // where cameras were estimated
  std::optional<CameraDoubt> doubt;            // of the cameras, where the masks fit together badly
  Json odd = Json::array();                    // references that differ from the others (data/photo/odd_references.h)
  double seconds = 0;
  std::optional<SamplerConfig> sampler;  // none where all views were given
  std::uint64_t seed = 0;
  std::vector<std::optional<Json>> evidence;  // of the generated views, where it is known
  std::optional<double> matte_residual;       // of views generated with alpha (infer/runner.h)
  Json consistency;                           // of a turntable (data/photo/consistency.h); null: nothing to compare
  Json model;                                 // its provenance
};
Json to_json(const Completion& completion);

// What complete_folder() is to write, to look at before the model is loaded.
OutputFolder completed_folder(const std::filesystem::path& input, const std::filesystem::path& out,
                              const CompleteOptions& options);

// Completes the set in `input` (1 to 8 references, infer/references.h) with the views that are asked for and writes the
// folder `out` (infer/spin_folder.h), whole or not at all.
Completion complete_folder(const LoadedModel& model, const std::filesystem::path& input,
                           const std::filesystem::path& out, const CompleteOptions& options = {});

}  // namespace spinfill

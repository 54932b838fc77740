// SPDX-License-Identifier: Apache-2.0
#include "metrics/protocol_file.h"

#include <algorithm>

#include "data/sets/slots.h"

namespace spinfill {

void ProtocolFile::bind(Fields& f) {
  f.choice("at", at, "model: pictures of the model's size; photo: each photograph's own size and azimuth");
  f.text("split", split, "Split of splits.json");
  f.list("missing", missing, "How many views are missing", 1, kSlots);
  f.list("references", references, "How many views are given; when not empty, used instead of missing", 0, kSlots - 1);
  bind_given(f, given);
  f.number("subsets", subsets, "Reference subsets per vehicle and count of missing views", 1, 56);
  f.number("subset_seed", subset_seed, "Seed of the list of subsets", 0, std::int64_t{1} << 52);
  f.number("limit", limit, "Score so many vehicles, evenly spread; 0: all", 0, std::int64_t{1} << 40);
  f.list("background", background, "Background that pictures are composited on: sRGB, three numbers", 0, 1);
  f.choice("cameras", cameras, "As data.cameras; at photo cameras are always those that complete would have");
  f.number("steps", steps, "Sampling steps; 0: the model's own", 0, 10000);
  f.number("sampling_seed", sampling_seed, "Seed of the sampling noise", 0, std::int64_t{1} << 52);
  f.number("samples", samples, "Samples of each target view, with seeds from sampling_seed on; scores are their means",
           1, kMostSamples);
  f.choice("lpips", lpips, {"any", "alex", "vgg", "squeeze", "none"}, "The net that LPIPS must be of; none: no LPIPS");
  f.require(background.size() == 3, "background needs three numbers (red, green, blue)");
  f.require(!missing.empty() || !references.empty(), "missing and references are both empty");
  f.require(at != ScoredAt::photo || std::ranges::all_of(background, [](double c) { return c == 1; }),
            "at photo the background is white: [1, 1, 1]");
}

void ProtocolFile::apply(DataConfig& data, EvaluationConfig& evaluation) const {
  data.missing = missing;
  data.references = references;
  data.background = background;
  data.cameras = cameras;
  evaluation.given = given;
  evaluation.subsets = subsets;
  evaluation.subset_seed = subset_seed;
}

const std::vector<std::string>& keys_of_protocol() {
  static const std::vector<std::string> keys = {"data.missing",           "data.references",  "data.background",
                                                "data.cameras",           "evaluation.given", "evaluation.subsets",
                                                "evaluation.subset_seed", "sampler.steps"};
  return keys;
}

ProtocolFile read_protocol_file(const std::filesystem::path& path) {
  return load_config<ProtocolFile>(path);
}

Json to_json(ProtocolFile file) {
  return config_to_json([&](Fields& f) { file.bind(f); });
}

}  // namespace spinfill

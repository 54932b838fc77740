// SPDX-License-Identifier: Apache-2.0
#include "infer/score_card.h"

#include <fmt/format.h>

#include <utility>

#include "metrics/report.h"

namespace spinfill {
namespace {

constexpr const char* kNotTold = "conditions not told (an older report)";

// Nothing where it is missing or something else.
Json part(const Json& json, const char* name) {
  return json.is_object() ? json.value(name, Json()) : Json();
}
std::string text(const Json& json, const char* name, const char* otherwise = "") {
  const Json value = part(json, name);
  return value.is_string() && !value.get<std::string>().empty() ? value.get<std::string>() : otherwise;
}

std::string scored(const Json& evaluation) {
  const Json protocol = part(evaluation, "protocol"), overall = part(evaluation, "overall");
  std::string line = "scored:";
  for (std::size_t k = 0; k < kMetrics; ++k) {
    const Json value = part(overall, kMetricNames[k].c_str());
    if (!value.is_number()) continue;
    const std::string net = needs_lpips(k) ? "-" + text(protocol, "lpips_net", "?") : "";
    line += fmt::format(" {}{} {},", kMetricLabels[k], net, score_text(k, value.get<double>()));
  }
  line.back() = ';';
  const std::string split = text(protocol, "split", "?");
  line += fmt::format(" {} views of {} vehicles, {}", part(protocol, "images").dump(),
                      part(protocol, "vehicles").dump(), split == kNoSplits ? split : "split " + split);
  if (text(protocol, "at") == "photo") {
    line += ", at the photographs' size";
  } else {
    line += fmt::format(", {}×{} px", part(protocol, "width").dump(), part(protocol, "height").dump());
  }
  if (const Json samples = part(protocol, "samples"); samples.is_number_integer())
    line += fmt::format(", means over {} samples", samples.dump());
  return line + fmt::format("; {}; sampler {}", text(protocol, "conditions", kNotTold), text(protocol, "sampler", "?"));
}

}  // namespace

std::vector<std::string> score_card(const Json& manifest) {
  const Json provenance = part(manifest, "provenance"), training = part(provenance, "training"),
             evaluation = part(provenance, "evaluation");
  std::vector<std::string> lines;
  for (const auto& [key, what] :
       {std::pair{"validation_psnr", "PSNR"}, std::pair{"validation_teacher_psnr", "PSNR to its teacher's pictures"}}) {
    if (!part(training, key).is_number()) continue;
    lines.push_back(fmt::format("validation: {} {}; {}", what, score_text(0, part(training, key).get<double>()),
                                text(training, "validation_conditions", kNotTold)));
  }
  if (!evaluation.is_object()) return lines;
  lines.push_back(scored(evaluation));
  if (text(part(evaluation, "protocol"), "cameras").find("true cameras") != std::string::npos) {
    lines.emplace_back(
        "these targets had their true cameras, which nobody has of a view to be made from photographs: evaluate --at "
        "photo, or with --set data.cameras=estimated, tells what users get");
  }
  return lines;
}

}  // namespace spinfill

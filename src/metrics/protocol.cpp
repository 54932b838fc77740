// SPDX-License-Identifier: Apache-2.0
#include "metrics/protocol.h"

#include <set>

#include "core/error.h"
#include "metrics/image_metrics.h"

namespace spinfill {
namespace {

// Changes whenever a definition changes, so that scores by different definitions are never compared.
constexpr const char* kFormat = "spinfill metrics 1";

Json definitions(ScoredAt at) {
  Json value;
  value["compositing"] =
      "alpha·colour + (1−alpha)·background in sRGB, both sides on the same background, clamped to [0,1]";
  value["average"] = "per image, then the mean over images; images without a value are left out of that mean";
  value["psnr"] = fmt::format("10·log10(1/MSE) dB over all pixels and channels, per image, at most {:.0f}", kPsnrCap);
  value["foreground_psnr"] = "the same with the squared error weighted by the truth's alpha";
  value["ssim"] =
      "Gaussian 11×11 window, sigma 1.5, K = (0.01, 0.03), population covariance, per colour channel, valid region "
      "only";
  value["foreground_ssim"] =
      "mean of that SSIM map weighted by the truth's alpha at the window's centre, valid region only";
  value["lpips"] = "LPIPS v0.1, full frame only (its features reach across the silhouette); lower is better";
  if (at == ScoredAt::model) return value;
  value["crop"] =
      "the true vehicle's box (coverage of at least one half) and 4 % of its sides on each side, within the "
      "photograph, "
      "at the photograph's size and at its own azimuth; all scores but those of the silhouette are of this crop";
  value["silhouette_iou"] =
      "covered by both over covered by either, of the whole picture, coverage of at least one half";
  value["boundary_px"] =
      "mean distance of each outline's pixels to the other outline, averaged over both directions, px of the "
      "photograph; "
      "lower is better";
  value["aligned"] =
      "the same after the scale (0.8 to 1.25) and shift (up to 15 % of the crop) with the least squared error of "
      "premultiplied colour and coverage";
  return value;
}

[[noreturn]] void wrong(const std::string& where, const std::string& key, const char* what) {
  fail("{}: protocol.{}: {}; write the report anew with spinfill evaluate", where, key, what);
}

const Json& field(const Json& object, const std::string& key, const std::string& where) {
  const auto found = object.find(key);
  if (found == object.end()) wrong(where, key, "missing");
  return *found;
}
std::string text(const Json& object, const std::string& key, const std::string& where) {
  const Json& value = field(object, key, where);
  if (!value.is_string()) wrong(where, key, "not a text");
  return value.get<std::string>();
}
std::int64_t integer(const Json& object, const std::string& key, const std::string& where) {
  const Json& value = field(object, key, where);
  if (!value.is_number_integer() || value.get<double>() < 0 || value.get<double>() > 9e18) {
    wrong(where, key, "not a non-negative integer");
  }
  return value.get<std::int64_t>();
}
std::uint64_t seed(const Json& object, const std::string& key, const std::string& where) {
  const Json& value = field(object, key, where);
  if (!value.is_number_unsigned()) wrong(where, key, "not a non-negative integer");
  return value.get<std::uint64_t>();
}

}  // namespace

Json protocol_to_json(const Protocol& p) {
  Json value;
  value["format"] = kFormat;
  if (p.at != ScoredAt::model) value["at"] = name_of(p.at);
  value["data"] = p.data;
  value["split"] = p.split;
  value["vehicles"] = p.vehicles;
  value["subset_count"] = p.subset_count;
  value["images"] = p.images;
  value["subset_seed"] = p.subset_seed;
  value["subsets"] = p.subsets;
  value["subsets_sha256"] = p.subsets_sha256;
  value["truth_sha256"] = p.truth_sha256;
  value["width"] = p.width;
  value["height"] = p.height;
  value["background"] = {p.background[0], p.background[1], p.background[2]};
  value["round_to_8_bits"] = p.round_to_8_bits;
  value["conditions"] = p.conditions;
  value["sampler"] = p.sampler;
  value["steps"] = p.steps;
  value["sampling_seed"] = p.sampling_seed;
  value["lpips_net"] = p.lpips_net.empty() ? Json() : Json(p.lpips_net);
  value["lpips_weights_sha256"] = p.lpips_sha256.empty() ? Json() : Json(p.lpips_sha256);
  value["ssim_absent"] = p.ssim_absent.empty() ? Json() : Json(p.ssim_absent);
  value["lpips_absent"] = p.lpips_absent.empty() ? Json() : Json(p.lpips_absent);
  value["definitions"] = definitions(p.at);
  return value;
}

Protocol protocol_from_json(const Json& value, const std::string& where) {
  if (!value.is_object()) fail("{}: protocol: not an object; write the report anew with spinfill evaluate", where);
  if (text(value, "format", where) != kFormat) wrong(where, "format", "of another version");
  Protocol p;
  if (value.contains("at")) {
    const auto at = value_named<ScoredAt>(text(value, "at", where));
    if (!at) wrong(where, "at", "neither model nor photo");
    p.at = *at;
  }
  p.data = text(value, "data", where);
  p.split = text(value, "split", where);
  p.vehicles = integer(value, "vehicles", where);
  p.subset_count = integer(value, "subset_count", where);
  p.images = integer(value, "images", where);
  p.subset_seed = seed(value, "subset_seed", where);
  p.subsets = text(value, "subsets", where);
  p.subsets_sha256 = text(value, "subsets_sha256", where);
  p.truth_sha256 = text(value, "truth_sha256", where);
  p.width = integer(value, "width", where);
  p.height = integer(value, "height", where);
  const Json& background = field(value, "background", where);
  if (!background.is_array() || background.size() != 3) wrong(where, "background", "not three numbers");
  for (int i = 0; i < 3; ++i) {
    if (!background[i].is_number()) wrong(where, "background", "not three numbers");
    p.background[i] = background[i].get<double>();
  }
  const Json& rounded = field(value, "round_to_8_bits", where);
  if (!rounded.is_boolean()) wrong(where, "round_to_8_bits", "neither true nor false");
  p.round_to_8_bits = rounded.get<bool>();
  if (value.contains("conditions")) p.conditions = text(value, "conditions", where);
  p.sampler = text(value, "sampler", where);
  p.steps = integer(value, "steps", where);
  p.sampling_seed = seed(value, "sampling_seed", where);
  const auto optional_text = [&](const char* key) {
    return field(value, key, where).is_null() ? std::string() : text(value, key, where);
  };
  p.lpips_net = optional_text("lpips_net");
  p.lpips_sha256 = optional_text("lpips_weights_sha256");
  p.lpips_absent = optional_text("lpips_absent");
  if (value.contains("ssim_absent")) p.ssim_absent = optional_text("ssim_absent");
  return p;
}

std::string unlike(const Json& a, const Json& b) {
  static const std::set<std::string> free = {"data",          "conditions", "sampler",      "steps",
                                             "sampling_seed", "subsets",    "lpips_absent", "ssim_absent"};
  std::set<std::string> keys;
  for (const Json* side : {&a, &b}) {
    for (const auto& [key, value] : side->items()) keys.insert(key);
  }
  const auto shown = [](const Json& side, const std::string& key) {
    if (!side.contains(key)) return std::string("absent");
    std::string text = side[key].dump(-1, ' ', false, Json::error_handler_t::replace);
    if (text.size() > 60) text.replace(57, std::string::npos, "...");
    return text;
  };
  for (const std::string& key : keys) {
    if (free.contains(key)) continue;
    if (a.contains(key) && b.contains(key) && a[key] == b[key]) continue;
    return fmt::format("protocol.{} is {} and {}", key, shown(a, key), shown(b, key));
  }
  return {};
}

}  // namespace spinfill

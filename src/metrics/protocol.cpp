// SPDX-License-Identifier: Apache-2.0
#include "metrics/protocol.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "core/error.h"
#include "metrics/detail.h"
#include "metrics/image_metrics.h"
#include "metrics/view_consistency.h"

namespace spinfill {
namespace {

// Changes whenever a definition changes, so that scores by different definitions are never compared.
constexpr const char* kFormat = "spinfill metrics 3";

Json definitions(const Protocol& p) {
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
  value["ssim_grey"] = "as ssim, of the luma .299 R + .587 G + .114 B";
  value["ssim_uniform"] =
      "uniform 7×7 window, K = (0.01, 0.03), sample covariance, per colour channel, valid region only";
  value["identity"] =
      "cosine between the embeddings of the picture and of the truth by the network that protocol.identity names";
  value["identity_of_references"] = "mean of the cosines between the embeddings of the picture and of each given view";
  value["dists"] = "DISTS with VGG16's features, pictures as they are; lower is better";
  if (!p.st_lpips_net.empty())
    value["st_lpips"] = "LPIPS by nets with blurred pooling (Ghildyal and Liu, ECCV 2022), full frame; lower is better";
  if (p.normals) {
    value["normal_error"] =
        "mean angle in degrees between the normals and the set's, over pixels of alpha and true normal of at least one "
        "half, 90 where none is given; the baselines prior and mirror-or-prior have the hull's; lower is better";
    value["normal_error_median"] = "median of these angles; lower is better";
  }
  value["l2"] = "mean squared error over all pixels and channels, [0,1]; lower is better";
  value["gradient_psnr"] =
      "as foreground_psnr, weighted by G = |gradient of the truth's luma| (central differences) times the least alpha "
      "of "
      "the pixels that it reads";
  value["detail_windows"] = fmt::format(
      "the {} squares with the greatest sum of G, none overlapping another; side 1/{} of the longer side of the true "
      "vehicle's box, at least {} px",
      kDetailWindows, kDetailShare, kSmallestDetailSide);
  value["detail_psnr"] = "psnr over those squares together";
  value["detail_lpips"] = "mean of the squares' LPIPS; lower is better";
  if (p.at == ScoredAt::model) return value;
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
  value["geometric_consistency"] = fmt::format(
      "SIFT features inside the silhouette, mutually nearest with ratio 0.8, of the view and its given neighbours (the "
      "nearest on either side within 90°): the share that lies within 1 % of the longer side of the vehicle's box of "
      "both "
      "epipolar lines and meets where both cameras can see, of at least {} matches; null where the photograph itself "
      "has "
      "fewer",
      kFewestMatches);
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

// A report of one sample a view does not say so.
Json entry_of(const Json& side, const std::string& key) {
  return side.value(key, key == "samples" ? Json(1) : Json());
}

std::string shown(const Json& side, const std::string& key) {
  if (!side.contains(key) && key != "samples") return "absent";
  std::string text = entry_of(side, key).dump(-1, ' ', false, Json::error_handler_t::replace);
  const bool hash = key.ends_with("sha256");
  const std::size_t most = hash ? 14 : 60;
  if (text.size() > most) text.replace(most - 3, std::string::npos, "...");
  return text;
}

// Of two lists in words the parts that only one has: "'hull of 64 voxels' and 'hull of 96 voxels, sharp colours'".
std::string differing_parts(const std::string& a, const std::string& b) {
  const auto parts_of = [](const std::string& text) {
    std::vector<std::string> parts;
    for (std::size_t begin = 0; begin <= text.size();) {
      const std::size_t end = std::min(text.find(", ", begin), text.size());
      parts.push_back(text.substr(begin, end - begin));
      begin = end + 2;
    }
    return parts;
  };
  const std::vector<std::string> of_a = parts_of(a), of_b = parts_of(b);
  // A part may come twice: of the warp at photo size and of the network's.
  const auto only = [](std::vector<std::string> own, std::vector<std::string> other) {
    std::erase_if(own, [&](const std::string& part) {
      const auto found = std::ranges::find(other, part);
      if (found == other.end()) return false;
      other.erase(found);
      return true;
    });
    return Json(fmt::format("{}", fmt::join(own, ", "))).dump(-1, ' ', false, Json::error_handler_t::replace);
  };
  return fmt::format("{} and {}", only(of_a, of_b), only(of_b, of_a));
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
  value["cameras"] = p.cameras;
  value["conditions"] = p.conditions;
  value["sampler"] = p.sampler;
  value["steps"] = p.steps;
  value["sampling_seed"] = p.sampling_seed;
  if (p.samples != 1) value["samples"] = p.samples;
  value["lpips_net"] = p.lpips_net.empty() ? Json() : Json(p.lpips_net);
  value["lpips_weights_sha256"] = p.lpips_sha256.empty() ? Json() : Json(p.lpips_sha256);
  value["ssim_absent"] = p.ssim_absent.empty() ? Json() : Json(p.ssim_absent);
  value["lpips_absent"] = p.lpips_absent.empty() ? Json() : Json(p.lpips_absent);
  value["identity"] = p.identity;
  value["identity_absent"] = p.identity_absent.empty() ? Json() : Json(p.identity_absent);
  value["dists_weights_sha256"] = p.dists_sha256.empty() ? Json() : Json(p.dists_sha256);
  value["dists_absent"] = p.dists_absent.empty() ? Json() : Json(p.dists_absent);
  if (!p.st_lpips_net.empty()) {
    value["st_lpips_net"] = p.st_lpips_net;
    value["st_lpips_weights_sha256"] = p.st_lpips_sha256;
    if (!p.st_lpips_absent.empty()) value["st_lpips_absent"] = p.st_lpips_absent;
  }
  if (p.normals) value["normals"] = true;
  if (!p.stated.is_null()) value["stated"] = p.stated;
  value["definitions"] = definitions(p);
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
  if (value.contains("normals")) {
    if (!value["normals"].is_boolean()) wrong(where, "normals", "neither true nor false");
    p.normals = value["normals"].get<bool>();
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
  p.cameras = text(value, "cameras", where);
  p.conditions = text(value, "conditions", where);
  p.sampler = text(value, "sampler", where);
  p.steps = integer(value, "steps", where);
  p.sampling_seed = seed(value, "sampling_seed", where);
  if (value.contains("samples")) {
    p.samples = integer(value, "samples", where);
    if (p.samples < 1 || p.samples > kMostSamples) wrong(where, "samples", "not a number of samples");
  }
  const auto optional_text = [&](const char* key) {
    return field(value, key, where).is_null() ? std::string() : text(value, key, where);
  };
  p.lpips_net = optional_text("lpips_net");
  p.lpips_sha256 = optional_text("lpips_weights_sha256");
  p.lpips_absent = optional_text("lpips_absent");
  p.ssim_absent = optional_text("ssim_absent");
  p.identity = field(value, "identity", where);
  if (!p.identity.is_null() && !p.identity.is_object()) wrong(where, "identity", "not an object");
  p.identity_absent = optional_text("identity_absent");
  p.dists_sha256 = optional_text("dists_weights_sha256");
  p.dists_absent = optional_text("dists_absent");
  if (value.contains("st_lpips_net")) {
    p.st_lpips_net = text(value, "st_lpips_net", where);
    p.st_lpips_sha256 = text(value, "st_lpips_weights_sha256", where);
    if (value.contains("st_lpips_absent")) p.st_lpips_absent = text(value, "st_lpips_absent", where);
  }
  p.stated = value.value("stated", Json());
  return p;
}

std::vector<Difference> differences(const Json& a, const Json& b) {
  // Each thing that a protocol file states stands in the report by itself, too.
  static const std::set<std::string> free = {
      "stated",  "data",         "conditions",  "sampler",         "steps",        "sampling_seed",
      "subsets", "lpips_absent", "ssim_absent", "identity_absent", "dists_absent", "st_lpips_absent"};
  // Without one of these in one report the other scores compare all the same.
  static const std::set<std::string> optional = {
      "identity", "dists_weights_sha256", "st_lpips_net",       "st_lpips_weights_sha256", "st_lpips",
      "normals",  "normal_error",         "normal_error_median"};
  std::vector<Difference> found;
  std::set<std::string> keys;
  for (const Json* side : {&a, &b}) {
    for (const auto& [key, value] : side->items()) keys.insert(key);
  }
  for (const std::string& key : keys) {
    const Json of_a = entry_of(a, key), of_b = entry_of(b, key);
    if (of_a == of_b && ((a.contains(key) && b.contains(key)) || key == "samples")) continue;
    if (optional.contains(key) && (of_a.is_null() || of_b.is_null())) {
      found.push_back({key, of_a.is_null() ? "only in the second" : "only in the first", false});
    } else if (key == "stated") {
      found.push_back(
          {key, of_a.is_null() || of_b.is_null() ? "a protocol file's and none" : "of two protocol files", false});
    } else if (of_a.is_object() && of_b.is_object()) {
      for (Difference& inner : differences(of_a, of_b))
        found.push_back(
            {key + "." + inner.key, inner.text, inner.moves_numbers && !(key == "identity" && inner.key == "file")});
    } else if (key == "conditions" && of_a.is_string() && of_b.is_string()) {
      found.push_back({key, differing_parts(of_a.get<std::string>(), of_b.get<std::string>()), false});
    } else {
      found.push_back({key, fmt::format("{} and {}", shown(a, key), shown(b, key)), !free.contains(key)});
    }
  }
  return found;
}

std::string unlike(const Json& a, const Json& b) {
  std::vector<std::string> parts;
  for (const Difference& difference : differences(a, b)) {
    if (difference.moves_numbers) parts.push_back(fmt::format("protocol.{} is {}", difference.key, difference.text));
  }
  return fmt::format("{}", fmt::join(parts, "; "));
}

}  // namespace spinfill

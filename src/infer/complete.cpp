// SPDX-License-Identifier: Apache-2.0
#include "infer/complete.h"

#include <algorithm>
#include <chrono>

#include <opencv2/core.hpp>

#include "core/error.h"
#include "core/files/atomic_folder.h"
#include "core/log.h"
#include "data/pictures/canonical.h"
#include "data/pictures/picture.h"
#include "data/sets/categories.h"
#include "data/sets/picture_folder.h"
#include "data/sets/set_pictures.h"
#include "data/sets/view_camera.h"
#include "data/sets/view_set_reader.h"
#include "data/sets/view_set_writer.h"
#include "pages/spin_page.h"

namespace spinfill {
namespace {

// The picture with the frame's mask as its alpha.
cv::Mat masked_picture(const ViewSet& set, const Frame& frame) {
  const fs::path path = path_inside(set.folder, frame.file_path, set.id);
  const cv::Mat rgba = read_masked_picture(set, frame);
  const VisibleBox box = visible_box(rgba);
  if (!box.has_alpha) {
    fail(
        "{}: has no mask (alpha is opaque everywhere): cut the vehicle out, or name a mask_file_path in "
        "transforms.json",
        path.string());
  }
  if (box.right <= box.left) fail("{}: its mask is empty: cut the vehicle out again", path.string());
  return rgba;
}

std::string lower_extension(const std::string& file) {
  std::string extension = fs::path(file).extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return extension;
}

std::string azimuth_name(int slot) {
  return fmt::format("{:03}", 45 * slot);
}

void write_bytes(const fs::path& path, const cv::Mat& picture) {
  write_file_atomic(path, encode_png(picture));
}

std::string title_of(const ViewSet& set) {
  return set.category.empty() || set.category == "unknown" ? set.id : fmt::format("{} ({})", set.id, set.category);
}

// The azimuth that the user gave, which an estimate corrects.
double stated_azimuth(const ViewCameras& chosen, const Frame& given) {
  for (std::size_t i = 0; chosen.estimate && i < chosen.set.frames.size(); ++i) {
    if (chosen.set.frames[i].file_path == given.file_path) return chosen.estimate->stated_azimuths_deg[i];
  }
  return given.azimuth_deg;
}

std::string copy_file(const ViewSet& set, const std::string& file, const fs::path& to) {
  std::string bytes = read_file(path_inside(set.folder, file, set.id), kMaxPictureFileBytes);
  write_file_atomic(to, bytes);
  return bytes;
}

// Copies a given picture and its mask to the byte and names them in `frame`; returns a file that shows the picture.
std::string copy_given(const ViewSet& set, const Frame& given, Frame& frame, const fs::path& folder,
                       const cv::Mat& picture) {
  frame.file_path = azimuth_name(frame.slot()) + lower_extension(given.file_path);
  std::string bytes = copy_file(set, given.file_path, folder / frame.file_path);
  if (given.mask_file_path.empty()) return bytes;
  frame.mask_file_path = azimuth_name(frame.slot()) + "_mask" + lower_extension(given.mask_file_path);
  copy_file(set, given.mask_file_path, folder / frame.mask_file_path);
  return encode_png(picture);
}

CanonicalSpin common_turntable(const ViewSet& set, const std::array<cv::Mat, 8>& pictures, const Turntable& turntable) {
  std::vector<Camera> cameras;
  std::vector<cv::Mat> given;
  for (const Frame& frame : set.frames) {
    cameras.push_back(camera_at(set, frame.slot(), turntable));
    given.push_back(pictures[static_cast<std::size_t>(frame.slot())]);
  }
  try {
    return canonical_spin(cameras, given);
  } catch (const Error& error) {
    fail("{}: {}", set.folder.string(), error.what());
  }
}

std::vector<Frame> missing_on(const CanonicalSpin& canonical, const ViewSet& set) {
  std::vector<Frame> missing;
  for (int slot = 0; slot < 8; ++slot) {
    if (set.frame_at(slot) != nullptr) continue;
    missing.emplace_back();
    missing.back().azimuth_deg = 45.0 * slot;
    missing.back().camera = canonical.camera(45.0 * slot);
  }
  return missing;
}

// What write_transforms() knows nothing of.
void annotate(const fs::path& path, const std::vector<SpinFrame>& frames, const ViewCameras& chosen, bool canonical) {
  Json root = read_json(path);
  root["cameras"] = name_of(chosen.source);
  if (chosen.estimate && !canonical) {
    // The key says that cameras are an estimate of the pictures as photographed (states_own_cameras()).
    root["stabilisation"] = to_json(*chosen.estimate);
    for (std::size_t i = 0; i < chosen.set.frames.size(); ++i) {
      const auto slot = static_cast<std::size_t>(chosen.set.frames[i].slot());
      root["frames"][slot]["stated_azimuth_deg"] = chosen.estimate->stated_azimuths_deg[i];
    }
  }
  root["deliver"] = canonical ? "canonical" : "given";
  for (std::size_t i = 0; i < frames.size(); ++i) root["frames"][i]["generated"] = frames[i].generated;
  write_json_atomic(path, root);
}

}  // namespace

ViewSet read_references(const fs::path& input) {
  if (!fs::is_directory(input))
    fail_usage("{}: there is no such folder; --input takes a folder of pictures", input.string());
  ViewSet set = fs::exists(input / "transforms.json") ? read_view_set(input) : view_set_from_pictures(input);
  std::array<const Frame*, 8> taken{};
  for (const Frame& frame : set.frames) {
    const Frame*& place = taken[static_cast<std::size_t>(frame.slot())];
    if (place != nullptr) {
      fail("{}: {} and {} both show the view at {} degrees: keep the one nearer to it", input.string(),
           place->file_path, frame.file_path, 45 * frame.slot());
    }
    place = &frame;
  }
  return set;
}

Json complete_folder(const LoadedModel& model, const fs::path& input, const fs::path& out,
                     const CompleteOptions& options) {
  const auto began = std::chrono::steady_clock::now();
  ViewSet references = read_references(input);
  if (!options.category.empty()) {
    if (options.category != "unknown" && std::ranges::find(kCategories, options.category) == kCategories.end()) {
      fail_usage("category '{}' is not known; use one of {} or unknown", options.category,
                 fmt::join(kCategories, ", "));
    }
    references.category = options.category;
  }
  AtomicFolder folder(out, options.replace);
  std::array<cv::Mat, 8> pictures;
  for (const Frame& frame : references.frames) {
    if (std::ranges::find(options.hide, 45 * frame.slot()) == options.hide.end())
      pictures[static_cast<std::size_t>(frame.slot())] = masked_picture(references, frame);
  }
  const ViewCameras chosen = choose_cameras(references, options.cameras, options.hide);
  ViewSet set = chosen.set;
  std::optional<CanonicalSpin> canonical;
  if (options.deliver == Delivery::canonical) {
    canonical = common_turntable(set, pictures, model.config.data.turntable.turntable);
    set.missing = missing_on(*canonical, set);
  }
  const bool complete = set.slots().all();
  if (complete) log_info("{}: all eight views are given, nothing to generate", set.id);
  GeneratedViews generated;
  if (!complete) generated = generate_views(model, set, options.runner);

  ViewSet result = set;
  result.folder = folder.path();
  result.frames.clear();
  result.missing.clear();
  if (!set.identity_file_path.empty()) {
    result.identity_file_path = "identity" + lower_extension(set.identity_file_path);
    copy_file(set, set.identity_file_path, folder.path() / result.identity_file_path);
  }
  SpinPage page{title_of(set), {}};
  Json given_list = Json::array(), generated_list = Json::array();
  for (int slot = 0; slot < 8; ++slot) {
    const Frame* given = set.frame_at(slot);
    Frame frame;
    frame.azimuth_deg = given != nullptr ? given->azimuth_deg : 45.0 * slot;
    frame.camera = camera_at(set, slot, model.config.data.turntable.turntable);
    frame.file_path = azimuth_name(slot) + ".png";
    const double stated = given != nullptr ? stated_azimuth(chosen, *given) : frame.azimuth_deg;
    SpinFrame spin{stated < 359.5 ? stated : 0, given == nullptr, {}, {}};  // the front comes first and is not "360"
    if (given != nullptr && !canonical) {
      spin.picture = pictures[static_cast<std::size_t>(slot)];
      spin.file = copy_given(set, *given, frame, folder.path(), spin.picture);
    } else {
      if (given != nullptr) {
        const Camera from = *frame.camera;
        frame.camera = canonical->camera(viewing_direction(from).azimuth_deg);
        spin.picture =
            onto_canonical(pictures[static_cast<std::size_t>(slot)], from, *frame.camera, canonical->ground_z);
      } else {
        spin.picture = std::ranges::find(generated.views, slot, &GeneratedView::slot)->picture;
      }
      spin.file = encode_png(spin.picture);
      write_file_atomic(folder.path() / frame.file_path, spin.file);
    }
    (given != nullptr ? given_list : generated_list).push_back(stated);
    result.frames.push_back(std::move(frame));
    page.frames.push_back(std::move(spin));
  }
  write_transforms(result);
  annotate(folder.path() / "transforms.json", page.frames, chosen, canonical.has_value());
  write_bytes(folder.path() / "contact_sheet.png", contact_sheet(page.frames, std::clamp(set.width, 160, 480)));
  write_file_atomic(folder.path() / "spin.html", spin_page(page));
  folder.commit();

  Json summary = {{"out", out.string()}, {"id", set.id}, {"given", given_list}, {"generated", generated_list}};
  summary["cameras"] = name_of(chosen.source);
  summary["deliver"] = canonical ? "canonical" : "given";
  if (chosen.estimate) summary["stabilisation"] = to_json(*chosen.estimate);
  summary["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  if (!complete) {
    summary["sampler"] = to_json(options.runner.sampler);
    summary["seed"] = options.runner.seed;
    if (!options.runner.opaque) summary["matte_residual"] = generated.matte_residual;
  }
  summary["model"] = model.provenance;
  return summary;
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "infer/spin_folder.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "core/error.h"
#include "core/files/files.h"
#include "core/files/json.h"
#include "core/log.h"
#include "data/pictures/picture.h"
#include "data/sets/set_paths.h"
#include "data/sets/view_camera.h"
#include "data/sets/view_set_writer.h"
#include "pages/contact_sheet.h"
#include "pages/spin_page.h"

namespace spinfill {
namespace {

std::string lower_extension(const std::string& file) {
  std::string extension = fs::path(file).extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return extension;
}

std::string azimuth_name(int slot) {
  return fmt::format("{:03}", azimuth_of(slot));
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

void copy_file(const ViewSet& set, const std::string& file, const fs::path& to) {
  write_file_atomic(to, read_file(set_path(set, file), kMaxPictureFileBytes));
}

struct CopiedPicture {
  std::string name, bytes;
};

// Copies pictures to the byte where every viewer shows them upright; those that EXIF turns are delivered turned, as
// PNG.
struct PictureCopier {
  const ViewSet& set;
  const fs::path& folder;
  std::vector<std::string> turned = {};

  CopiedPicture copy(const std::string& file, const std::string& stem) {
    const fs::path from = set_path(set, file);
    CopiedPicture out{stem + lower_extension(file), read_file(from, kMaxPictureFileBytes)};
    if (picture_size(out.bytes, from.string()).orientation != 1) {
      out.name = stem + ".png";
      out.bytes = upright_png(out.bytes, from.string());
      turned.push_back(out.name);
    }
    write_file_atomic(folder / out.name, out.bytes);
    return out;
  }
};

// Copies a given picture and its mask and names them in `frame`; returns a file that shows the picture.
std::string copy_given(PictureCopier& copier, const Frame& given, Frame& frame, const cv::Mat& picture) {
  const std::string name = azimuth_name(frame.slot());
  CopiedPicture copied = copier.copy(given.file_path, name);
  frame.file_path = copied.name;
  if (given.mask_file_path.empty()) return std::move(copied.bytes);
  frame.mask_file_path = copier.copy(given.mask_file_path, name + "_mask").name;
  return encode_png(picture);
}

// "62 % seen, 30 % mirrored, 8 % invented"
std::string evidence_text(const Evidence& evidence) {
  return fmt::format("{:.0f} % seen, {:.0f} % mirrored, {:.0f} % invented", 100 * evidence.seen,
                     100 * evidence.mirrored, 100 * evidence.invented);
}

struct Delivered {
  Frame frame;    // as transforms.json has it
  Json evidence;  // null: not known
  SpinFrame shown;
  double stated_azimuth_deg = 0;
};

// Writes one view's picture.
Delivered deliver(const SpinContents& contents, int slot, PictureCopier& copier) {
  const ViewSet& set = contents.chosen.set;
  const Frame* given = set.frame_at(slot);
  const cv::Mat& picture = contents.pictures[static_cast<std::size_t>(slot)];
  Delivered out;
  Frame& frame = out.frame;
  frame.azimuth_deg = given != nullptr ? given->azimuth_deg : azimuth_of(slot);
  frame.camera = camera_at(set, slot, contents.turntable);
  frame.file_path = azimuth_name(slot) + ".png";
  out.stated_azimuth_deg = given != nullptr ? stated_azimuth(contents.chosen, *given) : frame.azimuth_deg;

  SpinFrame& shown = out.shown;
  shown.generated = given == nullptr;
  shown.azimuth_deg = out.stated_azimuth_deg < 359.5 ? out.stated_azimuth_deg : 0;  // the front comes first, not "360"
  if (given != nullptr && !contents.canonical) {
    shown.picture = picture;
    shown.file = copy_given(copier, *given, frame, picture);
    return out;
  }
  if (given != nullptr) {
    const Camera from = *frame.camera;
    frame.camera = contents.canonical->camera(viewing_direction(from).azimuth_deg);
    shown.picture = onto_canonical(picture, from, *frame.camera, contents.canonical->ground_z);
  } else {
    const GeneratedView& view = *std::ranges::find(contents.generated, slot, &GeneratedView::slot);
    shown.picture = view.picture;
    if (view.evidence) {
      const std::string file = "evidence/" + azimuth_name(slot) + ".png";
      shown.evidence = encode_png(view.evidence->map);
      shown.evidence_text = evidence_text(*view.evidence);
      make_folder(copier.folder / "evidence");
      write_file_atomic(copier.folder / file, shown.evidence);
      out.evidence = to_json(*view.evidence);
      out.evidence["file_path"] = file;
    }
  }
  shown.file = encode_png(shown.picture);
  write_file_atomic(copier.folder / frame.file_path, shown.file);
  return out;
}

// The spin's description: that of a view set, and where its views and cameras come from.
Json description(const ViewSet& spin, const std::vector<SpinFrame>& frames, const std::vector<Json>& evidence,
                 const SpinContents& contents) {
  const ViewCameras& chosen = contents.chosen;
  Json root = transforms_to_json(spin);
  root["cameras"] = name_of(chosen.source);
  if (chosen.estimate && !contents.canonical) {
    // The key says that cameras are an estimate of the pictures as photographed (states_own_cameras()).
    root["stabilisation"] = to_json(*chosen.estimate);
    for (std::size_t i = 0; i < chosen.set.frames.size(); ++i) {
      const auto slot = static_cast<std::size_t>(chosen.set.frames[i].slot());
      root["frames"][slot]["stated_azimuth_deg"] = chosen.estimate->stated_azimuths_deg[i];
    }
  }
  root["deliver"] = name_of(contents.deliver());
  for (std::size_t i = 0; i < frames.size(); ++i) {
    root["frames"][i]["generated"] = frames[i].generated;
    if (!evidence[i].is_null()) root["frames"][i]["evidence"] = evidence[i];
  }
  return root;
}

}  // namespace

SpinAzimuths write_spin_folder(const SpinContents& contents, const fs::path& folder) {
  const ViewSet& set = contents.chosen.set;
  ViewSet result = set;
  result.folder = folder;
  result.frames.clear();
  result.missing.clear();
  if (!set.identity_file_path.empty()) {
    result.identity_file_path = "identity" + lower_extension(set.identity_file_path);
    copy_file(set, set.identity_file_path, folder / result.identity_file_path);
  }
  SpinPage page{title_of(set), {}};
  SpinAzimuths azimuths;
  std::vector<Json> evidence;
  PictureCopier copier{set, folder};
  for (int slot = 0; slot < kSlots; ++slot) {
    Delivered view = deliver(contents, slot, copier);
    (view.shown.generated ? azimuths.generated : azimuths.given).push_back(view.stated_azimuth_deg);
    evidence.push_back(std::move(view.evidence));
    result.frames.push_back(std::move(view.frame));
    page.frames.push_back(std::move(view.shown));
  }
  if (!copier.turned.empty())
    log_info("turned upright as EXIF asks for, and delivered as PNG: {}", fmt::join(copier.turned, ", "));
  write_json_atomic(folder / "transforms.json", description(result, page.frames, evidence, contents));
  write_png(folder / "contact_sheet.png", contact_sheet(page.frames, std::clamp(set.width, 160, 480)));
  write_file_atomic(folder / "spin.html", spin_page(page));
  return azimuths;
}

}  // namespace spinfill

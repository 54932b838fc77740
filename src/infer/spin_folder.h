// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/files/json.h"
#include "data/photo/odd_references.h"
#include "data/pictures/canonical.h"
#include "infer/references.h"
#include "infer/runner.h"
#include "infer/view_cameras.h"
#include "pages/spin_frame.h"

namespace spinfill {

enum class Delivery {
  given,      // references byte for byte (upright where EXIF turns them), generated views framed like their neighbours
  canonical,  // all views resampled onto one turntable (data/pictures/canonical.h)
};
template <>
inline constexpr Named<Delivery> kNamesOf<Delivery>[] = {{Delivery::given, "given"},
                                                         {Delivery::canonical, "canonical"}};

// What a completed spin is made of.
struct SpinContents {
  ViewCameras chosen;                      // the given views, those to generate in `missing`, and all cameras
  ReferencePictures pictures;              // of the given views
  bool shows_further = false;              // further photographs are delivered, too, as given views
  std::optional<CanonicalSpin> canonical;  // where that is how it is delivered
  Turntable turntable;                     // of the model, for views without a camera
  std::vector<Oddities> odd = {};          // of the given views, in the order of the set's frames and further ones
  Delivery deliver() const { return canonical ? Delivery::canonical : Delivery::given; }
  std::size_t views() const;  // how many there will be
  // One view for each primary one and no other: given pictures are named by those that they stand for.
  bool primary() const;
};

// The views in their order, azimuths in degrees.
struct SpinViews {
  std::vector<double> given, generated;       // given ones as they were stated
  std::vector<std::optional<Json>> evidence;  // of the generated ones, where it is known
};

// A completed spin's folder while it is written, view by view.
class SpinFolder {
 public:
  // Writes the given views: copied byte for byte, or PNG where EXIF turns them or on the canonical turntable.
  // `contents` must outlive this.
  SpinFolder(const SpinContents& contents, const std::filesystem::path& folder);

  // Writes a generated view: PNG of the same size, and where they are known evidence/AZIMUTH.png, spread/AZIMUTH.png
  // and normals/AZIMUTH.png. Nothing but a small picture of it stays in memory.
  void add(const GeneratedView& view);

  // Writes surface.ply, which transforms.json then names as ply_file_path.
  void add_surface(const std::string& ply);

  // The views so far with their cameras and files, in the folder: the primary ones by slot, else by azimuth.
  ViewSet views();

  // Writes transforms.json (all views with the cameras used, "generated" on every frame, "cameras": where they come
  // from, "odd" on given ones that differ from the others, "consistency" unless null), contact_sheet.png and spin.html.
  SpinViews finish(const Json& consistency);

 private:
  struct Delivered {
    Frame frame;    // as transforms.json has it
    Json evidence;  // null: not known
    Json spread;    // null: not known
    Json odd;       // null: nothing is
    SpinFrame shown;
    double stated_azimuth_deg = 0;
  };
  std::string copy(const std::string& file, const std::string& stem, bool fitted, std::string* bytes);
  void add_given(const Frame& given, const cv::Mat& picture, const Oddities& odd);
  void keep(Delivered view, const cv::Mat& picture, std::string file);
  void sort();
  bool dense() const;
  Json description(const ViewSet& spin) const;

  const SpinContents& contents_;
  std::filesystem::path folder_;
  std::vector<Delivered> views_;
  std::string surface_;                 // its file
  std::vector<std::string> turned_;     // pictures that EXIF turned
  std::vector<std::string> converted_;  // of formats that many viewers cannot show
};

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/config/config.h"
#include "core/files/links.h"
#include "data/identity/identity_model.h"
#include "data/priors/priors.h"
#include "geometry/camera.h"

namespace spinfill {

// Where the cameras of a sample's views come from (data/spins/set_cameras.h).
enum class CameraSource {
  stated,     // transforms.json, the turntable where it states none
  estimated,  // the masks of the references
  turntable,  // the canonical turntable, for all sets
};
template <>
inline constexpr Named<CameraSource> kNamesOf<CameraSource>[] = {
    {CameraSource::stated, "stated"}, {CameraSource::estimated, "estimated"}, {CameraSource::turntable, "turntable"}};

struct AugmentConfig {
  double mirror = 0.5;            // share of samples whose whole set is mirrored (θ → −θ)
  double plain_background = 0.5;  // share of samples on a plain background of random colour
  double brightness = 0.15;       // factor 1 ± this; colour jitter is common to a sample's views
  double contrast = 0.15;         // factor 1 ± this around mid-grey
  double saturation = 0.2;        // factor 1 ± this
  double hue = 0.02;              // ± turns
  double camera_noise = 0;        // errors of estimated cameras, in units of those that the estimator leaves
  // Whether each sample has colours of its own, so that no picture comes twice but by chance.
  bool draws_colours() const {
    return plain_background > 0 || brightness > 0 || contrast > 0 || saturation > 0 || hue > 0;
  }
  void bind(Fields& f);
};

// Stands in for cameras that a set does not state.
struct TurntableConfig {
  Turntable turntable;
  void bind(Fields& f);
};

struct LoaderConfig {
  std::int64_t threads = 1;
  std::int64_t prefetch = 4;      // batches
  std::int64_t cache_mib = 1024;  // decoded pictures kept in memory
  std::string cache_folder;       // prepared pictures, estimated cameras, prior maps kept on disk; empty: not
  std::int64_t cache_gib = 20;
  void bind(Fields& f);
};

// Another data set, mixed into the training so that what was learnt from it is kept.
struct ReplayConfig {
  std::string path;    // empty: none
  double share = 0.3;  // of the training samples
  void bind(Fields& f);
};

struct DataConfig {
  std::string path;  // a data set's folder: view sets or tar shards
  bool follow_links = false;
  ReplayConfig replay;
  std::int64_t width = 96, height = 64;  // px, of the model's pictures
  CameraSource cameras = CameraSource::stated;
  bool depth = false;                          // read the depth pictures of training targets
  bool normals = false;                        // read the normal pictures of training and scored views
  std::int64_t close_up = 1;                   // training pictures are also read so many times as large; 1: not
  bool cues = false;                           // give the model each view's stabilisation cue; else zeros
  std::vector<double> background = {1, 1, 1};  // sRGB in [0,1]
  std::vector<std::int64_t> missing = {1, 2, 3};
  std::vector<std::int64_t> references;  // when not empty, used instead of `missing`
  AugmentConfig augment;
  TurntableConfig turntable;
  PriorConfig priors;
  IdentityConfig identity;  // whose embeddings of the references tell the model which vehicle it is
  LoaderConfig loader;
  Links links() const { return follow_links ? Links::follow : Links::stay_inside; }
  void bind(Fields& f);
};

}  // namespace spinfill

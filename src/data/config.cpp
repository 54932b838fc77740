// SPDX-License-Identifier: Apache-2.0
#include "data/config.h"

#include <algorithm>

#include "data/sets/slots.h"

namespace spinfill {

void AugmentConfig::bind(Fields& f) {
  f.number("mirror", mirror, "Share of samples that are mirrored left-right as a whole set", 0, 1);
  f.number("plain_background", plain_background, "Share of samples on a plain background of random colour", 0, 1);
  f.number("brightness", brightness, "Largest change of brightness, as a share; 0 switches it off", 0, 0.9);
  f.number("contrast", contrast, "Largest change of contrast, as a share; 0 switches it off", 0, 0.9);
  f.number("saturation", saturation, "Largest change of saturation, as a share; 0 switches it off", 0, 1);
  f.number("hue", hue, "Largest change of hue, turns; 0 switches it off", 0, 0.5);
  f.number(
      "camera_noise", camera_noise,
      "Errors added to the cameras of training references, 1: as large as estimated cameras have; 0 switches it off", 0,
      10);
}

void TurntableConfig::bind(Fields& f) {
  f.number("elevation_deg", turntable.elevation_deg, "Camera's elevation, degrees", -80, 80);
  f.number("distance", turntable.distance, "Camera's distance from the vehicle's centre, vehicle lengths", 0.6, 1000);
  f.number("focal", turntable.focal, "Focal length as a share of the picture's width", 0.1, 1000);
}

void LoaderConfig::bind(Fields& f) {
  f.number("threads", threads, "Threads that prepare batches", 1, 256);
  f.number("prefetch", prefetch, "Batches prepared ahead", 1, 256);
  f.number("cache_mib", cache_mib, "Memory for decoded pictures, MiB; 0 decodes each time", 0, 1 << 20);
  f.text(
      "cache_folder", cache_folder,
      "Folder that keeps prepared pictures, their embeddings, estimated cameras, the prior maps of scored batches and, "
      "without drawn colours, latents between runs, found by the content of what they are made from; empty: none");
  f.number("cache_gib", cache_gib, "Room for them, GiB", 1, 1 << 20);
}

void ReplayConfig::bind(Fields& f) {
  f.text("path", path, "Folder of an older data set to mix in, with splits train and val; empty: none");
  f.number("share", share, "Share of the training samples that come from it", 0.001, 0.99);
}

void DataConfig::bind(Fields& f) {
  f.text("path", path, "Folder of the data set: view sets, or tar shards");
  f.flag(
      "follow_links", follow_links,
      "Follow symbolic links that lead out of a set's folder (your own: DVC, git-annex, a hub's cache); not for data "
      "of strangers");
  f.group("replay", replay, "Data learnt before, mixed in against forgetting");
  f.require_at("replay.path", replay.path.empty() || replay.path != path,
               "is data.path itself: name the older data set, or leave it empty");
  f.number("width", width, "Width of the model's pictures, px", 8, 4096);
  f.number("height", height, "Height of the model's pictures, px", 8, 4096);
  f.choice("cameras", cameras,
           "stated: of transforms.json (estimated where they are an earlier estimate, the turntable's where there are "
           "none); estimated: from the masks of each sample's references alone; turntable: the same for all sets");
  f.flag("depth", depth, "Read the depth pictures of training targets, which loss.depth compares with");
  f.flag("normals", normals,
         "Read the views' normal pictures, which model.normals generates; every set must have them");
  f.number("close_up", close_up,
           "Training pictures are also read so many times as large, which loss.close_up compares with; 1: not", 1, 16);
  f.flag("cues", cues, "Tell the model how each picture departs from the canonical turntable");
  f.list("background", background, "Background that pictures are composited on: sRGB, three numbers", 0, 1);
  f.list("missing", missing, "How many views are missing; one is drawn per sample", 1, kSlots);
  f.list("references", references, "How many views are given; when not empty, used instead of missing", 0, kSlots - 1);
  f.require(background.size() == 3, "background needs three numbers (red, green, blue)");
  f.require_at(
      "missing",
      !references.empty() || missing.empty() || std::ranges::any_of(missing, [](auto n) { return n < kSlots; }),
      "leaves no view to give; for none given: references: [0]");
  f.require(!missing.empty() || !references.empty(), "missing and references are both empty");
  f.group("augment", augment, "Augmentation of training samples");
  f.group("turntable", turntable, "The camera of sets that state none");
  f.group("priors", priors, "Visual hull and maps made from the references");
  f.group("identity", identity,
          "The network whose embeddings of a sample's references tell the model which vehicle it is");
  f.group("loader", loader, "Preparing batches in the background");
}

}  // namespace spinfill

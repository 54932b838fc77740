// SPDX-License-Identifier: Apache-2.0
#include "data/batches/make_batch.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "data/identity/reference_identity.h"
#include "data/pictures/letterbox.h"
#include "data/pictures/normal_picture.h"
#include "data/sets/categories.h"
#include "data/sets/set_pictures.h"
#include "geometry/camera_tensors.h"

namespace spinfill {
namespace {

// Writes one view's planes: colour [3,H,W] and alpha [H,W].
void compose(const std::vector<std::uint8_t>& picture, const Augmentation& augmentation,
             const std::array<float, 3>& background, std::int64_t width, std::int64_t height, float* colour,
             float* alpha) {
  const std::int64_t plane = width * height;
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const std::int64_t from_x = augmentation.mirror ? width - 1 - x : x;
      const std::uint8_t* pixel = &picture[static_cast<std::size_t>(4 * (y * width + from_x))];
      const std::int64_t to = y * width + x;
      const float a = static_cast<float>(pixel[3]) / 255.0F;
      std::array<float, 3> c{};  // premultiplied
      for (std::size_t i = 0; i < 3; ++i) c[i] = static_cast<float>(pixel[i]) / 255.0F;
      if (augmentation.colour && a > 0) {
        std::array<float, 3> mapped{};
        for (std::size_t i = 0; i < 3; ++i) {
          const auto& m = (*augmentation.colour)[i];
          mapped[i] = std::clamp(m[0] * c[0] + m[1] * c[1] + m[2] * c[2] + m[3] * a, 0.0F, a);
        }
        c = mapped;
      }
      alpha[to] = a;
      for (std::size_t i = 0; i < 3; ++i)
        colour[static_cast<std::int64_t>(i) * plane + to] = c[i] + (1 - a) * background[i];
    }
  }
}

// A depth picture at the model's size: each pixel takes the nearest ray's, since surfaces behind each other must not
// mix.
void compose_depth(const cv::Mat& picture, const Letterbox& fitted, bool mirror, std::int64_t width,
                   std::int64_t height, float* depth) {
  for (std::int64_t y = 0; y < height; ++y) {
    const int from_y = static_cast<int>(std::floor((static_cast<double>(y) + 0.5 - fitted.offset_y) / fitted.scale));
    for (std::int64_t x = 0; x < width; ++x) {
      const std::int64_t shown = mirror ? width - 1 - x : x;
      const int from_x =
          static_cast<int>(std::floor((static_cast<double>(shown) + 0.5 - fitted.offset_x) / fitted.scale));
      const bool inside = from_x >= 0 && from_x < picture.cols && from_y >= 0 && from_y < picture.rows;
      depth[y * width + x] = inside ? picture.at<float>(from_y, from_x) : 0;
    }
  }
}

// Normals as resample() gives them. A mirrored vehicle's look to its other side.
void compose_normals(const cv::Mat& colours, bool mirror, float* normals) {
  const cv::Mat fitted = normals_of_colours(colours);
  const std::int64_t width = fitted.cols, height = fitted.rows, plane = width * height;
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const auto& n = fitted.at<cv::Vec3f>(static_cast<int>(y), static_cast<int>(mirror ? width - 1 - x : x));
      for (int c = 0; c < 3; ++c) normals[c * plane + y * width + x] = mirror && c == 1 ? -n[c] : n[c];
    }
  }
}

void check_spec(const SampleSpec& spec, const DataSet& data) {
  if (spec.set < 0 || spec.set >= data.size()) {
    fail("sample {}: there is no set {} among {}", spec.sample, spec.set, data.size());
  }
  const std::string id = data.id(spec.set);
  if ((spec.references & spec.targets).any()) fail("{}: a view cannot be reference and target at once", id);
  const Slots on_disk = data.slots(spec.set);
  const Slots available = spec.augmentation.mirror ? mirrored_slots(on_disk) : on_disk;
  if ((spec.references & ~available).any()) fail("{}: a reference view has no picture", id);
}

// The identity vectors that sets state, zero where a set has none; undefined where none of the data set has one.
at::Tensor stated_identities(const DataSet& data, std::span<const SampleSpec> samples, PictureCache& cache) {
  if (data.first_with_identity() < 0) return {};
  const std::int64_t length = cache.identity(data, data.first_with_identity()).numel();
  at::Tensor out = at::zeros({static_cast<std::int64_t>(samples.size()), length}, at::kFloat);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const at::Tensor own = cache.identity(data, samples[i].set);
    if (!own.defined()) continue;
    if (own.numel() != length) {
      const ViewSet set = *data.view_set(samples[i].set);
      fail("{}: {} numbers, but the data set's first vector has {}", (set.folder / set.identity_file_path).string(),
           own.numel(), length);
    }
    out[static_cast<std::int64_t>(i)].copy_(own);
  }
  return out;
}

// Puts in the identity vectors that the network computes: from the references' pictures as they lie on disk, in the
// order of their slots there, so that no augmentation changes them.
void put_computed_identities(const DataSet& data, std::span<const SampleSpec> samples, const DataConfig& config,
                             PictureCache& cache, Batch& batch) {
  const auto sets = static_cast<std::int64_t>(samples.size());
  batch.identity = at::zeros({sets, cache.network(config).dimensions()}, at::kFloat);
  batch.identity_known = at::zeros({sets}, at::kBool);
  for (std::int64_t b = 0; b < sets; ++b) {
    const SampleSpec& spec = samples[static_cast<std::size_t>(b)];
    const Slots given = spec.augmentation.mirror ? mirrored_slots(spec.references) : spec.references;
    if (given.none()) continue;
    const auto set = data.view_set(spec.set);
    std::vector<at::Tensor> embeddings;
    for (int slot = 0; slot < kSlots; ++slot) {
      if (given[static_cast<std::size_t>(slot)]) embeddings.push_back(cache.embedding(*set, spec.set, slot, config));
    }
    const at::Tensor own = identity_of(embeddings, set->id);
    if (!own.defined()) continue;
    batch.identity[b].copy_(own);
    batch.identity_known.data_ptr<bool>()[b] = true;
  }
}

// Fills a batch set by set.
class BatchFiller {
 public:
  BatchFiller(const DataSet& data, std::int64_t sets, const DataConfig& config, PictureCache& cache)
      : data_(data), config_(config), cache_(cache), cameras_(sets, kSlots) {
    const std::int64_t views = Batch::kViews, height = config.height, width = config.width;
    batch_.colour = at::empty({sets, views, 3, height, width}, at::kFloat);
    batch_.alpha = at::zeros({sets, views, 1, height, width}, at::kFloat);
    batch_.background = at::empty({sets, 3}, at::kFloat);
    batch_.is_reference = at::zeros({sets, views}, at::kBool);
    batch_.is_target = at::zeros({sets, views}, at::kBool);
    batch_.azimuth_deg = at::empty({sets, views}, at::kDouble);
    batch_.vehicle_from_camera = cameras_.vehicle_from_camera;
    batch_.intrinsics = cameras_.intrinsics;
    batch_.cue = at::zeros({sets, views, Batch::kCueSize}, at::kFloat);
    batch_.category = at::full({sets}, -1, at::kLong);
  }

  void fill(std::int64_t b, const SampleSpec& spec) {
    check_spec(spec, data_);
    const auto described = data_.view_set(spec.set);
    const ViewSet& set = *described;
    std::array<float, 3> background{};
    for (std::size_t c = 0; c < 3; ++c) background[c] = static_cast<float>(config_.background[c]);
    if (spec.augmentation.background) background = *spec.augmentation.background;
    std::copy(background.begin(), background.end(), batch_.background.data_ptr<float>() + 3 * b);
    batch_.ids.push_back(set.id);
    batch_.samples.push_back(spec.sample);
    batch_.category_names.push_back(set.category);
    const auto category = std::ranges::find(kCategories, set.category);
    if (category != kCategories.end()) batch_.category.data_ptr<std::int64_t>()[b] = category - kCategories.begin();
    const Slots given = spec.augmentation.mirror ? mirrored_slots(spec.references) : spec.references;
    const SetCameras cameras = spec.cameras ? *spec.cameras : cameras_of(set, given, config_, cache_.store());
    for (int slot = 0; slot < kSlots; ++slot) {
      const Letterbox fitted =
          spec.fits ? (*spec.fits)[static_cast<std::size_t>(on_disk(slot, spec))]
                    : fit(set.width, set.height, static_cast<int>(config_.width), static_cast<int>(config_.height));
      place_camera(b, slot, spec, set, cameras, fitted);
      draw(b, slot, spec, set, background);
      const auto own = static_cast<std::size_t>(slot);
      if (spec.depth && spec.targets[own]) measure(b, slot, spec, set, fitted);
      const bool all = spec.normals == NormalViews::all;
      if (spec.normals != NormalViews::none && (spec.targets[own] || (all && spec.references[own])))
        orient(b, slot, spec, set, fitted);
    }
  }

  Batch filled() && { return std::move(batch_); }

 private:
  // A slot's place in tensors [B,V,…]; and the slot on disk of the view that is shown in it.
  static std::int64_t place(std::int64_t b, int slot) { return b * Batch::kViews + slot; }
  static int on_disk(int slot, const SampleSpec& spec) { return spec.augmentation.mirror ? mirrored_slot(slot) : slot; }

  void place_camera(std::int64_t b, int slot, const SampleSpec& spec, const ViewSet& set, const SetCameras& cameras,
                    const Letterbox& letterbox) {
    const std::int64_t at = place(b, slot);
    const auto own = static_cast<std::size_t>(slot), source = static_cast<std::size_t>(on_disk(slot, spec));
    const bool mirror = spec.augmentation.mirror, reference = spec.references[own];
    batch_.is_reference.data_ptr<bool>()[at] = reference;
    batch_.is_target.data_ptr<bool>()[at] = spec.targets[own];
    double azimuth = cameras.azimuth_deg[source];
    if (mirror && azimuth > 0) azimuth = 360 - azimuth;
    batch_.azimuth_deg.data_ptr<double>()[at] = azimuth;
    Camera camera = letterbox.camera(cameras.camera[source]);
    if (mirror) camera = mirrored(camera);
    // A target's own error cannot be known from the references: learning from it would teach nothing but blur.
    if (reference && spec.augmentation.camera_errors)
      camera = departed(camera, (*spec.augmentation.camera_errors)[own]);
    if (config_.cues) {
      const auto cue = stabilisation_cue(camera, slot, config_.turntable.turntable);
      std::copy(cue.begin(), cue.end(), batch_.cue.data_ptr<float>() + Batch::kCueSize * at);
    }
    cameras_.put(b, slot, camera);
  }

  void measure(std::int64_t b, int slot, const SampleSpec& spec, const ViewSet& set, const Letterbox& fitted) {
    const std::int64_t height = config_.height, width = config_.width;
    if (!batch_.depth.defined()) batch_.depth = at::zeros_like(batch_.alpha);
    const Frame* frame = set.frame_at(on_disk(slot, spec));
    if (frame == nullptr) return;
    compose_depth(read_depth(set, *frame), fitted, spec.augmentation.mirror, width, height,
                  batch_.depth.data_ptr<float>() + place(b, slot) * height * width);
  }

  void orient(std::int64_t b, int slot, const SampleSpec& spec, const ViewSet& set, const Letterbox& fitted) {
    if (!batch_.normals.defined()) {
      batch_.normals = at::zeros_like(batch_.colour);
      batch_.normals_given = at::zeros_like(batch_.is_reference, at::kFloat);
    }
    const Frame* frame = set.frame_at(on_disk(slot, spec));
    if (frame == nullptr) return;
    const std::int64_t at = place(b, slot);
    compose_normals(resample(read_normals(set, *frame), fitted), spec.augmentation.mirror,
                    batch_.normals.data_ptr<float>() + at * 3 * config_.height * config_.width);
    if (spec.references[static_cast<std::size_t>(slot)]) batch_.normals_given.data_ptr<float>()[at] = 1;
  }

  // The view's picture where the sample uses it, else background.
  void draw(std::int64_t b, int slot, const SampleSpec& spec, const ViewSet& set,
            const std::array<float, 3>& background) {
    const std::int64_t at = place(b, slot), plane = config_.height * config_.width;
    const int source = on_disk(slot, spec);
    const auto own = static_cast<std::size_t>(slot);
    float* colour = batch_.colour.data_ptr<float>() + at * 3 * plane;
    if (set.frame_at(source) != nullptr && (spec.references[own] || spec.targets[own])) {
      const ModelPicture picture = spec.fits ? load_model_picture(set, *set.frame_at(source), config_, cache_.store(),
                                                                  &(*spec.fits)[static_cast<std::size_t>(source)])
                                             : cache_.picture(set, spec.set, source, config_);
      compose(*picture, spec.augmentation, background, config_.width, config_.height, colour,
              batch_.alpha.data_ptr<float>() + at * plane);
    } else {
      for (std::int64_t c = 0; c < 3; ++c) {
        std::fill_n(colour + c * plane, plane, background[static_cast<std::size_t>(c)]);
      }
    }
  }

  const DataSet& data_;
  const DataConfig& config_;
  PictureCache& cache_;
  CameraTensors cameras_;
  Batch batch_;
};

}  // namespace

Batch make_batch(const DataSet& data, std::span<const SampleSpec> samples, const DataConfig& config,
                 PictureCache* cache) {
  if (samples.empty()) fail("a batch needs at least one sample");
  PictureCache none(0);
  if (cache == nullptr) cache = &none;
  BatchFiller filler(data, static_cast<std::int64_t>(samples.size()), config, *cache);
  for (std::size_t b = 0; b < samples.size(); ++b) filler.fill(static_cast<std::int64_t>(b), samples[b]);
  Batch batch = std::move(filler).filled();
  if (std::ranges::none_of(samples, &SampleSpec::identity)) return batch;
  if (config.identity.model.empty()) {
    batch.identity = stated_identities(data, samples, *cache);
  } else {
    put_computed_identities(data, samples, config, *cache, batch);
  }
  return batch;
}

}  // namespace spinfill

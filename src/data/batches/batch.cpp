// SPDX-License-Identifier: Apache-2.0
#include "data/batches/batch.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <optional>

#include "core/error.h"
#include "data/batches/samples.h"
#include "data/spins/set_cameras.h"
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

// The identity vectors, zero where a set has none; undefined where none of the data set has one.
at::Tensor identities(const DataSet& data, std::span<const SampleSpec> samples, PictureCache& cache) {
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

// A copy, of every defined tensor what `map` makes of it but of those that stay on the processor.
template <class Map>
Batch mapped(const Batch& batch, const Map& map) {
  Batch out = batch;
  for (at::Tensor* tensor : out.on_device()) {
    if (tensor->defined()) *tensor = map(*tensor);
  }
  return out;
}

}  // namespace

Batch make_batch(const DataSet& data, std::span<const SampleSpec> samples, const DataConfig& config,
                 PictureCache* cache) {
  if (samples.empty()) fail("a batch needs at least one sample");
  PictureCache none(0);
  if (cache == nullptr) cache = &none;
  const auto sets = static_cast<std::int64_t>(samples.size());
  const std::int64_t views = Batch::kViews, height = config.height, width = config.width;
  Batch batch;
  batch.colour = at::empty({sets, views, 3, height, width}, at::kFloat);
  batch.alpha = at::zeros({sets, views, 1, height, width}, at::kFloat);
  batch.background = at::empty({sets, 3}, at::kFloat);
  batch.is_reference = at::zeros({sets, views}, at::kBool);
  batch.is_target = at::zeros({sets, views}, at::kBool);
  batch.azimuth_deg = at::empty({sets, views}, at::kDouble);
  CameraTensors placed(sets, views);
  batch.vehicle_from_camera = placed.vehicle_from_camera;
  batch.intrinsics = placed.intrinsics;
  batch.cue = at::zeros({sets, views, Batch::kCueSize}, at::kFloat);
  batch.category = at::full({sets}, -1, at::kLong);
  for (std::int64_t b = 0; b < sets; ++b) {
    const SampleSpec& spec = samples[static_cast<std::size_t>(b)];
    check_spec(spec, data);
    const auto described = data.view_set(spec.set);
    const ViewSet& set = *described;
    const bool mirror = spec.augmentation.mirror;
    const Letterbox letterbox = fit(set.width, set.height, static_cast<int>(width), static_cast<int>(height));
    std::array<float, 3> background{};
    for (std::size_t c = 0; c < 3; ++c) background[c] = static_cast<float>(config.background[c]);
    if (spec.augmentation.background) background = *spec.augmentation.background;
    std::copy(background.begin(), background.end(), batch.background.data_ptr<float>() + 3 * b);
    batch.ids.push_back(set.id);
    batch.samples.push_back(spec.sample);
    batch.category_names.push_back(set.category);
    const auto category = std::ranges::find(kCategories, set.category);
    if (category != kCategories.end()) batch.category.data_ptr<std::int64_t>()[b] = category - kCategories.begin();
    const SetCameras cameras =
        cameras_of(set, mirror ? mirrored_slots(spec.references) : spec.references, config, cache->store());
    for (int slot = 0; slot < views; ++slot) {
      const std::int64_t at = b * views + slot;
      const int on_disk = mirror ? mirrored_slot(slot) : slot;
      const Frame* frame = set.frame_at(on_disk);
      const bool reference = spec.references[static_cast<std::size_t>(slot)],
                 target = spec.targets[static_cast<std::size_t>(slot)];
      batch.is_reference.data_ptr<bool>()[at] = reference;
      batch.is_target.data_ptr<bool>()[at] = target;
      double azimuth = cameras.azimuth_deg[static_cast<std::size_t>(on_disk)];
      if (mirror && azimuth > 0) azimuth = 360 - azimuth;
      batch.azimuth_deg.data_ptr<double>()[at] = azimuth;
      Camera camera = letterbox.camera(cameras.camera[static_cast<std::size_t>(on_disk)]);
      if (mirror) camera = mirrored(camera);
      // A target's own error cannot be known from the references: learning from it would teach nothing but blur.
      if (reference && spec.augmentation.camera_errors)
        camera = departed(camera, (*spec.augmentation.camera_errors)[static_cast<std::size_t>(slot)]);
      if (config.cues) {
        const auto cue = stabilisation_cue(camera, slot, config.turntable.turntable);
        std::copy(cue.begin(), cue.end(), batch.cue.data_ptr<float>() + Batch::kCueSize * at);
      }
      placed.put(b, slot, camera);
      float* colour = batch.colour.data_ptr<float>() + at * 3 * height * width;
      if (frame != nullptr && (reference || target)) {
        const ModelPicture picture = cache->picture(set, spec.set, on_disk, config);
        compose(*picture, spec.augmentation, background, width, height, colour,
                batch.alpha.data_ptr<float>() + at * height * width);
      } else {
        for (std::int64_t c = 0; c < 3; ++c) {
          std::fill_n(colour + c * height * width, height * width, background[static_cast<std::size_t>(c)]);
        }
      }
    }
  }
  batch.identity = identities(data, samples, *cache);
  return batch;
}

std::string Batch::category_name(std::int64_t set) const {
  if (!category_names.empty()) {
    const std::string& name = category_names.at(static_cast<std::size_t>(set));
    return name.empty() ? "unknown" : name;
  }
  const auto index = category[set].item<std::int64_t>();
  const bool known = index >= 0 && index < static_cast<std::int64_t>(kCategories.size());
  return known ? kCategories[static_cast<std::size_t>(index)] : "unknown";
}

PriorInputs Batch::prior_inputs() const {
  return {colour, alpha, background, is_reference, vehicle_from_camera, intrinsics, azimuth_deg};
}

std::vector<at::Tensor*> Batch::on_device() {
  std::vector<at::Tensor*> tensors = {&colour,     &alpha, &background, &azimuth_deg, &vehicle_from_camera,
                                      &intrinsics, &cue,   &identity};
  for (const PriorMaps::Part& part : PriorMaps::kParts) tensors.push_back(&(priors.*part.map));
  return tensors;
}

Batch Batch::to(at::Device device) const {
  return mapped(*this, [&](const at::Tensor& tensor) { return tensor.to(device, /*non_blocking=*/true); });
}

Batch Batch::pinned() const {
  return mapped(*this, [](const at::Tensor& tensor) { return tensor.pin_memory(); });
}

}  // namespace spinfill

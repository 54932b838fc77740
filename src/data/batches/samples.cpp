// SPDX-License-Identifier: Apache-2.0
#include "data/batches/samples.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include <Eigen/Geometry>

#include "core/error.h"
#include "core/files/files.h"
#include "core/log.h"
#include "core/tensors/safetensors.h"

namespace spinfill {
namespace {

constexpr std::uint64_t kMaxIdentityBytes = 1 << 20;

SubsetCounts counts_of(const DataConfig& config) {
  return {config.missing, config.references};
}

double angle_between(double a_deg, double b_deg) {
  return std::abs(std::remainder(a_deg - b_deg, 360.0));
}

}  // namespace

SampleSpec training_sample(const DataSet& data, const DataConfig& config, std::uint64_t seed, std::int64_t sample,
                           std::int64_t own_sets) {
  SampleSpec spec;
  spec.sample = sample;
  if (own_sets < 0) {
    spec.set = shuffled(data.size(), seed, static_cast<std::uint64_t>(sample));
  } else {
    const MixedPosition at = mixed_position(config.replay.share, seed, static_cast<std::uint64_t>(sample));
    spec.set = at.replayed ? own_sets + shuffled(data.size() - own_sets, seed, at.position)
                           : shuffled(own_sets, seed, at.position);
  }
  spec.augmentation = draw_augmentation(config.augment, seed, static_cast<std::uint64_t>(sample));
  const Slots on_disk = data.slots(spec.set);
  const Subset subset = draw_subset(counts_of(config), seed, static_cast<std::uint64_t>(sample),
                                    spec.augmentation.mirror ? mirrored_slots(on_disk) : on_disk);
  spec.references = subset.references;
  spec.targets = subset.targets;
  return spec;
}

std::vector<SampleSpec> evaluation_samples(const DataSet& data, const DataConfig& config, std::uint64_t seed,
                                           std::int64_t subsets_per_count) {
  const SubsetCounts counts = counts_of(config);
  std::map<std::pair<int, unsigned long>, std::vector<Subset>> lists;  // by count and available views
  std::vector<SampleSpec> specs;
  for (std::int64_t set = 0; set < data.size(); ++set) {
    const Slots available = data.slots(set);
    for (const int targets : target_counts(counts, static_cast<int>(available.count()))) {
      auto& list = lists[{targets, available.to_ulong()}];
      if (list.empty()) list = balanced_subsets(targets, available, seed);
      for (std::int64_t repetition = 0; repetition < subsets_per_count; ++repetition) {
        const auto item = static_cast<std::size_t>(set * subsets_per_count + repetition) % list.size();
        SampleSpec spec;
        spec.set = set;
        spec.references = list[item].references;
        spec.targets = list[item].targets;
        spec.sample = static_cast<std::int64_t>(specs.size());
        specs.push_back(spec);
      }
    }
  }
  return specs;
}

Camera camera_at(const ViewSet& set, int slot, const Turntable& turntable) {
  const Frame* own = set.frame_at(slot);
  const double azimuth = own != nullptr ? own->azimuth_deg : 45.0 * slot;
  if (own != nullptr && own->camera) return *own->camera;
  if (const Frame* predicted = set.missing_at(slot); own == nullptr && predicted != nullptr) return *predicted->camera;
  const Frame* nearest = nullptr;
  for (const Frame& frame : set.frames) {
    if (!frame.camera) continue;
    if (nearest == nullptr ||
        angle_between(frame.azimuth_deg, azimuth) < angle_between(nearest->azimuth_deg, azimuth)) {
      nearest = &frame;
    }
  }
  if (nearest == nullptr) return turntable_camera(turntable, azimuth, set.width, set.height);
  const double turn = (azimuth - nearest->azimuth_deg) * std::acos(-1.0) / 180;
  Eigen::Matrix4d turned = Eigen::Matrix4d::Identity();
  turned.topLeftCorner<3, 3>() = Eigen::AngleAxisd(turn, Eigen::Vector3d::UnitZ()).toRotationMatrix();
  Camera camera = *nearest->camera;
  camera.vehicle_from_camera = turned * camera.vehicle_from_camera;
  return camera;
}

std::shared_ptr<ContentStore> open_store(const DataConfig& config) {
  if (config.loader.cache_folder.empty()) return nullptr;
  return std::make_shared<ContentStore>(config.loader.cache_folder, static_cast<std::uint64_t>(config.loader.cache_gib)
                                                                        << 30);
}

ModelPicture load_model_picture(const ViewSet& set, const Frame& frame, const DataConfig& config, ContentStore* store) {
  const PictureFiles files = read_picture_files(set, frame);
  auto bytes = std::make_shared<std::vector<std::uint8_t>>(static_cast<std::size_t>(config.width) *
                                                           static_cast<std::size_t>(config.height) * 4);
  std::string key;
  if (store != nullptr) {
    ContentKey content("model picture 1");
    content.add(files.picture).add(files.mask).add(set.width).add(set.height).add(config.width).add(config.height);
    key = content.hex();
    if (const auto kept = store->find(key); kept && kept->size() == bytes->size()) {
      std::ranges::copy(*kept, bytes->begin());
      return bytes;
    }
  }
  const auto width = static_cast<int>(config.width), height = static_cast<int>(config.height);
  const cv::Mat rgba = decode_masked_picture(set, frame, files);
  const cv::Mat fitted = resample(premultiplied(rgba), fit(rgba.cols, rgba.rows, width, height));
  const auto* in = fitted.ptr<float>();
  for (std::size_t i = 0; i < bytes->size(); ++i) (*bytes)[i] = static_cast<std::uint8_t>(std::lround(255 * in[i]));
  if (store != nullptr) store->keep(key, {reinterpret_cast<const char*>(bytes->data()), bytes->size()});
  return bytes;
}

at::Tensor read_identity(const ViewSet& set) {
  if (set.identity_file_path.empty()) return {};
  const fs::path path = set.folder / set.identity_file_path;
  const Safetensors file =
      parse_safetensors(read_set_file(set, set.identity_file_path, kMaxIdentityBytes), path.string());
  const auto found = file.tensors.find("identity");
  if (found == file.tensors.end() || found->second.dim() != 1 || found->second.numel() < 1 ||
      found->second.numel() > 65536 || found->second.scalar_type() != at::kFloat) {
    fail("{}: needs one float32 tensor 'identity' of one dimension (at most 65536 numbers)", path.string());
  }
  if (!at::isfinite(found->second).all().item<bool>())
    fail("{}: 'identity' holds numbers that are not finite", path.string());
  return found->second.clone();
}

std::int64_t PictureCache::decoded() const {
  const std::lock_guard lock(mutex_);
  return decoded_;
}

ModelPicture PictureCache::picture(const ViewSet& views, std::int64_t set, int slot, const DataConfig& config) {
  const std::int64_t key = 8 * set + slot;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = pictures_.find(key); found != pictures_.end()) return found->second;
  }
  ModelPicture picture = load_model_picture(views, *views.frame_at(slot), config, store_.get());
  const std::lock_guard lock(mutex_);
  ++decoded_;
  const auto bytes = static_cast<std::int64_t>(picture->size());
  if (bytes <= room_ && pictures_.emplace(key, picture).second) room_ -= bytes;
  return picture;
}

at::Tensor PictureCache::identity(const DataSet& data, std::int64_t set) {
  if (!data.has_identity(set)) return {};
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = identities_.find(set); found != identities_.end()) return found->second;
  }
  const at::Tensor vector = read_identity(*data.view_set(set));
  const std::lock_guard lock(mutex_);
  // The first vector states the length for all and is asked for at each batch: it always stays.
  const auto bytes = static_cast<std::int64_t>(vector.nbytes());
  if ((identities_.empty() || bytes <= room_) && identities_.emplace(set, vector).second) room_ -= bytes;
  return vector;
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "core/files/content_store.h"
#include "data/batches/augment.h"
#include "data/batches/batch.h"
#include "data/batches/subsets.h"
#include "data/config.h"
#include "data/pictures/letterbox.h"
#include "data/sets/data_set.h"
#include "data/sets/view_set.h"

namespace spinfill {

// All that determines one sample, before any file is opened.
struct SampleSpec {
  std::int64_t set = 0;       // of the data set
  Slots references, targets;  // slots of the batch, that is after mirroring; disjoint
  Augmentation augmentation;
  std::int64_t sample = 0;  // global sample index
};

// A pure function of its arguments. In every epoch each vehicle comes once (data/batches/subsets.h: shuffled). With
// 0 ≤ own_sets < data.size() the sets behind the first own_sets are replayed: they make config.replay.share of the
// samples (mixed_position), in epochs of their own.
SampleSpec training_sample(const DataSet& data, const DataConfig& config, std::uint64_t seed, std::int64_t sample,
                           std::int64_t own_sets = -1);

// The fixed list that scores are made on: for each vehicle, for each count of missing views that the config allows and
// the set can lack, `subsets_per_count` subsets, not augmented. Vehicle i and repetition r take item
// i·subsets_per_count + r of balanced_subsets(), so that azimuths, pairs and cases occur evenly over the vehicles.
// `sample` is the place in the list.
std::vector<SampleSpec> evaluation_samples(const DataSet& data, const DataConfig& config, std::uint64_t seed,
                                           std::int64_t subsets_per_count = 1);

// The camera of the view at `slot`, in px of the set's pictures: as stated or predicted; else the nearest stated one
// turned about the vertical axis by the difference of azimuths; else the turntable's.
Camera camera_at(const ViewSet& set, int slot, const Turntable& turntable);

// What config.loader.cache_folder keeps between runs; null where it names none.
std::shared_ptr<ContentStore> open_store(const DataConfig& config);

// A picture at the model's size: premultiplied RGBA, 8 bits, [H,W,4]. Errors (exit 3) name the file.
using ModelPicture = std::shared_ptr<const std::vector<std::uint8_t>>;
ModelPicture load_model_picture(const ViewSet& set, const Frame& frame, const DataConfig& config,
                                ContentStore* store = nullptr);

// float32 [D] from identity_file_path, a safetensors file with the one tensor `identity`; undefined where there is
// none.
at::Tensor read_identity(const ViewSet& set);

// Keeps decoded pictures of one data set at one size, first come first kept, until it is full; then the rest is decoded
// each time, or comes from the store. (Each epoch visits every picture once in a new order, so throwing out the oldest
// would keep nothing useful.)
class PictureCache {
 public:
  explicit PictureCache(std::int64_t bytes, std::shared_ptr<ContentStore> store = nullptr)
      : room_(bytes), store_(std::move(store)) {}
  // `views` is the description of data set's set number `set`.
  ModelPicture picture(const ViewSet& views, std::int64_t set, int slot, const DataConfig& config);
  at::Tensor identity(const DataSet& data, std::int64_t set);  // undefined where the set has none
  std::int64_t decoded() const;                                // pictures that were not in memory so far
  ContentStore* store() const { return store_.get(); }

 private:
  mutable std::mutex mutex_;
  std::int64_t room_, decoded_ = 0;
  std::shared_ptr<ContentStore> store_;
  std::map<std::int64_t, ModelPicture> pictures_;  // 8·set + slot
  std::map<std::int64_t, at::Tensor> identities_;
};

// One batch on the CPU, priors undefined. References must exist on disk; a target that does not is background with
// alpha 0. Without a cache every picture is decoded.
Batch make_batch(const DataSet& data, std::span<const SampleSpec> samples, const DataConfig& config,
                 PictureCache* cache = nullptr);

}  // namespace spinfill

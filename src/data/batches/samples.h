// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "data/batches/augment.h"
#include "data/config.h"
#include "data/pictures/letterbox.h"
#include "data/sets/data_set.h"
#include "data/spins/set_cameras.h"

namespace spinfill {

// How each of a set's pictures is fitted into the model's.
using SlotFits = std::array<Letterbox, kSlots>;

// Of which views normal pictures are read.
enum class NormalViews { none, targets, all };

// All that determines one sample, before any file is opened.
struct SampleSpec {
  std::int64_t set = 0;       // of the data set
  Slots references, targets;  // slots of the batch, that is after mirroring; disjoint
  Augmentation augmentation;
  std::int64_t sample = 0;  // global sample index
  bool depth = false;       // the targets' depth, too
  bool identity = true;     // its identity vector, too
  NormalViews normals = NormalViews::none;
  // Of the set's views, where they are chosen already; none: cameras_of().
  std::shared_ptr<const SetCameras> cameras = {};
  // By slot on disk, from the set's size to the model's; none: the whole picture (fit()).
  std::shared_ptr<const SlotFits> fits = {};
};

// Exit 3 names the first set with so few views that none can be given and another asked for. Opens no file.
void require_samples(const DataSet& data, const DataConfig& config);

// Exit 3 names the first set whose depth pictures data.depth cannot use: they are not listed, or the stated cameras,
// whose unit they are in, are not used. Reads each description.
void require_depth(const DataSet& data, const DataConfig& config);

// Exit 3 names the first set that lists no normal picture of a view, which data.normals reads.
void require_normals(const DataSet& data);

// A pure function of its arguments. In every epoch each vehicle comes once (data/batches/subsets.h: shuffled). With
// 0 ≤ own_sets < data.size() the sets after the first own_sets are replayed: they make config.replay.share of the
// samples (mixed_position), in epochs of their own.
SampleSpec training_sample(const DataSet& data, const DataConfig& config, std::uint64_t seed, std::int64_t sample,
                           std::int64_t own_sets = -1);

// The fixed list that scores are made on: for each vehicle, for each count of missing views that the config allows and
// the set can lack, `subsets_per_count` subsets, not augmented. Vehicle i and repetition r take item
// i·subsets_per_count + r of balanced_subsets(), so that azimuths, pairs and cases occur evenly over the vehicles.
// `sample` is the place in the list.
std::vector<SampleSpec> evaluation_samples(const DataSet& data, const DataConfig& config, std::uint64_t seed,
                                           std::int64_t subsets_per_count = 1);

// The list that is scored where the given views are stated: one sample a vehicle, with these references and all of its
// other views as targets. Exit 3 names the first set that lacks one of them or has no other view.
std::vector<SampleSpec> evaluation_samples_given(const DataSet& data, const Slots& references);

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "data/batches/samples.h"

#include <map>
#include <utility>

#include "core/error.h"
#include "data/batches/subsets.h"
#include "data/sets/set_pictures.h"

namespace spinfill {
namespace {

SubsetCounts counts_of(const DataConfig& config) {
  return {config.missing, config.references};
}

}  // namespace

void require_samples(const DataSet& data, const DataConfig& config) {
  for (std::int64_t set = 0; set < data.size(); ++set) {
    const auto views = static_cast<int>(data.slots(set).count());
    if (!possible_target_counts(counts_of(config), views).empty()) continue;
    fail(
        "{}: set '{}' has pictures of {} of the {} views, too few to give some and ask for others as {} says: leave "
        "it out of splits.json, or ask for fewer",
        data.folder().string(), data.id(set), views, kSlots,
        config.references.empty() ? "data.missing" : "data.references");
  }
}

void require_depth(const DataSet& data, const DataConfig& config) {
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const auto set = data.view_set(i);
    for (const Frame& frame : set->frames) require_depth(*set, frame);
    if (camera_source(*set, config) != CameraSource::stated) {
      fail("{}: its cameras are an estimate, whose unit is not its depth pictures': switch data.depth off",
           set->folder.string());
    }
  }
}

void require_normals(const DataSet& data) {
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const auto set = data.view_set(i);
    for (const Frame& frame : set->frames) require_normals(*set, frame);
  }
}

SampleSpec training_sample(const DataSet& data, const DataConfig& config, std::uint64_t seed, std::int64_t sample,
                           std::int64_t own_sets) {
  SampleSpec spec;
  spec.sample = sample;
  spec.depth = config.depth;
  if (config.normals) spec.normals = NormalViews::all;
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
  require_samples(data, config);
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

std::vector<SampleSpec> evaluation_samples_given(const DataSet& data, const Slots& references) {
  std::vector<SampleSpec> specs;
  for (std::int64_t set = 0; set < data.size(); ++set) {
    const Slots available = data.slots(set), targets = available & ~references;
    for (int slot = 0; slot < kSlots; ++slot) {
      if (references[static_cast<std::size_t>(slot)] && !available[static_cast<std::size_t>(slot)])
        fail("{}: set '{}' has no view at {} degrees, which is to be given: leave it out of splits.json",
             data.folder().string(), data.id(set), azimuth_of(slot));
    }
    if (targets.none())
      fail("{}: set '{}' has no view but those that are given: leave it out of splits.json", data.folder().string(),
           data.id(set));
    SampleSpec spec;
    spec.set = set;
    spec.references = references;
    spec.targets = targets;
    spec.sample = static_cast<std::int64_t>(specs.size());
    specs.push_back(spec);
  }
  return specs;
}

}  // namespace spinfill

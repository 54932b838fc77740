// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/files/positional_file.h"
#include "data/sets/data_set.h"
#include "data/shards/shard_index.h"
#include "data/shards/shard_sample.h"

namespace spinfill {

// The sets of some shards, sorted by id. Holds their indexes; a set's description is read when asked for.
class ShardSets : public SetSource {
 public:
  // A shard without an index is read through once, and a line says so. Exit 3 names the shard or index: missing,
  // damaged, of another size than its index says; an id of two sets.
  explicit ShardSets(std::vector<fs::path> shards);
  std::int64_t size() const override { return first_.back(); }
  std::string id(std::int64_t set) const override;
  Slots slots(std::int64_t set) const override;
  bool has_identity(std::int64_t set) const override;
  bool any_identity() const override;
  std::shared_ptr<const ViewSet> read(std::int64_t set) const override;
  ViewSet parse(std::int64_t set, const ReportProblem& report) const;
  std::int64_t find(const std::string& id) const;  // −1: there is none

  const std::vector<fs::path>& shards() const { return shards_; }
  const fs::path& shard_of(std::int64_t set) const { return shards_[place(set).shard]; }
  const ShardIndex& index(std::size_t shard) const { return indexes_[shard]; }

 private:
  struct Place {
    std::size_t shard;
    std::int64_t set;  // of the shard
  };
  Place place(std::int64_t set) const;
  std::string_view view_of_id(std::int64_t set) const;
  OpenShard open(std::size_t shard) const;
  ShardSample sample(const Place& place) const;
  void sort();
  std::vector<fs::path> shards_;
  std::vector<ShardIndex> indexes_;
  std::vector<std::int64_t> first_ = {0};  // sets before each shard; last their total
  std::vector<std::uint32_t> order_;       // by id; empty where the shards have that order already
  std::shared_ptr<OpenFiles> files_;
};

}  // namespace spinfill

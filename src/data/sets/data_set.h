// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/files/files.h"
#include "data/sets/view_set.h"

namespace spinfill {

// Where a data set's sets come from. Everything but read() answers without opening a file. Thread-safe.
class SetSource {
 public:
  virtual ~SetSource() = default;
  virtual std::int64_t size() const = 0;
  virtual std::string id(std::int64_t set) const = 0;
  virtual Slots slots(std::int64_t set) const = 0;  // views that have a picture
  virtual bool has_identity(std::int64_t set) const = 0;
  virtual bool any_identity() const = 0;
  virtual std::shared_ptr<const ViewSet> read(std::int64_t set) const = 0;  // exit 3 names what is wrong
};

// The sets of a split, sorted by id (data sets made in memory: in the order given); data/open_data_set.h reads them.
// Cheap to copy; thread-safe.
class DataSet {
 public:
  DataSet() = default;
  // `split`: which one these sets are; empty: all, of data that knows no splits.
  DataSet(fs::path folder, std::vector<ViewSet> sets, std::string split = {});
  DataSet(fs::path folder, std::shared_ptr<const SetSource> source, std::string split = {});

  const fs::path& folder() const { return folder_; }
  const std::string& split() const { return split_; }
  std::int64_t size() const;
  std::string id(std::int64_t set) const { return source_->id(place(set)); }
  Slots slots(std::int64_t set) const { return source_->slots(place(set)); }
  bool has_identity(std::int64_t set) const { return source_->has_identity(place(set)); }
  // The description; from shards it is read and checked at each call.
  std::shared_ptr<const ViewSet> view_set(std::int64_t set) const { return source_->read(place(set)); }
  // The first set with an identity vector; −1: none.
  std::int64_t first_with_identity() const { return first_with_identity_; }
  // A data set of these sets alone, in this order.
  DataSet chosen(const std::vector<std::int64_t>& sets) const;

 private:
  std::int64_t place(std::int64_t set) const;
  void find_identity();
  fs::path folder_;
  std::string split_;
  std::shared_ptr<const SetSource> source_;
  bool all_ = true;                   // every set, in the source's order
  std::vector<std::uint32_t> order_;  // else: places in the source
  std::int64_t first_with_identity_ = -1;
};

// The sets of one, then those of the other. Ids may belong to both.
DataSet joined(const DataSet& first, const DataSet& second);

}  // namespace spinfill

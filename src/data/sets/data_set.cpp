// SPDX-License-Identifier: Apache-2.0
#include "data/sets/data_set.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/files/json.h"

namespace spinfill {
namespace {

class SetsInMemory : public SetSource {
 public:
  explicit SetsInMemory(std::vector<ViewSet> sets) {
    for (ViewSet& set : sets) sets_.push_back(std::make_shared<const ViewSet>(std::move(set)));
  }
  std::int64_t size() const override { return static_cast<std::int64_t>(sets_.size()); }
  std::string id(std::int64_t set) const override { return at(set)->id; }
  Slots slots(std::int64_t set) const override { return at(set)->slots(); }
  bool has_identity(std::int64_t set) const override { return !at(set)->identity_file_path.empty(); }
  bool any_identity() const override {
    return std::ranges::any_of(sets_, [](const auto& set) { return !set->identity_file_path.empty(); });
  }
  std::shared_ptr<const ViewSet> read(std::int64_t set) const override { return at(set); }

 private:
  const std::shared_ptr<const ViewSet>& at(std::int64_t set) const { return sets_[static_cast<std::size_t>(set)]; }
  std::vector<std::shared_ptr<const ViewSet>> sets_;
};

class JoinedSets : public SetSource {
 public:
  JoinedSets(DataSet first, DataSet second) : parts_{std::move(first), std::move(second)} {}
  std::int64_t size() const override { return parts_[0].size() + parts_[1].size(); }
  std::string id(std::int64_t set) const override { return part(set).id(place(set)); }
  Slots slots(std::int64_t set) const override { return part(set).slots(place(set)); }
  bool has_identity(std::int64_t set) const override { return part(set).has_identity(place(set)); }
  bool any_identity() const override {
    return std::ranges::any_of(parts_, [](const DataSet& part) { return part.first_with_identity() >= 0; });
  }
  std::shared_ptr<const ViewSet> read(std::int64_t set) const override { return part(set).view_set(place(set)); }

 private:
  const DataSet& part(std::int64_t set) const { return parts_[set < parts_[0].size() ? 0 : 1]; }
  std::int64_t place(std::int64_t set) const { return set < parts_[0].size() ? set : set - parts_[0].size(); }
  std::array<DataSet, 2> parts_;
};

}  // namespace

DataSet::DataSet(fs::path folder, std::vector<ViewSet> sets, std::string split)
    : DataSet(std::move(folder), std::make_shared<SetsInMemory>(std::move(sets)), std::move(split)) {}

DataSet::DataSet(fs::path folder, std::shared_ptr<const SetSource> source, std::string split)
    : folder_(std::move(folder)), split_(std::move(split)), source_(std::move(source)) {
  find_identity();
}

void DataSet::find_identity() {
  first_with_identity_ = -1;
  if (!source_->any_identity()) return;
  for (std::int64_t i = 0; i < size() && first_with_identity_ < 0; ++i) {
    if (has_identity(i)) first_with_identity_ = i;
  }
}

std::int64_t DataSet::size() const {
  if (!all_) return static_cast<std::int64_t>(order_.size());
  return source_ ? source_->size() : 0;
}

std::int64_t DataSet::place(std::int64_t set) const {
  if (set < 0 || set >= size()) fail("{}: there is no set {} among {}", folder_.string(), set, size());
  return all_ ? set : order_[static_cast<std::size_t>(set)];
}

DataSet DataSet::chosen(const std::vector<std::int64_t>& sets) const {
  DataSet out;
  out.folder_ = folder_;
  out.split_ = split_;
  out.source_ = source_;
  out.all_ = false;
  for (const std::int64_t set : sets) out.order_.push_back(static_cast<std::uint32_t>(place(set)));
  out.find_identity();
  return out;
}

DataSet joined(const DataSet& first, const DataSet& second) {
  return {first.folder(), std::make_shared<JoinedSets>(first, second)};
}

}  // namespace spinfill

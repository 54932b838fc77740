// SPDX-License-Identifier: Apache-2.0
#include "cli/inspect_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <opencv2/imgproc.hpp>
#include <set>

#include "core/error.h"
#include "data/sets/data_set.h"
#include "data/sets/view_set.h"
#include "data/shards/shards.h"

namespace spinfill {
namespace {

constexpr int kSlots = 8, kCell = 128, kLabel = 150, kGap = 4;  // px
constexpr std::size_t kShownProblems = 20, kKept = 24;

std::vector<fs::path> folders_of(const fs::path& folder) {
  if (fs::exists(folder / "transforms.json")) return {folder};
  return set_folders(folder);
}

// Reads the sets of a folder or of shards one after the other.
class Sets {
 public:
  explicit Sets(const fs::path& folder) {
    if (holds_shards(folder)) {
      shards_ = open_all_shards(folder);
    } else {
      folders_ = folders_of(folder);
    }
  }
  std::int64_t size() const { return shards_ ? shards_->size() : static_cast<std::int64_t>(folders_.size()); }
  std::int64_t shards() const { return shards_ ? static_cast<std::int64_t>(shards_->shards().size()) : 0; }
  ViewSet read(std::int64_t i) const {
    return shards_ ? *shards_->read(i) : read_view_set(folders_[static_cast<std::size_t>(i)]);
  }

 private:
  std::shared_ptr<const ShardSets> shards_;
  std::vector<fs::path> folders_;
};

// Shards are of one split each, by their names, unless there is a splits.json.
void count_shards(DataSummary& data) {
  if (data.shards == 0 || fs::exists(data.folder / "splits.json")) return;
  const ShardSplits splits = shards_by_split(data.folder);
  if (!splits.named) return;
  for (const auto& [split, shards] : splits.shards) data.by_split[split] = ShardSets(shards).size();
}

void count_splits(DataSummary& data, const std::set<std::string>& ids) {
  const auto splits = read_splits(data.folder, [&](const auto& where, const auto& what, const auto& advice) {
    data.problems.push_back(fmt::format("{} {}; {}", where, what, advice));
  });
  if (!splits) return;
  std::set<std::string> listed;
  for (const auto& [name, list] : *splits) {
    for (const std::string& id : list) {
      if (!ids.contains(id)) data.problems.push_back(fmt::format("splits.json: {}: there is no set {}", name, id));
      listed.insert(id);
      ++data.by_split[name];
    }
  }
  for (const std::string& id : ids) {
    if (!listed.contains(id)) ++data.by_split["(none)"];
  }
}

std::string counts(const std::map<std::string, std::int64_t>& numbers) {
  std::string text;
  for (const auto& [name, count] : numbers) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, count);
  return text.empty() ? "–" : text;
}

}  // namespace

bool is_data(const fs::path& folder) {
  return fs::is_directory(folder) &&
         (fs::exists(folder / "splits.json") || holds_shards(folder) || !folders_of(folder).empty());
}

DataSummary read_data_summary(const fs::path& folder) {
  DataSummary data;
  data.folder = folder;
  std::set<std::string> ids;
  const Sets sets(folder);
  data.shards = sets.shards();
  for (std::int64_t i = 0; i < sets.size(); ++i) {
    try {
      const ViewSet set = sets.read(i);
      if (!ids.insert(set.id).second)
        data.problems.push_back(fmt::format("{}: the id {} is taken", set.folder.string(), set.id));
      std::int64_t missing = 0, cameras = 0;
      for (int slot = 0; slot < kSlots; ++slot) missing += set.frame_at(slot) == nullptr;
      for (const Frame& frame : set.frames) cameras += frame.camera.has_value();
      ++data.sets;
      data.frames += static_cast<std::int64_t>(set.frames.size());
      data.with_cameras += cameras == static_cast<std::int64_t>(set.frames.size());
      ++data.by_category[set.category.empty() ? "unknown" : set.category];
      ++data.by_size[fmt::format("{}×{}", set.width, set.height)];
      ++data.by_missing[std::to_string(missing)];
      if (data.first.size() < kKept) data.first.push_back(set);
    } catch (const Error& error) {
      data.problems.emplace_back(error.what());
    }
  }
  count_splits(data, ids);
  count_shards(data);
  return data;
}

std::string data_text(const DataSummary& data) {
  std::string text = fmt::format("data set {}\n{} sets, {} pictures, {} sets with cameras\n", data.folder.string(),
                                 data.sets, data.frames, data.with_cameras);
  if (data.shards > 0) text += fmt::format("shards:        {}\n", data.shards);
  text += fmt::format("split:         {}\n", data.by_split.empty() ? "no splits.json" : counts(data.by_split));
  text += fmt::format("category:      {}\n", counts(data.by_category));
  text += fmt::format("size:          {}\n", counts(data.by_size));
  text += fmt::format("missing views: {}\n", counts(data.by_missing));
  for (std::size_t i = 0; i < std::min(data.problems.size(), kShownProblems); ++i) {
    text += fmt::format("problem: {}\n", data.problems[i]);
  }
  if (data.problems.size() > kShownProblems) {
    text += fmt::format("and {} problems more; spinfill data check lists all\n", data.problems.size() - kShownProblems);
  }
  return text;
}

Json data_to_json(const DataSummary& data) {
  Json value;
  value["kind"] = "data";
  value["sets"] = data.sets;
  value["shards"] = data.shards;
  value["pictures"] = data.frames;
  value["with_cameras"] = data.with_cameras;
  value["by_split"] = data.by_split;
  value["by_category"] = data.by_category;
  value["by_size"] = data.by_size;
  value["by_missing"] = data.by_missing;
  value["problems"] = data.problems;
  return value;
}

void write_data_sheet(const DataSummary& data, const fs::path& path, int rows) {
  if (data.first.empty()) fail("{}: has no set to draw", data.folder.string());
  const int shown = std::min<int>(rows, static_cast<int>(data.first.size()));
  cv::Mat page(shown * (kCell + kGap) + kGap, kLabel + kSlots * (kCell + kGap), CV_8UC3, cv::Scalar(255, 255, 255));
  for (int r = 0; r < shown; ++r) {
    const ViewSet& set = data.first[static_cast<std::size_t>(r)];
    const int y = kGap + r * (kCell + kGap);
    const cv::Scalar ink(40, 40, 40);
    cv::putText(page, set.id.substr(0, 20), {4, y + 16}, cv::FONT_HERSHEY_SIMPLEX, 0.4, ink, 1, cv::LINE_AA);
    cv::putText(page, set.category.substr(0, 20), {4, y + 34}, cv::FONT_HERSHEY_SIMPLEX, 0.4, ink, 1, cv::LINE_AA);
    for (int slot = 0; slot < kSlots; ++slot) {
      cv::Mat cell = page(cv::Rect(kLabel + slot * (kCell + kGap), y, kCell, kCell));
      cell.setTo(cv::Scalar(232, 232, 232));
      const Frame* frame = set.frame_at(slot);
      if (frame == nullptr) continue;
      const cv::Mat picture = read_masked_picture(set, *frame);
      const double scale =
          std::min(static_cast<double>(kCell) / picture.cols, static_cast<double>(kCell) / picture.rows);
      cv::Mat small, channels[4], rgb;
      cv::resize(
          picture, small,
          {std::max(1, static_cast<int>(picture.cols * scale)), std::max(1, static_cast<int>(picture.rows * scale))}, 0,
          0, scale < 1 ? cv::INTER_AREA : cv::INTER_LINEAR);
      cv::split(small, channels);
      cv::Mat alpha, colour;
      cv::merge(std::vector<cv::Mat>{channels[3], channels[3], channels[3]}, alpha);
      cv::merge(std::vector<cv::Mat>{channels[0], channels[1], channels[2]}, colour);
      colour.convertTo(colour, CV_32F);
      alpha.convertTo(alpha, CV_32F, 1 / 255.);
      const cv::Mat composited = colour.mul(alpha) + 255 * (cv::Scalar::all(1) - alpha);
      composited.convertTo(rgb, CV_8U);
      rgb.copyTo(cell(cv::Rect((kCell - rgb.cols) / 2, (kCell - rgb.rows) / 2, rgb.cols, rgb.rows)));
    }
  }
  write_png(path, page);
}

}  // namespace spinfill

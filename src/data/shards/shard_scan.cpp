// SPDX-License-Identifier: Apache-2.0
#include "data/shards/shard_scan.h"

#include <algorithm>
#include <optional>
#include <set>

#include "core/error.h"
#include "core/files/links.h"
#include "core/files/sha256.h"
#include "core/signals.h"
#include "data/sets/view_set_reader.h"
#include "data/shards/shard_sample.h"

namespace spinfill {
namespace {

constexpr std::uint64_t kChunk = 1 << 20;              // bytes read at once
constexpr std::size_t kMaxFiles = 4 * kMaxFrames + 8;  // of one set: picture, depth, normals and mask of each view

class Scan {
 public:
  Scan(const fs::path& shard, const ScanProgress& progress)
      : progress_(progress), shard_(shard), tar_(std::make_shared<const PositionalFile>(shard)) {}

  IndexContent run() {
    if (tar_->size() == 0) fail("{}: is empty", shard_.string());
    const std::uint64_t end = walk_tar(*tar_, 0, tar_->size(), [&](const TarEntry& entry) { add(entry); });
    finish_sample();
    if (end + kTarBlock > tar_->size())
      fail("{}: was cut: its end mark is missing: copy or make it again", shard_.string());
    while (hashed_ < end) hash(end);
    zero_ = true;
    while (hashed_ < tar_->size()) hash(tar_->size());
    if (!zero_) {
      fail("{}: holds data after its end mark (byte {}): it is damaged, or several tars in one, which this mends: {}",
           shard_.string(), end, repacking(shard_, "--ignore-zeros "));
    }
    if (content_.sets.empty()) refuse_without_sets();
    if (content_.checksums.size() > UINT32_MAX || tar_->size() / kTarBlock > UINT32_MAX) {
      fail("{}: is too large: make smaller shards", shard_.string());
    }
    content_.shard_bytes = tar_->size();
    content_.shard_sha256 = hash_.hex();
    return std::move(content_);
  }

 private:
  void add(const TarEntry& entry) {
    const auto name = sample_name(entry.name);
    if (!name) return;  // WebDataset skips these too
    if (name->key != sample_.key || sample_.files.empty()) {
      finish_sample();
      sample_ = {name->key, entry.header, 0, {}};
      if (!keys_.insert(name->key).second) refuse_scattered(name->key);
    }
    if (std::ranges::count(sample_.files, name->field, &ShardSample::File::field) > 0) {
      fail("{}/{}: the field '{}' comes twice, as where a file was added again (tar -r, -u); keep the last: {}",
           shard_.string(), name->key, name->field, repacking(shard_));
    }
    if (sample_.files.size() == kMaxFiles) fail("{}/{}: more than {} files", shard_.string(), name->key, kMaxFiles);
    while (hashed_ < entry.data) hash(entry.data);
    checksum_ = 0;
    while (hashed_ < entry.data + entry.size) hash(entry.data + entry.size);
    sample_.files.push_back({name->field, entry.data, entry.size, checksum_});
    sample_.end = entry.end();
  }

  void finish_sample() {
    if (sample_.files.empty()) return;
    const ViewSet set = read_set();
    if (!ids_.insert(set.id).second) fail("{}: id '{}' belongs to two sets", set.folder.string(), set.id);
    content_.sets.push_back({set.id, set.slots(), !set.identity_file_path.empty(), sample_.begin,
                             sample_.end - sample_.begin, content_.checksums.size(), sample_.files.size()});
    for (const ShardSample::File& file : sample_.files) content_.checksums.push_back(file.checksum);
    sample_ = {};
  }

  ViewSet read_set() {
    try {
      return read_sample(sample_, shard_, [&] { return tar_; });
    } catch (const Error&) {
      refuse_layout();
      throw;
    }
  }

  // What tars made by hand have wrong, where a sample cannot be read because of it.
  void refuse_layout() const {
    const std::string &key = sample_.key, tar = shard_.string();
    std::optional<fs::path> description;
    bool later = false;
    walk_tar(*tar_, 0, tar_->size(), [&](const TarEntry& entry) {
      const fs::path path = fs::path(entry.name).lexically_normal();
      if (path.filename() == "transforms.json" && !description) description = path;
      const auto name = sample_name(entry.name);
      later = later || (name && name->key == key && entry.header >= sample_.end);
    });
    if (later) refuse_scattered(key);
    if (description) {
      fail(
          "{}: holds folders of view sets ({}), not samples: mkdir unpacked && tar -xf {} -C unpacked, then name the "
          "folder, or spinfill data pack it",
          tar, description->string(), shell_word(tar));
    }
    if (std::ranges::count(sample_.files, kDescriptionField, &ShardSample::File::field) > 0) return;
    for (const ShardSample::File& file : sample_.files) {
      if (file.field.ends_with(".json")) refuse_dots(file.field);
    }
  }

  // The description got a longer field than "json", since its name holds a dot too many.
  [[noreturn]] void refuse_dots(const std::string& field) const {
    const std::string base = fs::path(sample_.key).filename().string(), more = field.substr(0, field.size() - 5);
    std::string rename = "s/\\.transforms\\.json$/.json/", joined = base + "_" + more;
    std::ranges::replace(joined, '.', '_');
    if (field != "transforms.json") {
      std::string pattern;
      for (const char c : base + "." + more) pattern += c == '.' ? "\\." : std::string(1, c);
      rename = fmt::format("s,{}\\.,{}.,", pattern, joined);
    }
    fail("{}: '{}.{}': a sample's key ends at the first dot, so this is the field '{}' of '{}' instead of 'json': {}",
         shard_.string(), sample_.key, field, field, sample_.key,
         repacking(shard_, fmt::format("--transform={} ", shell_word(rename))));
  }

  [[noreturn]] void refuse_scattered(const std::string& key) const {
    fail("{}/{}: its files are not consecutive, or two samples have this key: sort them by name: {}", shard_.string(),
         key, repacking(shard_));
  }

  [[noreturn]] void refuse_without_sets() const {
    std::size_t entries = 0;
    walk_tar(*tar_, 0, tar_->size(), [&](const TarEntry&) { ++entries; });
    if (entries == 0) fail("{}: is a tar without files: make it again", shard_.string());
    fail("{}: holds no view sets: none of its {} files is called KEY.FIELD, such as car-1.json and car-1.000.png",
         shard_.string(), entries);
  }

  // The next chunk, not beyond `end`: each byte of the shard goes through here once.
  void hash(std::uint64_t end) {
    chunk_.resize(static_cast<std::size_t>(std::min(kChunk, end - hashed_)));
    tar_->read(hashed_, chunk_.data(), chunk_.size());
    hash_.add(chunk_.data(), chunk_.size());
    checksum_ = checksum_of(chunk_, checksum_);
    zero_ = zero_ && std::ranges::all_of(chunk_, [](char c) { return c == 0; });
    hashed_ += chunk_.size();
    if (progress_) progress_(chunk_.size());
  }

  const ScanProgress& progress_;
  const fs::path shard_;
  const std::shared_ptr<const PositionalFile> tar_;
  ShardSample sample_;
  std::set<std::string> keys_, ids_;
  IndexContent content_;
  Sha256 hash_;
  std::uint64_t hashed_ = 0;    // bytes
  std::uint32_t checksum_ = 0;  // since it was set to 0
  bool zero_ = true;            // all bytes since it was set to true
  std::string chunk_;
};

}  // namespace

IndexContent scan_shard(const fs::path& shard, const ScanProgress& progress) {
  return Scan(shard, progress).run();
}

ScanBar::ScanBar(std::uint64_t total) : progress_("indexing", static_cast<std::int64_t>((total >> 20) + 1), "MiB") {}

IndexContent ScanBar::scan(const fs::path& shard) {
  return scan_shard(shard, [this](std::uint64_t bytes) {
    end_if_stopped();
    done_ += bytes;
    progress_.update(static_cast<std::int64_t>((done_ >> 20) + 1));
  });
}

std::uint64_t bytes_of(const fs::path& shard) {
  std::error_code error;
  const std::uint64_t bytes = fs::file_size(shard, error);
  if (error) fail("{}: cannot be opened: {}{}", shard.string(), error.message(), why_absent(shard));
  return bytes;
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "data/shards/shard_sample.h"

#include <zlib.h>

#include <algorithm>

#include "core/error.h"
#include "core/files/json.h"

namespace spinfill {
namespace {

class SampleFiles : public SetFiles {
 public:
  SampleFiles(ShardSample sample, const fs::path& shard, OpenShard open)
      : sample_(std::move(sample)), place_(shard / sample_.key), open_(std::move(open)) {}

  bool holds(const std::string& name) const override { return find(name) != nullptr; }

  std::string read(const std::string& name, std::uint64_t max_bytes) const override {
    const ShardSample::File* file = find(name);
    const std::string where = (place_ / name).string();
    if (file == nullptr) fail("{}: the sample has no such field", where);
    if (file->size > max_bytes) fail("{}: {} bytes, more than the {} allowed here", where, file->size, max_bytes);
    std::string bytes;
    try {
      bytes = open_()->read(file->data, file->size);
    } catch (const Error& error) {
      fail("{}: {}", where, error.what());
    }
    if (checksum_of(bytes) != file->checksum) {
      fail("{}: differs from its checksum: the shard has changed since it was indexed, or is damaged", where);
    }
    return bytes;
  }

 private:
  const ShardSample::File* find(const std::string& name) const {
    const auto sampled = sample_name("x." + name);  // lower-cased as fields are
    if (!sampled || sampled->key != "x") return nullptr;
    const auto found = std::ranges::find(sample_.files, sampled->field, &ShardSample::File::field);
    return found == sample_.files.end() ? nullptr : &*found;
  }

  const ShardSample sample_;
  const fs::path place_;
  const OpenShard open_;
};

}  // namespace

std::uint32_t checksum_of(std::string_view bytes, std::uint32_t start) {
  return static_cast<std::uint32_t>(crc32_z(start, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

std::shared_ptr<const SetFiles> files_of_sample(ShardSample sample, const fs::path& shard, OpenShard open) {
  return std::make_shared<SampleFiles>(std::move(sample), shard, std::move(open));
}

ViewSet parse_sample(const ShardSample& sample, const fs::path& shard, OpenShard open, const ReportProblem& report) {
  const fs::path place = shard / sample.key;
  auto files = files_of_sample(sample, shard, std::move(open));
  if (!files->holds(kDescriptionField)) {
    fail("{}: the sample has no field '{}', the content of its transforms.json", place.string(), kDescriptionField);
  }
  const std::string text = files->read(kDescriptionField, kMaxTransformsBytes);
  return parse_view_set(parse_json(text, (place / kDescriptionField).string()), place, std::move(files), report);
}

ViewSet read_sample(const ShardSample& sample, const fs::path& shard, OpenShard open) {
  return parse_sample(sample, shard, std::move(open), [&](const auto& where, const auto& what, const auto& advice) {
    fail("{}: {} {}: {}", (shard / sample.key / kDescriptionField).string(), where, what, advice);
  });
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/files/files.h"
#include "core/files/positional_file.h"
#include "data/sets/view_set_reader.h"
#include "data/shards/tar.h"

namespace spinfill {

constexpr const char* kDescriptionField = "json";  // transforms.json's content; file_path … name the sample's fields

// One sample of a shard: a set's files as byte ranges.
struct ShardSample {
  struct File {
    std::string field;
    std::uint64_t data = 0, size = 0;  // bytes from the shard's start
    std::uint32_t checksum = 0;        // CRC-32
  };
  std::string key;
  std::uint64_t begin = 0, end = 0;  // bytes, headers included
  std::vector<File> files;           // in the shard's order
};

using OpenShard = std::function<std::shared_ptr<const PositionalFile>()>;  // called at each read

// Every read is compared with the file's checksum: a shard that has changed since it was indexed is noticed.
std::shared_ptr<const SetFiles> files_of_sample(ShardSample sample, const fs::path& shard, OpenShard open);

// The set that the sample describes; wrong fields are reported (data/sets/view_set_reader.h). Exit 3: no or invalid
// json.
ViewSet parse_sample(const ShardSample& sample, const fs::path& shard, OpenShard open, const ReportProblem& report);
ViewSet read_sample(const ShardSample& sample, const fs::path& shard, OpenShard open);  // exit 3 for each wrong field

std::uint32_t checksum_of(std::string_view bytes, std::uint32_t start = 0);

}  // namespace spinfill

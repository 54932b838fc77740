// SPDX-License-Identifier: Apache-2.0
// How long a data set of many shards takes to open and how much memory its indexes hold:
// benchmark_shard_index [--sets 1000000] [--per-shard 300] [--folder FOLDER]. The shards are sparse files of the right
// size; their indexes are complete. Index files are dropped from the page cache before they are opened.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include <chrono>
#include <fstream>

#include "core/error.h"
#include "core/files/json.h"
#include "data/batches/samples.h"
#include "data/open_data_set.h"
#include "data/shards/shards.h"

using namespace spinfill;

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::uint64_t kSetBytes = 900'096;  // eight pictures of about 110 kB
constexpr std::uint64_t kFiles = 9;

double seconds_since(Clock::time_point began) {
  return std::chrono::duration<double>(Clock::now() - began).count();
}

// Memory of this process that is its own or mapped and present, MB.
double resident_mb() {
  std::ifstream file("/proc/self/statm");
  std::int64_t all = 0, resident = 0;
  file >> all >> resident;
  return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e6;
}

void drop_from_cache(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  ::fdatasync(descriptor);
  ::posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
  ::close(descriptor);
}

// Returns the bytes of all indexes.
std::uint64_t make_shards(const fs::path& folder, std::int64_t sets, std::int64_t per_shard) {
  std::uint64_t bytes = 0;
  std::int64_t shards = 0;
  for (std::int64_t first = 0; first < sets; first += per_shard, ++shards) {
    IndexContent content;
    content.shard_sha256 = std::string(64, '0');
    for (std::int64_t i = first; i < std::min(sets, first + per_shard); ++i) {
      const auto place = static_cast<std::uint64_t>(i - first);
      content.sets.push_back(
          {fmt::format("vehicle-{:08}", i), Slots(0xFF), false, place * kSetBytes, kSetBytes, place * kFiles, kFiles});
      for (std::uint64_t file = 0; file < kFiles; ++file) content.checksums.push_back(static_cast<std::uint32_t>(i));
    }
    content.shard_bytes = content.sets.size() * kSetBytes + 1024;
    const fs::path shard = folder / shard_name("train", shards);
    std::ofstream(shard).close();
    fs::resize_file(shard, content.shard_bytes);
    std::ofstream(index_path(shard), std::ios::binary) << ShardIndex::serialised(content);
    bytes += fs::file_size(index_path(shard));
    drop_from_cache(index_path(shard));
  }
  write_json_atomic(folder / kShardList, {{"format", "spinfill shards"},
                                          {"version", 1},
                                          {"named", true},
                                          {"splits", {{"train", {{"sets", sets}, {"shards", shards}}}}}});
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Times the opening of a large data set of shards");
  std::int64_t sets = 1'000'000, per_shard = 300;
  std::string folder = (fs::temp_directory_path() / fmt::format("spinfill-index-{}", ::getpid())).string();
  app.add_option("--sets", sets)->check(CLI::Range(1, 100'000'000));
  app.add_option("--per-shard", per_shard)->check(CLI::Range(1, 100'000'000));
  app.add_option("--folder", folder, "Made, and removed at the end")->check(CLI::NonexistentPath);
  CLI11_PARSE(app, argc, argv);
  try {
    make_folder(folder);
    const std::uint64_t bytes = make_shards(folder, sets, per_shard);
    {
      const double before = resident_mb();
      const auto began = Clock::now();
      const DataSet data = open_data_set(folder, "train");
      fmt::print("{} sets in {} shards, indexes of {:.1f} MB: opened in {:.3f} s, {:.1f} MB of memory\n", data.size(),
                 (sets + per_shard - 1) / per_shard, static_cast<double>(bytes) / 1e6, seconds_since(began),
                 resident_mb() - before);
      const auto drawing = Clock::now();
      DataConfig config;
      std::int64_t views = 0;
      for (std::int64_t i = 0; i < data.size(); ++i) {
        const SampleSpec spec = training_sample(data, config, 1, i);
        views += static_cast<std::int64_t>(spec.targets.count() + data.id(spec.set).size() % 2);
      }
      fmt::print("an epoch of samples drawn in {:.2f} s ({:.2f} us each), {:.1f} MB of memory since before opening\n",
                 seconds_since(drawing), 1e6 * seconds_since(drawing) / static_cast<double>(data.size()),
                 resident_mb() - before);
      if (views == 0) return 1;
    }
    fs::remove_all(folder);
  } catch (const Error& error) {
    fs::remove_all(folder);
    fmt::print(stderr, "{}\n", error.what());
    return static_cast<int>(error.code());
  }
  return 0;
}

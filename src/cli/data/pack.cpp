// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/data/data.h"
#include "cli/options.h"
#include "core/files/json.h"
#include "core/progress.h"
#include "data/shards/pack.h"

namespace spinfill {
namespace {

struct Options {
  std::string folder, out;
  std::uint64_t shard_bytes = std::uint64_t{256} << 20;
  std::vector<std::string> splits;
  bool replace = false, json = false;
  Links links = Links::stay_inside;
};

int run_pack(const Options& options) {
  std::optional<Progress> progress;
  std::string shown;
  PackOptions how;
  how.folder = options.folder;
  how.out = options.out;
  how.shard_bytes = options.shard_bytes;
  how.splits = options.splits;
  how.replace = options.replace;
  how.links = options.links;
  how.progress = [&](const std::string& what, std::int64_t done, std::int64_t total) {
    if (shown != what) progress.emplace(what, total, "sets");
    shown = what;
    progress->update(done);
  };
  const PackResult result = pack(how);
  progress.reset();
  if (options.json) {
    Json value = {{"bytes", result.bytes}, {"left_out", result.left_out}, {"splits", Json::object()}};
    for (const auto& [name, split] : result.splits) {
      value["splits"][name] = {{"sets", split.sets}, {"shards", split.shards}};
    }
    print_json(value, 1);
  } else {
    for (const auto& [name, split] : result.splits) {
      fmt::print("{}: {} sets in {} shard{}\n", name, split.sets, split.shards, split.shards == 1 ? "" : "s");
    }
    if (result.left_out > 0) fmt::print("{} sets are in none of these splits and were left out\n", result.left_out);
  }
  return 0;
}

}  // namespace

Command data_pack_command() {
  return {
      "pack", "Packs a data set into WebDataset tar shards with an index each",
      [](CLI::App& app) -> std::function<int()> {
        auto options = std::make_shared<Options>();
        app.add_option("folder", options->folder, "The data set: a folder of view sets")->required();
        app.add_option("--out", options->out, "Folder to make: SPLIT-000000.tar, SPLIT-000000.index, ..., shards.json")
            ->required();
        app.add_option("--shard-size", options->shard_bytes, "Largest shard, e.g. 256M or 2G (default 256M)")
            ->transform(CLI::AsSizeValue(false))
            ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 40));
        app.add_option("--split", options->splits, "Only these splits (default: all of splits.json)")->delimiter(',');
        add_follow_links(app, options->links);
        app.add_flag("--replace", options->replace, "Replace an earlier pack at --out");
        app.add_flag("--json", options->json, "Result as JSON on stdout");
        app.footer("Equal input gives equal bytes. A stop by a signal exits 75 and leaves nothing behind.");
        return [options] { return run_pack(*options); };
      }};
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>
#include <string>

#include "cli/data/data.h"
#include "core/print.h"
#include "data/shards/shards.h"

namespace spinfill {
namespace {

struct Options {
  std::string folder;
  bool replace = false;
};

int make_indexes(const Options& options) {
  const std::int64_t made = write_indexes(options.folder, options.replace);
  print_line("{} index{} made", made, made == 1 ? "" : "es");
  return 0;
}

}  // namespace

Command data_index_command() {
  return {"index", "Makes the indexes that tar shards lack or that no longer fit them",
          [](CLI::App& app) -> std::function<int()> {
            auto options = std::make_shared<Options>();
            app.add_option("folder", options->folder, "A folder of tar shards")->required();
            app.add_flag("--replace", options->replace, "Make every index anew");
            return [options] { return make_indexes(*options); };
          }};
}

}  // namespace spinfill

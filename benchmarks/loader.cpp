// SPDX-License-Identifier: Apache-2.0
// How long the loader needs for a batch: benchmark_loader DATA [--batch 8] [--threads 1] [--steps 30] [--width 96 …]
// [--cameras estimated] [--cache-folder DIR]: while the folder is filled, and in another run after that.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include <chrono>

#include "core/error.h"
#include "data/batches/loader.h"
#include "data/open_data_set.h"

using namespace spinfill;

namespace {

double seconds_per_batch(Loader& loader) {
  const auto began = std::chrono::steady_clock::now();
  std::int64_t batches = 0;
  while (loader.next()) ++batches;
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count() / static_cast<double>(batches);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Times the loader");
  std::string folder;
  DataConfig config;
  TrainingStream stream{.seed = 1, .batch_size = 8};
  std::int64_t steps = 30;
  app.add_option("data", folder)->required();
  app.add_option("--batch", stream.batch_size);
  app.add_option("--steps", steps);
  app.add_option("--threads", config.loader.threads);
  app.add_option("--width", config.width);
  app.add_option("--height", config.height);
  app.add_option("--cameras", config.cameras);
  app.add_option("--cache-folder", config.loader.cache_folder);
  CLI11_PARSE(app, argc, argv);
  try {
    const DataSet data = open_data_set(folder, "train");
    for (const bool priors : {false, true}) {
      stream.priors = priors;
      const MakeBatch make = training_batches(data, config, stream);
      const std::int64_t epoch = (data.size() + stream.batch_size - 1) / stream.batch_size;
      if (!config.loader.cache_folder.empty() && !priors) {
        Loader filling(training_batches(data, config, stream), 0, epoch, config.loader);
        fmt::print("{:.1f} ms a batch while the folder is filled\n", 1e3 * seconds_per_batch(filling));
      }
      Loader first(make, 0, epoch, config.loader);
      const double decoding = seconds_per_batch(first);
      Loader later(make, epoch, epoch + steps, config.loader);
      const double cached = seconds_per_batch(later);
      fmt::print("{} priors: {:.1f} ms a batch of {} sets while decoding, {:.1f} ms after\n",
                 priors ? "with" : "without", 1e3 * decoding, stream.batch_size, 1e3 * cached);
    }
  } catch (const Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return static_cast<int>(error.code());
  }
  return 0;
}

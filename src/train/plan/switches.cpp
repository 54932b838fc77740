// SPDX-License-Identifier: Apache-2.0
#include "train/plan/switches.h"

#include <fmt/format.h>

#include <utility>

#include "core/side_by_side.h"
#include "train/step/schedule.h"
#include "train/step/threads.h"

namespace spinfill {
namespace {

// A switch of one flag.
MemorySwitch flag(const char* name, bool TrainConfig::*member, const char* how) {
  return {name, [member](RunConfig& config) { return !std::exchange(config.train.*member, true); },
          [how](const RunConfig&) { return std::string(how); }};
}

MemorySwitch smaller_micro_batches(int processes) {
  return {
      "smaller micro-batches",
      [processes](RunConfig& config) {
        TrainConfig& train = config.train;
        for (std::int64_t sets = train.micro_batch_sets - 1; sets > 0; --sets) {
          if (train.batch_sets % (sets * processes) != 0) continue;
          train.micro_batch_sets = sets;
          return true;
        }
        return false;
      },
      [](const RunConfig& config) { return fmt::format("train.micro_batch_sets={}", config.train.micro_batch_sets); }};
}

MemorySwitch fewer_at_once(int processes) {
  return {"fewer micro-batches at once",
          [processes](RunConfig& config) {
            const std::int64_t micro_batches = accumulation_of(config.train, processes);
            const std::int64_t now = micro_batches_at_once(config.train, processors(), micro_batches);
            if (now == 1) return false;
            config.train.threads = now - 1;
            return true;
          },
          [](const RunConfig& config) { return fmt::format("train.threads={}", config.train.threads); }};
}

MemorySwitch fewer_pictures() {
  return {"fewer pictures in memory",
          [](RunConfig& config) { return std::exchange(config.data.loader.cache_mib, 0) > 0; },
          [](const RunConfig&) { return std::string("data.loader.cache_mib=0"); }};
}

}  // namespace

std::vector<MemorySwitch> memory_switches(const PlanTarget& target) {
  std::vector<MemorySwitch> switches = {smaller_micro_batches(target.processes)};
  if (target.processes > 1) {
    switches.push_back(flag("sharing the optimiser's state and the averaged weights", &TrainConfig::shard_optimizer,
                            "train.shard_optimizer=true"));
  }
  switches.push_back(
      flag("gradient checkpointing", &TrainConfig::gradient_checkpointing, "train.gradient_checkpointing=true"));
  if (!target.gpu) {
    switches.push_back(fewer_at_once(target.processes));
    switches.push_back(fewer_pictures());
  }
  return switches;
}

}  // namespace spinfill

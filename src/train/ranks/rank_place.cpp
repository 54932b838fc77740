// SPDX-License-Identifier: Apache-2.0
#include "train/ranks/rank_place.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <limits>

#include "core/error.h"

namespace spinfill {
namespace {

constexpr int kUsualPort = 29500;
constexpr int kMostRanks = 1 << 20;

int whole_number(const std::string& name, const std::string& text, int low, int high) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < low || value > high)
    fail_usage("environment variable {}={}: a whole number from {} to {} is needed", name, text, low, high);
  return value;
}

int number_of(const Environment& environment, const std::string& name, const std::string& why, int low, int high,
              std::optional<int> otherwise = {}) {
  const auto text = environment(name);
  if (text) return whole_number(name, *text, low, high);
  if (otherwise) return *otherwise;
  fail_usage("environment variable {} is missing, but {} is set: the launcher must set both", name, why);
}

// Slurm's "4(x2),3" does not say which count is this node's; the greatest is enough to choose GPUs by.
int greatest_count(const std::string& counts) {
  int greatest = 1, value = 0;
  bool within = false;
  for (const char c : counts + ",") {
    if (c == '(') within = true;
    if (!within && c >= '0' && c <= '9') value = 10 * value + (c - '0');
    if (c == ',') {
      greatest = std::max(greatest, value);
      value = 0;
      within = false;
    }
  }
  return greatest;
}

// Without a step it is the batch script itself, which srun did not start; a batch script's or an interactive shell's
// own "step" has a number from 2³² − 16 on.
bool is_numbered_step(const std::optional<std::string>& step) {
  std::uint32_t number = 0;
  if (!step) return false;
  const auto [end, error] = std::from_chars(step->data(), step->data() + step->size(), number);
  return error != std::errc() || number < 0xFFFFFFF0U;
}

void meet(const Environment& environment, RankPlace& place, const std::string& host, int port) {
  const auto given = environment("MASTER_ADDR");
  place.host = given ? *given : host;
  if (place.world > 1 && place.host.empty())
    fail_usage("environment variable MASTER_ADDR is missing: {} processes of {} need the name of rank 0's machine",
               place.world, place.launcher);
  place.port = number_of(environment, "MASTER_PORT", "MASTER_ADDR", 1, 65535, port);
}

}  // namespace

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr || *value == '\0') return std::nullopt;
    return std::string(value);
  };
}

std::string first_host(const std::string& nodes) {
  const std::size_t bracket = nodes.find('['), comma = nodes.find(',');
  if (bracket == std::string::npos || comma < bracket) return nodes.substr(0, comma);
  const std::size_t end = nodes.find_first_of("-,]", bracket + 1);
  if (end == std::string::npos) return "";
  const std::size_t close = nodes.find(']', bracket);
  const std::size_t after = nodes.find(',', close);
  return nodes.substr(0, bracket) + nodes.substr(bracket + 1, end - bracket - 1) +
         nodes.substr(close + 1, after == std::string::npos ? after : after - close - 1);
}

RankPlace rank_place(const Environment& environment) {
  RankPlace place;
  const auto world_of = [&](const char* name, const char* why) {
    return number_of(environment, name, why, 1, kMostRanks);
  };
  if (environment("RANK") || environment("WORLD_SIZE")) {
    place.launcher = environment("SPINFILL_LAUNCHER").value_or("torchrun");
    place.world = world_of("WORLD_SIZE", "RANK");
    place.rank = number_of(environment, "RANK", "WORLD_SIZE", 0, place.world - 1);
    // Kubernetes operators that start one process per pod do not set the local ones.
    place.local_world = number_of(environment, "LOCAL_WORLD_SIZE", "RANK", 1, place.world, 1);
    place.local_rank = number_of(environment, "LOCAL_RANK", "RANK", 0, place.world - 1, 0);
    if (place.world > 1 && !environment("MASTER_ADDR"))
      fail_usage("environment variable MASTER_ADDR is missing, but WORLD_SIZE is {}", place.world);
    meet(environment, place, "127.0.0.1", kUsualPort);
    const std::string served = environment("TORCHELASTIC_USE_AGENT_STORE").value_or("");
    place.store_is_served = served == "True" || served == "1";
    // torchrun's default says nothing.
    if (const auto id = environment("TORCHELASTIC_RUN_ID"); id && *id != "none") place.job = "torchrun " + *id;
  } else if (is_numbered_step(environment("SLURM_STEP_ID")) && environment("SLURM_PROCID")) {
    place.launcher = "srun";
    place.world = world_of("SLURM_NTASKS", "SLURM_PROCID");
    place.rank = number_of(environment, "SLURM_PROCID", "SLURM_NTASKS", 0, place.world - 1);
    place.local_rank = number_of(environment, "SLURM_LOCALID", "SLURM_PROCID", 0, place.world - 1, 0);
    place.local_world = std::max(
        place.local_rank + 1,
        greatest_count(
            environment("SLURM_STEP_TASKS_PER_NODE").value_or(environment("SLURM_TASKS_PER_NODE").value_or("1"))));
    const std::string nodes =
        environment("SLURM_STEP_NODELIST").value_or(environment("SLURM_JOB_NODELIST").value_or(""));
    // Jobs that share the machine, and steps of one job, have different ports.
    constexpr int kMost = std::numeric_limits<int>::max();
    const std::int64_t job = number_of(environment, "SLURM_JOB_ID", "SLURM_PROCID", 0, kMost, 0);
    const std::int64_t step = number_of(environment, "SLURM_STEP_ID", "SLURM_PROCID", 0, kMost);
    place.job = fmt::format("Slurm job {} step {}", job, step);
    meet(environment, place, first_host(nodes), static_cast<int>(20000 + (job + 4729 * step) % 20000));
  } else if (environment("OMPI_COMM_WORLD_SIZE")) {
    place.launcher = "mpirun";
    place.world = world_of("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK");
    place.rank = number_of(environment, "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", 0, place.world - 1);
    place.local_rank =
        number_of(environment, "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_RANK", 0, place.world - 1, 0);
    place.local_world = number_of(environment, "OMPI_COMM_WORLD_LOCAL_SIZE", "OMPI_COMM_WORLD_RANK", 1, place.world, 1);
    if (const auto name = environment("PMIX_NAMESPACE")) place.job = "Open MPI job " + *name;
    meet(environment, place, place.local_world == place.world ? "127.0.0.1" : "", kUsualPort);
  }
  return place;
}

}  // namespace spinfill

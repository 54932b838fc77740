// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace spinfill {

// Where a process stands among those that train one model together.
struct RankPlace {
  int rank = 0, world = 1;
  int local_rank = 0, local_world = 1;  // on this machine; local_rank chooses the GPU
  std::string host = "127.0.0.1";       // of the store where the processes meet
  int port = 0;
  bool store_is_served = false;  // by the launcher; else rank 0 serves it
  std::string launcher = "alone";
  std::string job;  // what the launcher calls it, "Slurm job 7 step 0"; empty where it has no name
};

using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment process_environment();

// From the first of these that is set; without any, a world of one:
//   RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE, MASTER_ADDR, MASTER_PORT, TORCHELASTIC_USE_AGENT_STORE
//     (torchrun, Kubernetes training operators, spinfill train --nproc-per-node);
//   SLURM_PROCID, SLURM_NTASKS, SLURM_LOCALID, SLURM_STEP_NODELIST … within a step of srun;
//   OMPI_COMM_WORLD_RANK, _SIZE, _LOCAL_RANK, _LOCAL_SIZE (Open MPI).
// MASTER_ADDR and MASTER_PORT override what Slurm and Open MPI say. Errors (exit 2) name the variable.
RankPlace rank_place(const Environment& environment);

// "node[03-07,9],x1" → "node03": the first host of a Slurm node list; empty where there is none.
std::string first_host(const std::string& nodes);

}  // namespace spinfill

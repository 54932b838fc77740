// SPDX-License-Identifier: Apache-2.0
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#ifdef USE_C10D_NCCL
#include <c10/core/DeviceGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

#include <chrono>
#include <cstdlib>

#include "core/error.h"
#include "train/ranks/connection.h"

namespace spinfill {
namespace {

std::shared_ptr<::gloo::transport::Device> gloo_device(const RankPlace& place) {
  if (const char* interface = std::getenv("GLOO_SOCKET_IFNAME"); interface != nullptr && *interface != '\0')
    return c10d::ProcessGroupGloo::createDeviceForInterface(interface);
  if (place.local_world == place.world) return c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1");
  return c10d::ProcessGroupGloo::createDefaultDevice();
}

#ifdef USE_C10D_NCCL
constexpr auto kNcclWaits = std::chrono::hours(24);  // on top of what a wait may take

// NCCL's own threads end the process by SIGABRT, after a time of their own, when an exchange fails or hangs, and nobody
// would be named: RankWatch takes their place. What the user has set stands.
void leave_failures_to_the_watch() {
  constexpr int kKeep = 0;
  ::setenv("TORCH_NCCL_ASYNC_ERROR_HANDLING", "0", kKeep);  // NoHandling
  ::setenv("TORCH_NCCL_RETHROW_CUDA_ERRORS", "0", kKeep);
  ::setenv("TORCH_NCCL_ENABLE_MONITORING", "0", kKeep);
  ::setenv("TORCH_NCCL_DUMP_ON_TIMEOUT", "0", kKeep);
}
#endif

}  // namespace

RankGroup make_rank_group(const c10::intrusive_ptr<c10d::Store>& store, const RankPlace& place, at::Device device,
                          double wait) {
  using Group = c10d::ProcessGroup;
  // A client of its own: where it waits for others, nobody waits for it.
  const c10::intrusive_ptr<c10d::Store> own = store->clone();
  RankGroup made;
  made.exchanges = c10::make_intrusive<Group>(own, place.rank, place.world);
  Group& group = *made.exchanges;
  if (device.is_cuda()) {
#ifdef USE_C10D_NCCL
    leave_failures_to_the_watch();
    auto options = c10d::ProcessGroupNCCL::Options::create();
    options->timeout = milliseconds_of(wait) + kNcclWaits;
    group.setDefaultBackend(Group::BackendType::NCCL);
    group.setBackend(c10::DeviceType::CUDA, Group::BackendType::NCCL,
                     c10::make_intrusive<c10d::ProcessGroupNCCL>(own, place.rank, place.world, options));
    made.patience = wait;
    made.finish = [device] {
      const c10::impl::VirtualGuardImpl stream(device.type());
      stream.synchronizeStream(stream.getStream(device));
    };
    made.abort = [group = made.exchanges, device] {
      const c10::DeviceGuard guard(device);
      group->abort();
    };
    made.close = [group = made.exchanges, device] {
      const c10::DeviceGuard guard(device);
      group->shutdown();
    };
#else
    fail_usage("{} processes on GPUs need NCCL: build the cuda preset where nccl.h is found", place.world);
#endif
  } else {
    auto options = c10d::ProcessGroupGloo::Options::create(milliseconds_of(wait));
    options->devices.push_back(gloo_device(place));
    options->threads = 2;
    group.setDefaultBackend(Group::BackendType::GLOO);
    group.setBackend(c10::DeviceType::CPU, Group::BackendType::GLOO,
                     c10::make_intrusive<c10d::ProcessGroupGloo>(own, place.rank, place.world, options));
    made.patience = 2 * wait + 10;  // Gloo ends each of its exchanges by itself, and cannot be aborted
  }
  group.setGroupName("spinfill");
  return made;
}

}  // namespace spinfill

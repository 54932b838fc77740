// SPDX-License-Identifier: Apache-2.0
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#ifdef USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

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

}  // namespace

c10::intrusive_ptr<c10d::ProcessGroup> make_process_group(const c10::intrusive_ptr<c10d::Store>& store,
                                                          const RankPlace& place, at::Device device,
                                                          std::chrono::milliseconds wait) {
  using Group = c10d::ProcessGroup;
  auto group = c10::make_intrusive<Group>(store, place.rank, place.world);
  if (device.is_cuda()) {
#ifdef USE_C10D_NCCL
    auto options = c10d::ProcessGroupNCCL::Options::create();
    options->timeout = wait;
    auto nccl = c10::make_intrusive<c10d::ProcessGroupNCCL>(store, place.rank, place.world, options);
    group->setDefaultBackend(Group::BackendType::NCCL);
    group->setBackend(c10::DeviceType::CUDA, Group::BackendType::NCCL, nccl);
#else
    fail_usage("{} processes on GPUs need NCCL: build the cuda preset where nccl.h is found", place.world);
#endif
  } else {
    auto options = c10d::ProcessGroupGloo::Options::create(wait);
    options->devices.push_back(gloo_device(place));
    options->threads = 2;
    auto gloo = c10::make_intrusive<c10d::ProcessGroupGloo>(store, place.rank, place.world, options);
    group->setDefaultBackend(Group::BackendType::GLOO);
    group->setBackend(c10::DeviceType::CPU, Group::BackendType::GLOO, gloo);
  }
  group->setGroupName("spinfill");
  return group;
}

}  // namespace spinfill

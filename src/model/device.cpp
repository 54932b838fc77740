// SPDX-License-Identifier: Apache-2.0
#include "model/device.h"

#include <ATen/ATen.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/error.h"

namespace spinfill {

c10::Device choose_device(const std::string& name, int index) {
  const auto choice = value_named<DeviceChoice>(name);
  if (!choice) fail_usage("device '{}': must be auto, cpu or cuda", name);
  return choose_device(*choice, index);
}

c10::Device choose_device(DeviceChoice choice, int index) {
  if (choice == DeviceChoice::cpu) return at::kCPU;
  const bool available = at::hasCUDA();
  if (choice == DeviceChoice::cuda && !available) {
    fail_usage("device 'cuda': no GPU can be used here (a build with -DSPINFILL_CUDA=ON and a driver are needed)");
  }
  if (!available) return at::kCPU;
  if (const auto gpus = at::detail::getCUDAHooks().getNumGPUs(); index >= gpus) {
    fail_usage("process {} of this machine has no GPU: there are {}; start as many processes as GPUs", index, gpus);
  }
  return {at::kCUDA, static_cast<c10::DeviceIndex>(index)};
}

at::Tensor sent(const at::Tensor& tensor, c10::Device device) {
  if (!device.is_cuda() || !tensor.is_cpu()) return tensor.to(device);
  return tensor.pin_memory().to(device, /*non_blocking=*/true);
}

namespace {

constexpr auto kAll = static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE);

}  // namespace

std::uint64_t peak_allocated_bytes(c10::Device gpu) {
  return static_cast<std::uint64_t>(
      at::getDeviceAllocator(gpu.type())->getDeviceStats(gpu.index()).allocated_bytes[kAll].peak);
}

void reset_peak_allocated(c10::Device gpu) {
  at::getDeviceAllocator(gpu.type())->resetPeakStats(gpu.index());
}

std::uint64_t total_memory(c10::Device device) {
  if (device.is_cuda()) return at::getDeviceAllocator(device.type())->getMemoryInfo(device.index()).second;
  return static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(sysconf(_SC_PAGE_SIZE));
}

std::uint64_t peak_bytes(c10::Device device) {
  if (device.is_cuda()) {
    const auto statistics = at::getDeviceAllocator(device.type())->getDeviceStats(device.index());
    return static_cast<std::uint64_t>(statistics.reserved_bytes[kAll].peak);
  }
  struct rusage usage {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "train/plan/device_rate.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>

#include "core/files/files.h"
#include "core/side_by_side.h"
#include "core/stopwatch.h"

namespace spinfill {

MeasuredRate measure_rate(c10::Device device, c10::ScalarType dtype, int threads) {
  const at::NoGradGuard no_grad;
  const KeepTorchThreads keep;
  const std::int64_t n = device.is_cpu() ? 1024 : 8192;
  if (device.is_cpu()) at::set_num_threads(threads);
  const at::Tensor a = at::ones({n, n}, at::TensorOptions(device).dtype(dtype)), b = at::ones_like(a);
  at::Tensor c = at::empty_like(a);
  double best = 0;
  for (int i = 0; i < 6; ++i) {  // the first ones warm up
    const Stopwatch watch;
    at::mm_out(c, a, b);
    c[0][0].item<float>();  // waits for the device
    best = std::max(best, 2 * static_cast<double>(n * n * n) / watch.seconds());
  }
  return {best, fmt::format("a {} matrix product of {}³{}", dtype == at::kBFloat16 ? "bfloat16" : "float32", n,
                            device.is_cpu() ? fmt::format(" on {} thread{}", threads, threads == 1 ? "" : "s") : "")};
}

std::string device_name(c10::Device device) {
  if (!device.is_cuda()) return {};
  std::error_code none;
  std::vector<fs::path> gpus;
  for (const auto& entry : fs::directory_iterator("/proc/driver/nvidia/gpus", none)) gpus.push_back(entry.path());
  std::ranges::sort(gpus);
  for (const fs::path& gpu : gpus) {
    std::ifstream in(gpu / "information");
    for (std::string line; std::getline(in, line);) {
      if (!line.starts_with("Model:")) continue;
      const std::size_t first = line.find_first_not_of(" \t", 6);
      return first == std::string::npos ? "" : line.substr(first);
    }
  }
  return {};
}

std::optional<SheetRate> sheet_rate(const std::string& device_name) {
  // NVIDIA's data sheets; a name that contains another comes first.
  static const std::array<SheetRate, 10> kSheets = {{{"H100 PCIe", 756e12, 378e12},
                                                     {"H100", 989e12, 494e12},
                                                     {"H200", 989e12, 494e12},
                                                     {"GH200", 989e12, 494e12},
                                                     {"A100", 312e12, 156e12},
                                                     {"L40S", 362e12, 183e12},
                                                     {"RTX 4090", 165e12, 82.6e12},
                                                     {"RTX 3090", 71e12, 35.6e12},
                                                     {"A10", 125e12, 62.5e12},
                                                     {"L4", 121e12, 60e12}}};
  for (const SheetRate& sheet : kSheets) {
    const std::size_t found = device_name.find(sheet.name);
    if (found == std::string::npos) continue;
    // "L4" is not "L40", "A10" not "A100".
    const std::size_t end = found + sheet.name.size();
    if (end < device_name.size() && std::isalnum(static_cast<unsigned char>(device_name[end])) != 0) continue;
    return sheet;
  }
  return std::nullopt;
}

}  // namespace spinfill

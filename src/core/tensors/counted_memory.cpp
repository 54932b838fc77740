// SPDX-License-Identifier: Apache-2.0
#include "core/tensors/counted_memory.h"

#include <c10/core/Allocator.h>

#include <atomic>
#include <mutex>
#include <unordered_map>

#include "core/error.h"

namespace spinfill {
namespace {

class Counter {
 public:
  void add(std::int64_t bytes) {
    const std::int64_t now = held += bytes;
    for (std::int64_t seen = peak; now > seen && !peak.compare_exchange_weak(seen, now);) {
    }
  }
  std::atomic<std::int64_t> held = 0, peak = 0;
};

// Addresses are those of LibTorch's allocator, so that each may release what the other handed out.
class CountingCpuAllocator : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t bytes) override {
    void* data = inner->raw_allocate(bytes);
    if (data != nullptr) {
      const std::lock_guard lock(mutex_);
      sizes_[data] = static_cast<std::int64_t>(bytes);
      counter.add(static_cast<std::int64_t>(bytes));
    }
    return {data, data, &CountingCpuAllocator::release, c10::Device(c10::kCPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &CountingCpuAllocator::release; }
  void copy_data(void* to, const void* from, std::size_t bytes) const override { default_copy_data(to, from, bytes); }
  static CountingCpuAllocator& one() {
    static auto* allocator = new CountingCpuAllocator;  // tensors may outlive everything
    return *allocator;
  }
  Counter counter;
  c10::Allocator* inner = nullptr;

 private:
  static void release(void* data) {
    CountingCpuAllocator& self = one();
    {
      const std::lock_guard lock(self.mutex_);
      if (const auto found = self.sizes_.find(data); found != self.sizes_.end()) {
        self.counter.add(-found->second);
        self.sizes_.erase(found);
      }
    }
    self.inner->raw_deallocate(data);
  }
  std::mutex mutex_;
  std::unordered_map<void*, std::int64_t> sizes_;
};

class CountingMetaAllocator : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t bytes) override {
    counter.add(static_cast<std::int64_t>(bytes));
    return {nullptr, new std::int64_t(static_cast<std::int64_t>(bytes)), &CountingMetaAllocator::release,
            c10::Device(c10::kMeta)};
  }
  void copy_data(void*, const void*, std::size_t) const override {}
  static CountingMetaAllocator& one() {
    static auto* allocator = new CountingMetaAllocator;
    return *allocator;
  }
  Counter counter;
  c10::Allocator* inner = nullptr;

 private:
  static void release(void* context) {
    auto* bytes = static_cast<std::int64_t*>(context);
    one().counter.add(-*bytes);
    delete bytes;
  }
};

template <class CountingAllocator>
void put_in_front(CountingAllocator& own, c10::DeviceType device) {
  c10::Allocator* inner = c10::GetAllocator(device);
  if (inner == &own) fail("the memory of {} is being counted already", c10::DeviceTypeName(device, true));
  own.inner = inner;
  own.counter.held = own.counter.peak = 0;
  c10::SetAllocator(device, &own);
}

Counter& counter_of(c10::DeviceType device) {
  return device == c10::kMeta ? CountingMetaAllocator::one().counter : CountingCpuAllocator::one().counter;
}

}  // namespace

CountedMemory::CountedMemory(c10::DeviceType device) : device_(device) {
  if (device == c10::kMeta) {
    put_in_front(CountingMetaAllocator::one(), device);
  } else if (device == c10::kCPU) {
    put_in_front(CountingCpuAllocator::one(), device);
  } else {
    fail("memory of {} is counted by its own allocator", c10::DeviceTypeName(device, true));
  }
}

CountedMemory::~CountedMemory() {
  c10::SetAllocator(device_,
                    device_ == c10::kMeta ? CountingMetaAllocator::one().inner : CountingCpuAllocator::one().inner);
}

std::int64_t CountedMemory::held() const {
  return counter_of(device_).held;
}
std::int64_t CountedMemory::peak() const {
  return counter_of(device_).peak;
}
void CountedMemory::reset_peak() {
  Counter& counter = counter_of(device_);
  counter.peak = counter.held.load();
}

}  // namespace spinfill

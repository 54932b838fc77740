// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <future>
#include <type_traits>
#include <vector>

namespace spinfill {

// Threads that tensor operations have by default: as the machine or OMP_NUM_THREADS says. The first call must come
// before the number is changed.
int processors();

// Keeps torch's number of threads: of the calling thread, and the default of threads yet to come.
class KeepTorchThreads {
 public:
  KeepTorchThreads();
  ~KeepTorchThreads();
  KeepTorchThreads(const KeepTorchThreads&) = delete;
  KeepTorchThreads& operator=(const KeepTorchThreads&) = delete;

 private:
  int threads_;
};

// One thread for the calling thread's tensor operations.
void use_one_torch_thread();

// item(0) … item(count − 1) at the same time, each on a thread of its own with one thread for tensor operations:
// nothing waits within a network's many small operations, so two cores do nearly twice the work, on a busy machine too.
// Thread-local state such as the grad mode is at its default within an item. Returns the results in order, or, when
// all items have ended, throws the first exception in order.
template <class Item>
auto side_by_side(std::size_t count, const Item& item) {
  using Result = std::invoke_result_t<const Item&, std::size_t>;
  const KeepTorchThreads keep;  // outlives `running`, whose destructors wait
  std::vector<std::future<Result>> running;
  for (std::size_t i = 0; i < count; ++i) {
    running.push_back(std::async(std::launch::async, [&item, i] {
      use_one_torch_thread();
      return item(i);
    }));
  }
  std::vector<Result> results;
  for (auto& one : running) results.push_back(one.get());
  return results;
}

}  // namespace spinfill

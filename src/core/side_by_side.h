// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <future>
#include <type_traits>
#include <vector>

namespace spinfill {

// Number of threads that tensor operations use by default, by the machine or OMP_NUM_THREADS. The first call must come
// before the number is changed.
int processors();

// Restores torch's number of threads at its end: the calling thread's, and the default for threads made later.
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
// no thread waits for others in a network's many small operations, so two cores do nearly twice the work, busy or not.
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

// SPDX-License-Identifier: Apache-2.0
// All that depends on LibTorch's distributed interface, which drifts between releases (CMake pins the version).
#include "train/ranks/ranks.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <torch/csrc/distributed/c10d/reducer.hpp>
#ifdef USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <future>
#include <thread>

#include "core/error.h"
#include "train/step/weight_shards.h"

namespace spinfill {

using std::chrono::milliseconds;

struct Ranks::Connection {
  c10::intrusive_ptr<c10d::Store> store;
  c10::intrusive_ptr<c10d::ProcessGroup> group;
};

namespace {

constexpr auto kAskingTakes = std::chrono::seconds(5);  // for the store's answer when something failed
constexpr std::size_t kMostNamed = 4;                   // ranks in one message

// Adds the seconds of its life.
class Stopwatch {
 public:
  explicit Stopwatch(double& seconds) : seconds_(seconds) {}
  ~Stopwatch() { seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  double& seconds_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

milliseconds span_of(double seconds) {
  return milliseconds(static_cast<std::int64_t>(1000 * seconds));
}

std::int64_t now_ms() {
  return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// LibTorch's and Gloo's messages: the first line, without the place in their source.
std::string first_line(const std::string& text) {
  std::string line = text.substr(0, text.find('\n'));
  if (!line.empty() && line.front() == '[') {
    const std::size_t end = line.find("] ");
    if (end != std::string::npos) line.erase(0, end + 2);
  }
  return line;
}

std::vector<std::uint8_t> bytes_of(const std::string& text) {
  return {text.begin(), text.end()};
}

c10::intrusive_ptr<c10d::Store> meet(const RankPlace& place, double seconds) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(place.port);
  options.isServer = place.rank == 0 && !place.store_is_served;
  options.waitWorkers = false;
  options.timeout = span_of(seconds);
  c10::intrusive_ptr<c10d::Store> store;
  try {
    store = c10::make_intrusive<c10d::TCPStore>(place.host, options);
  } catch (const std::exception& error) {
    fail("rank {} of {}: no store at {}:{} ({}): is rank 0 there, and is the port free and reachable?", place.rank,
         place.world, place.host, place.port, first_line(error.what()));
  }
  // A launcher's store outlives a restart: each attempt has keys of its own.
  const char* attempt = std::getenv("TORCHELASTIC_RESTART_COUNT");
  store = c10::make_intrusive<c10d::PrefixStore>(fmt::format("spinfill/{}", attempt == nullptr ? "0" : attempt), store);
  store->set(fmt::format("joined/{}", place.rank), bytes_of("yes"));
  for (int rank = 0; rank < place.world; ++rank) {
    try {
      store->wait({fmt::format("joined/{}", rank)}, span_of(seconds));
    } catch (const std::exception&) {
      fail("rank {} of {}: rank {} did not come to {}:{} within {:g} s (train.join_timeout)", place.rank, place.world,
           rank, place.host, place.port, seconds);
    }
  }
  return store;
}

std::shared_ptr<::gloo::transport::Device> gloo_device(const RankPlace& place) {
  if (const char* interface = std::getenv("GLOO_SOCKET_IFNAME"); interface != nullptr && *interface != '\0')
    return c10d::ProcessGroupGloo::createDeviceForInterface(interface);
  if (place.local_world == place.world) return c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1");
  return c10d::ProcessGroupGloo::createDefaultDevice();
}

c10::intrusive_ptr<c10d::ProcessGroup> group_of(const c10::intrusive_ptr<c10d::Store>& store, const RankPlace& place,
                                                at::Device device, milliseconds wait) {
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

// What the other ranks last said of themselves; the store may be gone or hang, so somebody else asks it.
std::string ask_for_others(const c10::intrusive_ptr<c10d::Store>& store, const RankPlace& place) {
  struct Other {
    int rank;
    std::int64_t seen;
    std::string text;
  };
  const auto read = [&](const std::string& key) {
    const std::vector<std::uint8_t> value = store->get(key);
    return std::string(value.begin(), value.end());
  };
  std::vector<Other> others;
  for (int rank = 0; rank < place.world; ++rank) {
    if (rank == place.rank) continue;
    if (const std::string key = fmt::format("failed/{}", rank); store->check({key})) {
      others.push_back({rank, 0, fmt::format("rank {} failed: {}", rank, read(key))});
      continue;
    }
    const std::string key = fmt::format("at/{}", rank);
    if (!store->check({key})) {
      others.push_back({rank, 1, fmt::format("rank {} never began", rank)});
      continue;
    }
    const std::string text = read(key);  // "TIME step …"
    const std::size_t space = text.find(' ');
    const std::int64_t seen = std::strtoll(text.c_str(), nullptr, 10);
    others.push_back({rank, seen,
                      fmt::format("rank {} was last seen at {}, {:.0f} s ago", rank, text.substr(space + 1),
                                  static_cast<double>(now_ms() - seen) / 1000)});
  }
  std::ranges::sort(others, {}, &Other::seen);
  if (!others.empty() && others.front().seen == 0)  // what failed by itself explains the rest
    std::erase_if(others, [](const Other& other) { return other.seen != 0; });
  std::string text;
  for (std::size_t i = 0; i < std::min(others.size(), kMostNamed); ++i) text += (i > 0 ? "; " : "") + others[i].text;
  if (others.size() > kMostNamed) text += fmt::format("; and {} more", others.size() - kMostNamed);
  return text;
}

}  // namespace

Ranks::Ranks() = default;

Ranks::Ranks(const RankPlace& place, at::Device device, const RankTimeouts& timeouts)
    : place_(place), device_(device), timeouts_(timeouts) {
  if (place.world == 1) return;
  connection_ = std::make_unique<Connection>();
  connection_->store = meet(place, timeouts.join);
  at(0, "start");
  exchange([&] { connection_->group = group_of(connection_->store, place, device, span_of(timeouts.wait)); });
}

Ranks::~Ranks() {
  // Closing in order would wait for exchanges that will never end.
  if (connection_) (void)connection_.release();
}

void Ranks::at(std::int64_t step, const std::string& phase) {
  step_ = step;
  phase_ = phase;
  if (!connection_) return;
  try {
    connection_->store->set(fmt::format("at/{}", place_.rank),
                            bytes_of(fmt::format("{} step {} ({})", now_ms(), step, phase)));
  } catch (const std::exception&) {
    // The store is for messages alone by now; the next exchange tells whether its process is gone.
  }
}

void Ranks::tell_failure(const std::string& message) noexcept {
  if (!connection_ || !connection_->store) return;
  try {
    connection_->store->set(
        fmt::format("failed/{}", place_.rank),
        bytes_of(fmt::format("step {} ({}): {}", step_, phase_, first_line(message).substr(0, 400))));
  } catch (const std::exception&) {
    // It is told on this rank's own stderr as well.
  }
}

void Ranks::leave() {
  if (!connection_) return;
  any(false);
  connection_->group.reset();
  connection_.reset();
}

std::string Ranks::diagnosis() {
  auto asked = std::make_shared<std::promise<std::string>>();
  std::future<std::string> answer = asked->get_future();
  std::thread([asked, store = connection_->store, place = place_] {
    try {
      asked->set_value(ask_for_others(store, place));
    } catch (const std::exception&) {
      asked->set_value("");
    }
  }).detach();
  const std::string server = place_.store_is_served ? "the launcher" : "rank 0";
  if (answer.wait_for(kAskingTakes) != std::future_status::ready)
    return fmt::format("the store of {} at {}:{} does not answer", server, place_.host, place_.port);
  const std::string others = answer.get();
  return others.empty() ? fmt::format("the store of {} at {}:{} is gone", server, place_.host, place_.port) : others;
}

void Ranks::exchange(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    fail("rank {} of {} could not go on at step {} ({}): {}; {}", place_.rank, place_.world, step_, phase_,
         first_line(error.what()), diagnosis());
  }
}

void Ranks::sum(at::Tensor& values) {
  if (!connection_) return;
  const Stopwatch waiting(waited_);
  exchange([&] {
    std::vector<at::Tensor> list = {values.to(device_).contiguous()};
    connection_->group->allreduce(list)->wait();
    values.copy_(list[0]);
  });
}

bool Ranks::any(bool value) {
  if (!connection_) return value;
  at::Tensor flag = at::full({1}, value ? 1.0 : 0.0, at::kFloat);
  sum(flag);
  return flag.item<float>() > 0;
}

void Ranks::copy_from_first(const std::vector<at::Tensor>& tensors) {
  if (!connection_) return;
  const at::NoGradGuard no_grad;
  const Stopwatch waiting(waited_);
  exchange([&] {
    for (const at::Tensor& tensor : tensors) {
      std::vector<at::Tensor> list = {tensor.detach().to(device_).contiguous()};
      c10d::BroadcastOptions options;
      connection_->group->broadcast(list, options)->wait();
      if (!list[0].is_same(tensor)) tensor.detach().copy_(list[0]);
    }
  });
}

void Ranks::sum_slices(const at::Tensor& whole, const at::Tensor& slice) {
  if (!connection_) {
    slice.copy_(whole);
    return;
  }
  const Stopwatch waiting(waited_);
  exchange([&] {
    at::Tensor from = whole, to = slice;
    connection_->group->_reduce_scatter_base(to, from)->wait();
  });
}

void Ranks::join_slices(const at::Tensor& slice, const at::Tensor& whole) {
  if (!connection_) {
    whole.copy_(slice);
    return;
  }
  const Stopwatch waiting(waited_);
  exchange([&] {
    at::Tensor from = slice, to = whole;
    connection_->group->_allgather_base(to, from)->wait();
  });
}

std::vector<std::string> Ranks::gather(const std::string& mine) {
  if (!connection_) return {mine};
  at::Tensor lengths = at::zeros({world()}, at::kLong);
  lengths[rank()] = static_cast<std::int64_t>(mine.size());
  sum(lengths);
  const std::int64_t longest = std::max<std::int64_t>(1, lengths.max().item<std::int64_t>());
  std::vector<std::string> all;
  const Stopwatch waiting(waited_);
  exchange([&] {
    at::Tensor bytes = at::zeros({longest}, at::kByte);
    std::copy(mine.begin(), mine.end(), bytes.mutable_data_ptr<std::uint8_t>());
    std::vector<at::Tensor> in = {bytes.to(device_)};
    std::vector<std::vector<at::Tensor>> out(1);
    for (int rank = 0; rank < world(); ++rank) out[0].push_back(at::empty_like(in[0]));
    connection_->group->allgather(out, in)->wait();
    for (int rank = 0; rank < world(); ++rank) {
      const at::Tensor own = out[0][static_cast<std::size_t>(rank)].cpu();
      const auto* data = reinterpret_cast<const char*>(own.const_data_ptr<std::uint8_t>());
      all.emplace_back(data, static_cast<std::size_t>(lengths[rank].item<std::int64_t>()));
    }
  });
  return all;
}

std::string Ranks::from_first(const std::string& mine) {
  return gather(first() ? mine : "").front();
}

void Ranks::require_equal(const std::string& what, const std::string& mine) {
  const std::vector<std::string> all = gather(mine);
  for (int rank = 1; rank < world(); ++rank) {
    if (all[static_cast<std::size_t>(rank)] != all.front())
      fail_usage("rank {} has another {} than rank 0: start all processes alike", rank, what);
  }
}

struct StoreServer::State {
  c10::intrusive_ptr<c10d::TCPStore> store;
};

StoreServer::StoreServer() : state_(std::make_unique<State>()) {
  c10d::TCPStoreOptions options;
  options.port = 0;
  options.isServer = true;
  options.waitWorkers = false;
  try {
    state_->store = c10::make_intrusive<c10d::TCPStore>("127.0.0.1", options);
  } catch (const std::exception& error) {
    fail("no store can be served at 127.0.0.1: {}", first_line(error.what()));
  }
}

StoreServer::~StoreServer() = default;

int StoreServer::port() const {
  return state_->store->getPort();
}

struct GradientExchange::Reducer {
  std::unique_ptr<c10d::Reducer> reducer;
};

struct GradientExchange::LastGradient {
  std::chrono::steady_clock::time_point made;
};

GradientExchange::GradientExchange(Ranks& ranks, std::vector<at::Tensor> parameters, bool overlap, WeightShards* shards)
    : ranks_(ranks), parameters_(std::move(parameters)), shards_(shards) {
  if (!ranks.connection_ || !overlap || shards != nullptr) return;
  const std::vector<bool> dense(parameters_.size(), false);
  auto [buckets, limits] = c10d::compute_bucket_assignment_by_size(
      parameters_, {c10d::kDefaultFirstBucketBytes, c10d::kDefaultBucketBytesCap}, dense);
  // Gradients come about from the last parameter to the first.
  std::ranges::reverse(buckets);
  std::ranges::reverse(limits);
  reducer_ = std::make_unique<Reducer>();
  ranks.exchange([&, &buckets = buckets, &limits = limits] {
    reducer_->reducer = std::make_unique<c10d::Reducer>(
        parameters_, buckets, ranks.connection_->group, dense, c10d::kDefaultBucketBytesCap,
        /*find_unused_parameters=*/false, /*gradient_as_bucket_view=*/false,
        std::unordered_map<std::size_t, std::string>{}, c10d::kDefaultFirstBucketBytes,
        /*skip_all_reduce_unused_params=*/false, /*use_python_reducer=*/false, std::vector<std::int64_t>{});
  });
  last_gradient_ = std::make_unique<LastGradient>();
  for (const at::Tensor& parameter : parameters_) {
    hooks_.push_back(parameter.register_hook(
        [last = last_gradient_.get()](const at::Tensor&) { last->made = std::chrono::steady_clock::now(); }));
  }
}

GradientExchange::~GradientExchange() {
  for (std::size_t i = 0; i < hooks_.size(); ++i) parameters_[i].remove_hook(hooks_[i]);
  // Its destructor waits for nothing, but the group of a run that failed is kept, and so is what refers to it.
  if (reducer_ && std::uncaught_exceptions() > 0) (void)reducer_->reducer.release();
}

void GradientExchange::backward(const at::Tensor& loss, bool last) {
  reduced_ = false;
  if (!reducer_) {
    loss.backward();
    if (last) sum_now();
    return;
  }
  ranks_.exchange([&] {
    if (last) {
      reducer_->reducer->rebuild_buckets();
      reducer_->reducer->prepare_for_forward();
      reducer_->reducer->prepare_for_backward({loss});
    }
    loss.backward();
  });
  if (last) {
    const auto since = std::chrono::steady_clock::now() - last_gradient_->made;
    ranks_.waited_ += std::chrono::duration<double>(since).count();
  }
  reduced_ = last;
}

void GradientExchange::sum_now() {
  reduced_ = false;
  if (shards_ != nullptr) return shards_->take_gradients();
  if (!ranks_.connection_) return;
  const at::NoGradGuard no_grad;
  constexpr std::int64_t kBucket = 25 << 20;
  const Stopwatch waiting(ranks_.waited_);
  ranks_.exchange([&] {
    std::vector<at::Tensor> bucket;
    const auto send = [&] {
      if (bucket.empty()) return;
      std::vector<at::Tensor> flat;
      for (const at::Tensor& gradient : bucket) flat.push_back(gradient.reshape({-1}));
      std::vector<at::Tensor> list = {at::cat(flat)};
      ranks_.connection_->group->allreduce(list)->wait();
      std::int64_t first = 0;
      for (at::Tensor& gradient : bucket) {
        gradient.copy_(list[0].narrow(0, first, gradient.numel()).view(gradient.sizes()));
        first += gradient.numel();
      }
      bucket.clear();
    };
    std::int64_t bytes = 0;
    for (const at::Tensor& parameter : parameters_) {
      at::Tensor& gradient = parameter.mutable_grad();
      if (!gradient.defined()) gradient = at::zeros_like(parameter);
      bucket.push_back(gradient);
      bytes += static_cast<std::int64_t>(gradient.nbytes());
      if (bytes >= kBucket) send(), bytes = 0;
    }
    send();
  });
}

double GradientExchange::norm(double own) const {
  if (shards_ == nullptr) return own;
  at::Tensor square = at::full({1}, own * own, at::kDouble);
  ranks_.sum(square);
  return std::sqrt(square.item<double>());
}

void GradientExchange::publish() {
  if (shards_ != nullptr) shards_->publish();
}

double GradientExchange::factor() const {
  return reduced_ ? ranks_.world() : 1;
}

}  // namespace spinfill

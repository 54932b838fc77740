// SPDX-License-Identifier: Apache-2.0
#include "data/batches/loader.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

#include "core/error.h"

namespace spinfill {

MakeBatch training_batches(const DataSet& data, const DataConfig& config, const TrainingStream& stream) {
  if (stream.batch_size < 1 || stream.world < 1 || stream.rank < 0 || stream.rank >= stream.world) {
    fail_usage("batches of {} sets for rank {} of {} cannot be made", stream.batch_size, stream.rank, stream.world);
  }
  const std::int64_t kinds = config.close_up > 1 ? 2 : 1;  // of pictures that share the memory
  const auto cache_of = [&] {
    return std::make_shared<PictureCache>((config.loader.cache_mib << 20) / kinds, open_store(config));
  };
  DataConfig large = config;
  large.width *= config.close_up;
  large.height *= config.close_up;
  return [&data, config, large, stream, cache = cache_of(), large_cache = cache_of()](std::int64_t step) {
    std::vector<SampleSpec> specs;
    const std::int64_t first = (step * stream.world + stream.rank) * stream.batch_size;
    for (std::int64_t i = 0; i < stream.batch_size; ++i) {
      specs.push_back(training_sample(data, config, stream.seed, first + i, stream.own_sets));
    }
    Batch batch = make_batch(data, specs, config, cache.get());
    if (stream.priors) batch.priors = compute_priors(batch.prior_inputs(), config.priors);
    if (config.close_up > 1) {
      for (SampleSpec& spec : specs) {
        spec.depth = spec.identity = false;
        spec.normals = NormalViews::none;
      }
      batch.close_ups =
          close_ups(make_batch(data, specs, large, large_cache.get()), config.priors, config.close_up, stream.seed);
    }
    return stream.pinned ? batch.pinned() : batch;
  };
}

MakeBatch listed_batches(const DataSet& data, const DataConfig& config, std::vector<SampleSpec> samples,
                         std::int64_t batch_size, bool priors) {
  if (batch_size < 1) fail_usage("batches of {} sets cannot be made", batch_size);
  auto cache = std::make_shared<PictureCache>(config.loader.cache_mib << 20, open_store(config));
  return [&data, config, samples = std::move(samples), batch_size, priors, cache](std::int64_t step) {
    const auto first = static_cast<std::size_t>(step * batch_size);
    if (step < 0 || first >= samples.size()) fail("there is no batch {} of {} samples", step, samples.size());
    const auto count = std::min(static_cast<std::size_t>(batch_size), samples.size() - first);
    Batch batch = make_batch(data, std::span(samples).subspan(first, count), config, cache.get());
    if (priors) batch.priors = compute_priors(batch.prior_inputs(), config.priors);
    return batch;
  };
}

Loader::Loader(MakeBatch make, std::int64_t first, std::int64_t last, const LoaderConfig& config)
    : make_(std::move(make)),
      next_(first),
      last_(last),
      begun_(first),
      ring_(static_cast<std::size_t>(std::max<std::int64_t>(1, config.prefetch))) {
  // torch keeps the thread count twice: per thread, and process-wide as the default for new threads. The workers must
  // not leave their 1 behind as that default.
  const int torch_threads = at::get_num_threads();
  const std::int64_t count = std::max<std::int64_t>(1, config.threads);
  try {
    for (std::int64_t i = 0; i < count; ++i) threads_.emplace_back([this] { work(); });
  } catch (const std::system_error& error) {
    stop();
    fail("data.loader.threads: {} threads cannot be started: {}", count, error.what());
  }
  std::unique_lock lock(mutex_);
  ready_.wait(lock, [&] { return started_ == count; });
  at::set_num_threads(torch_threads);
}

Loader::~Loader() {
  stop();
}

void Loader::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  room_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Loader::work() {
  at::get_num_threads();  // makes torch initialise this thread now: later that would undo the next line
  at::set_num_threads(1);
  const c10::NoGradGuard no_gradients;
  std::unique_lock lock(mutex_);
  ++started_;
  ready_.notify_all();
  while (true) {
    const auto ahead = static_cast<std::int64_t>(ring_.size());
    room_.wait(lock, [&] { return stop_ || begun_ >= last_ || begun_ < next_ + ahead; });
    if (stop_ || begun_ >= last_) return;
    const std::int64_t step = begun_++;
    lock.unlock();
    Place made;
    made.ready = true;
    try {
      made.batch = make_(step);
    } catch (...) {
      made.error = std::current_exception();
    }
    lock.lock();
    ring_[static_cast<std::size_t>(step % ahead)] = std::move(made);
    ready_.notify_all();
  }
}

std::optional<Batch> Loader::next() {
  std::unique_lock lock(mutex_);
  if (next_ >= last_) return std::nullopt;
  Place& place = ring_[static_cast<std::size_t>(next_ % static_cast<std::int64_t>(ring_.size()))];
  if (!place.ready) {
    const auto began = std::chrono::steady_clock::now();
    ready_.wait(lock, [&] { return place.ready; });
    waited_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  }
  Place made = std::exchange(place, {});
  ++next_;
  lock.unlock();
  room_.notify_all();
  if (made.error) std::rethrow_exception(made.error);
  return std::move(made.batch);
}

}  // namespace spinfill

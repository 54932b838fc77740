// SPDX-License-Identifier: Apache-2.0
#include "train/step/device_feed.h"

#include <ATen/ATen.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "core/error.h"

namespace spinfill {
namespace {

MakeBatch host_batches(const DataSet& data, const DataConfig& config, TrainingStream stream, c10::Device device) {
  stream.priors = !device.is_cuda();
  stream.pinned = device.is_cuda();
  return training_batches(data, config, stream);
}

}  // namespace

TrainingStream training_stream(const RunConfig& config, const Ranks& ranks) {
  TrainingStream stream;
  stream.seed = static_cast<std::uint64_t>(config.seed);
  stream.batch_size = config.train.micro_batch_sets;
  stream.rank = ranks.rank();
  stream.world = ranks.world();
  return stream;
}

DeviceFeed::DeviceFeed(const DataSet& data, const DataConfig& config, TrainingStream stream, std::int64_t first,
                       std::int64_t last, c10::Device device)
    : device_(device), host_(host_batches(data, config, stream, device), first, last, config.loader) {
  if (!device.is_cuda()) return;
  const c10::Stream own = c10::impl::VirtualGuardImpl(device.type()).getStreamFromGlobalPool(device);
  const MakeBatch upload = [this, own, priors = config.priors](std::int64_t) {
    const c10::StreamGuard on_own(own);
    Batch batch = host_.next().value().to(device_);
    batch.priors = compute_priors(batch.prior_inputs(), priors);
    own.synchronize();  // this thread waits, so that nobody else has to
    return batch;
  };
  LoaderConfig one_ahead;
  one_ahead.threads = one_ahead.prefetch = 1;
  upload_.emplace(upload, first, last, one_ahead);
}

Batch DeviceFeed::next() {
  std::optional<Batch> batch = upload_ ? upload_->next() : host_.next();
  if (!batch) fail("there are no more training batches");
  if (upload_) {
    // The memory is the other stream's, which must not reuse it before this one is done with it.
    const c10::Stream user = c10::impl::VirtualGuardImpl(device_.type()).getStream(device_);
    for (at::Tensor* tensor : batch->on_device()) {
      if (tensor->defined()) tensor->record_stream(user);
    }
  }
  return std::move(*batch);
}

}  // namespace spinfill

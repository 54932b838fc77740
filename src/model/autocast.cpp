// SPDX-License-Identifier: Apache-2.0
#include "model/autocast.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>

namespace spinfill {

namespace {

thread_local AutocastState without_memory{at::kMeta};

bool casts_on(c10::DeviceType device) {
  return device == at::kCPU || device == at::kCUDA;
}

}  // namespace

Autocast::Autocast(const AutocastState& state)
    : state_(state),
      known_(casts_on(state.device)),
      without_memory_before_(without_memory),
      dtype_before_(known_ ? at::autocast::get_autocast_dtype(state.device) : at::kFloat),
      enabled_before_(known_ && at::autocast::is_autocast_enabled(state.device)),
      cache_before_(at::autocast::is_autocast_cache_enabled()) {
  if (state.device == at::kMeta) without_memory = state;
  if (!known_) return;
  const bool on = state.dtype != at::kFloat;
  at::autocast::increment_nesting();
  at::autocast::set_autocast_cache_enabled(false);
  if (on) at::autocast::set_autocast_dtype(state.device, state.dtype);
  at::autocast::set_autocast_enabled(state.device, on);
}

Autocast::~Autocast() {
  without_memory = without_memory_before_;
  if (!known_) return;
  at::autocast::set_autocast_enabled(state_.device, enabled_before_);
  at::autocast::set_autocast_dtype(state_.device, dtype_before_);
  at::autocast::set_autocast_cache_enabled(cache_before_);
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
}

AutocastState Autocast::current(c10::DeviceType device) {
  if (device == at::kMeta) return without_memory;
  const bool on = casts_on(device) && at::autocast::is_autocast_enabled(device);
  return {device, on ? at::autocast::get_autocast_dtype(device) : at::kFloat};
}

at::Tensor cast_product(const at::Tensor& argument) {
  if (!argument.defined() || !argument.is_meta() || without_memory.dtype == at::kFloat) return argument;
  return argument.to(without_memory.dtype);
}

at::Tensor cast_norm(const at::Tensor& argument) {
  if (!argument.defined() || !argument.is_meta() || !without_memory.as_gpu) return argument;
  return argument.to(at::kFloat);
}

}  // namespace spinfill

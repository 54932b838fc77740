// SPDX-License-Identifier: Apache-2.0
#include "model/autocast.h"

#include <ATen/autocast_mode.h>

namespace spinfill {

namespace {

bool casts_on(c10::DeviceType device) {
  return device == at::kCPU || device == at::kCUDA;
}

}  // namespace

Autocast::Autocast(const AutocastState& state)
    : state_(state),
      known_(casts_on(state.device)),
      dtype_before_(known_ ? at::autocast::get_autocast_dtype(state.device) : at::kFloat),
      enabled_before_(known_ && at::autocast::is_autocast_enabled(state.device)),
      cache_before_(at::autocast::is_autocast_cache_enabled()) {
  if (!known_) return;
  const bool on = state.dtype != at::kFloat;
  at::autocast::increment_nesting();
  at::autocast::set_autocast_cache_enabled(false);
  if (on) at::autocast::set_autocast_dtype(state.device, state.dtype);
  at::autocast::set_autocast_enabled(state.device, on);
}

Autocast::~Autocast() {
  if (!known_) return;
  at::autocast::set_autocast_enabled(state_.device, enabled_before_);
  at::autocast::set_autocast_dtype(state_.device, dtype_before_);
  at::autocast::set_autocast_cache_enabled(cache_before_);
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
}

AutocastState Autocast::current(c10::DeviceType device) {
  const bool on = casts_on(device) && at::autocast::is_autocast_enabled(device);
  return {device, on ? at::autocast::get_autocast_dtype(device) : at::kFloat};
}

}  // namespace spinfill

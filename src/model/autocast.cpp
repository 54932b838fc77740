// SPDX-License-Identifier: Apache-2.0
#include "model/autocast.h"

#include <ATen/autocast_mode.h>

namespace spinfill {

Autocast::Autocast(const AutocastState& state)
    : state_(state),
      dtype_before_(at::autocast::get_autocast_dtype(state.device)),
      enabled_before_(at::autocast::is_autocast_enabled(state.device)),
      cache_before_(at::autocast::is_autocast_cache_enabled()) {
  const bool on = state.dtype != at::kFloat;
  at::autocast::increment_nesting();
  at::autocast::set_autocast_cache_enabled(false);
  if (on) at::autocast::set_autocast_dtype(state.device, state.dtype);
  at::autocast::set_autocast_enabled(state.device, on);
}

Autocast::~Autocast() {
  at::autocast::set_autocast_enabled(state_.device, enabled_before_);
  at::autocast::set_autocast_dtype(state_.device, dtype_before_);
  at::autocast::set_autocast_cache_enabled(cache_before_);
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
}

AutocastState Autocast::current(c10::DeviceType device) {
  return {device,
          at::autocast::is_autocast_enabled(device) ? at::autocast::get_autocast_dtype(device) : at::kFloat};
}

}  // namespace spinfill

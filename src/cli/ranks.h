// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>

#include "core/log.h"
#include "model/device.h"
#include "run/run_config.h"
#include "train/ranks/rank_place.h"
#include "train/ranks/ranks.h"

namespace spinfill {

// Does a training's work in this process: alone(), or together(ranks) where the environment makes it one of several
// ranks (train/ranks/rank_place.h). Both return the same type. A failure is told to the other ranks.
template <class Alone, class Together>
auto as_one_rank(const TrainConfig& train, const Alone& alone, const Together& together) {
  const RankPlace place = rank_place(process_environment());
  if (place.world == 1) return alone();
  if (place.rank != 0) set_quiet(true);  // one voice is enough; warnings and errors come from all
  Ranks ranks(place, choose_device(train.device, place.local_rank), {train.join_timeout, train.rank_timeout});
  try {
    auto result = together(ranks);
    ranks.leave();
    return result;
  } catch (const std::exception& error) {
    ranks.tell_failure(error.what());
    throw;
  }
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>

#include "run/run_config.h"
#include "train/ranks/ranks.h"
#include "train/teacher_weights.h"

namespace spinfill {

struct TrainResult {
  std::int64_t step = 0;     // optimiser steps made
  bool stopped = false;      // by a signal to any rank, after saving
  bool ended_early = false;  // by train.early_stop
};

// Trains in RUN: config.yaml, metrics.jsonl, samples/, checkpoints/. The same seed, configuration and data give the
// same weights, whatever was interrupted and resumed in between.
// With several ranks each takes its share of a step's micro-batches and of validation, and rank 0 writes: the result is
// that of one process, up to the rounding of sums.
// Errors: exit 2 when RUN holds a run and `resume` is not given, or holds none and it is, or another process trains in
// it (run/run_lock.h); exit 3 when data cannot be
// read, the disk is full, or too many steps in a row were not finite.
// Stopped, on all ranks, where one was asked to stop before there was anything to save.
// `read_teacher` is needed where the run distils.
TrainResult train(const RunConfig& config, const std::filesystem::path& run, bool resume, Ranks& ranks,
                  const ReadTeacher& read_teacher = {});

// What is left of a run that was stopped before it began, so that --resume starts it: its folder and configuration.
// For the first rank. Errors as of train().
void leave_to_start(const RunConfig& config, const std::filesystem::path& run);

}  // namespace spinfill

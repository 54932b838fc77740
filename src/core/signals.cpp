// SPDX-License-Identifier: Apache-2.0
#include "core/signals.h"

#include <csignal>

namespace spinfill {
namespace {

volatile std::sig_atomic_t stop_requested = 0;

extern "C" void remember_signal(int) {
  stop_requested = 1;
}

void install(void (*handler)(int), int flags) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGUSR1, &action, nullptr);
}

}  // namespace

StopSignals::StopSignals() {
  stop_requested = 0;
  // SA_RESETHAND gives an impatient user's second signal its usual effect.
  install(remember_signal, static_cast<int>(SA_RESETHAND) | SA_RESTART);
}

StopSignals::~StopSignals() {
  install(SIG_DFL, 0);
}

bool StopSignals::requested() {
  return stop_requested != 0;
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "train/ranks/store_server.h"

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "core/error.h"
#include "train/ranks/connection.h"

namespace spinfill {

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

void StoreServer::tell_end(int rank, const std::string& how) {
  try {
    c10d::PrefixStore store(store_prefix(), state_->store);
    set_end(store, rank, how);
    if (said_over(store).empty()) say_over(store, fmt::format("rank {} ended", rank));
  } catch (const std::exception&) {
    // They are told less.
  }
}

}  // namespace spinfill

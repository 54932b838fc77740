// SPDX-License-Identifier: Apache-2.0
#include "train/ranks/store_server.h"

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

}  // namespace spinfill

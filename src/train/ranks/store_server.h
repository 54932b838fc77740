// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

namespace spinfill {

// The store where ranks meet, served by this process at a free port of 127.0.0.1 until it is destroyed.
class StoreServer {
 public:
  StoreServer();  // an error (exit 3) where it cannot be served
  ~StoreServer();
  StoreServer(const StoreServer&) = delete;
  StoreServer& operator=(const StoreServer&) = delete;
  int port() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace spinfill

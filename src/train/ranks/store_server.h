// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

namespace spinfill {

// The store where ranks meet, served by this process at a free port of 127.0.0.1 until it is destroyed.
class StoreServer {
 public:
  StoreServer();  // an error (exit 3) where it cannot be served
  ~StoreServer();
  StoreServer(const StoreServer&) = delete;
  StoreServer& operator=(const StoreServer&) = delete;
  int port() const;
  // Tells the other ranks, which may wait for it: "ended by signal 9 (Killed)". Nothing where they are told already.
  void tell_end(int rank, const std::string& how);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace spinfill

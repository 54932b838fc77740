// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <future>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace spinfill {

// What a net computes of pictures, kept by the pictures' content (shape and values): the last used ones, at most
// `bytes` of them. Thread-safe; what several threads ask for at the same time is made once.
class FeatureCache {
 public:
  using Features = std::vector<at::Tensor>;

  explicit FeatureCache(std::uint64_t bytes) : room_(bytes) {}
  // Those of the picture, from `make` where they are not there. What `make` throws comes out, and nothing is kept.
  std::shared_ptr<const Features> of(const at::Tensor& picture, const std::function<Features()>& make);

  std::int64_t made() const;    // how often `make` was called
  std::uint64_t bytes() const;  // that are kept

 private:
  using Made = std::shared_future<std::shared_ptr<const Features>>;
  struct Entry {
    Made features;
    std::uint64_t bytes = 0;                 // 0: still being made
    std::list<std::string>::iterator place;  // in used_
  };
  void keep(const std::string& key, std::uint64_t bytes);
  void forget(const std::string& key);

  std::uint64_t room_, kept_ = 0;
  std::int64_t made_ = 0;
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;
  std::list<std::string> used_;  // keys, the last used first
};

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "metrics/feature_cache.h"

#include <ATen/ATen.h>

#include <exception>
#include <utility>

#include "core/files/content_store.h"

namespace spinfill {
namespace {

std::string key_of(const at::Tensor& picture) {
  const at::Tensor values = picture.to(at::kCPU, at::kFloat).contiguous();
  ContentKey key("picture");
  for (const std::int64_t size : values.sizes()) key.add(size);
  key.add({static_cast<const char*>(values.const_data_ptr()), values.nbytes()});
  return key.hex();
}

}  // namespace

std::shared_ptr<const FeatureCache::Features> FeatureCache::of(const at::Tensor& picture,
                                                               const std::function<Features()>& make) {
  const std::string key = key_of(picture);
  std::promise<std::shared_ptr<const Features>> promise;
  Made found;
  {
    const std::lock_guard lock(mutex_);
    if (const auto entry = entries_.find(key); entry != entries_.end()) {
      used_.splice(used_.begin(), used_, entry->second.place);
      found = entry->second.features;
    } else {
      used_.push_front(key);
      entries_.emplace(key, Entry{promise.get_future().share(), 0, used_.begin()});
      ++made_;
    }
  }
  if (found.valid()) return found.get();
  try {
    auto features = std::make_shared<const Features>(make());
    std::uint64_t bytes = 0;
    for (const at::Tensor& tensor : *features) bytes += tensor.nbytes();
    promise.set_value(features);
    keep(key, bytes);
    return features;
  } catch (...) {
    promise.set_exception(std::current_exception());
    forget(key);
    throw;
  }
}

void FeatureCache::keep(const std::string& key, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  entries_.at(key).bytes = bytes;
  kept_ += bytes;
  // From the least recently used on; those being made stay.
  for (auto place = used_.end(); kept_ > room_ && place != used_.begin();) {
    const auto entry = entries_.find(*--place);
    if (entry->second.bytes == 0) continue;
    kept_ -= entry->second.bytes;
    entries_.erase(entry);
    place = used_.erase(place);
  }
}

void FeatureCache::forget(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(key);
  used_.erase(entry->second.place);
  entries_.erase(entry);
}

std::int64_t FeatureCache::made() const {
  const std::lock_guard lock(mutex_);
  return made_;
}

std::uint64_t FeatureCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return kept_;
}

}  // namespace spinfill

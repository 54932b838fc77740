// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "core/files/content_store.h"
#include "data/config.h"
#include "data/identity/reference_identity.h"
#include "data/pictures/letterbox.h"
#include "data/sets/data_set.h"

namespace spinfill {

// What config.loader.cache_folder keeps between runs; null where it names none.
std::shared_ptr<ContentStore> open_store(const DataConfig& config);

// A picture at the model's size: premultiplied RGBA, 8 bits, [H,W,4]. Errors (exit 3) name the file.
using ModelPicture = std::shared_ptr<const std::vector<std::uint8_t>>;
// `fitted`: the letterbox where it is not the whole picture's.
ModelPicture load_model_picture(const ViewSet& set, const Frame& frame, const DataConfig& config,
                                ContentStore* store = nullptr, const Letterbox* fitted = nullptr);

// Keeps decoded pictures of one data set at one size, first come first kept, until it is full; then the rest is decoded
// each time, or comes from the store. (Each epoch visits every picture once in a new order, so throwing out the oldest
// would keep nothing useful.)
class PictureCache {
 public:
  // `network`: that of data.identity, where it is loaded already.
  explicit PictureCache(std::int64_t bytes, std::shared_ptr<ContentStore> store = nullptr,
                        std::shared_ptr<const IdentityModel> network = nullptr)
      : room_(bytes), store_(std::move(store)), network_(std::move(network)) {}
  // `views` is the description of data set's set number `set`.
  ModelPicture picture(const ViewSet& views, std::int64_t set, int slot, const DataConfig& config);
  at::Tensor identity(const DataSet& data, std::int64_t set);  // undefined where the set has none
  // view_embedding() by the network of config.identity, which is loaded when it is first asked for. They have room of
  // their own, since they are small and dear.
  at::Tensor embedding(const ViewSet& views, std::int64_t set, int slot, const DataConfig& config);
  const IdentityModel& network(const DataConfig& config);
  ContentStore* store() const { return store_.get(); }

 private:
  std::mutex mutex_;
  std::int64_t room_;
  std::shared_ptr<ContentStore> store_;
  std::map<std::int64_t, ModelPicture> pictures_;  // kSlots·set + slot
  std::map<std::int64_t, at::Tensor> identities_;
  std::mutex loading_;
  std::shared_ptr<const IdentityModel> network_;
  std::int64_t room_for_embeddings_ = std::int64_t{256} << 20;
  std::map<std::int64_t, at::Tensor> embeddings_;  // as pictures_
};

}  // namespace spinfill

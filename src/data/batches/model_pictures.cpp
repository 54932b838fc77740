// SPDX-License-Identifier: Apache-2.0
#include "data/batches/model_pictures.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "data/pictures/letterbox.h"
#include "data/sets/identity.h"
#include "data/sets/set_pictures.h"

namespace spinfill {

std::shared_ptr<ContentStore> open_store(const DataConfig& config) {
  if (config.loader.cache_folder.empty()) return nullptr;
  return std::make_shared<ContentStore>(config.loader.cache_folder, static_cast<std::uint64_t>(config.loader.cache_gib)
                                                                        << 30);
}

ModelPicture load_model_picture(const ViewSet& set, const Frame& frame, const DataConfig& config, ContentStore* store,
                                const Letterbox* fitted) {
  const PictureFiles files = read_picture_files(set, frame);
  auto bytes = std::make_shared<std::vector<std::uint8_t>>(static_cast<std::size_t>(config.width) *
                                                           static_cast<std::size_t>(config.height) * 4);
  std::string key;
  if (store != nullptr) {
    ContentKey content("model picture 2");
    content.add(files.picture).add(files.mask).add(set.width).add(set.height).add(config.width).add(config.height);
    if (fitted != nullptr) content.add(fitted->scale).add(fitted->offset_x).add(fitted->offset_y);
    key = content.hex();
    if (const auto kept = store->find(key); kept && kept->size() == bytes->size()) {
      std::ranges::copy(*kept, bytes->begin());
      return bytes;
    }
  }
  const auto width = static_cast<int>(config.width), height = static_cast<int>(config.height);
  const cv::Mat rgba = decode_masked_picture(set, frame, files);
  const cv::Mat picture =
      resample(premultiplied(rgba), fitted != nullptr ? *fitted : fit(rgba.cols, rgba.rows, width, height));
  const auto* in = picture.ptr<float>();
  for (std::size_t i = 0; i < bytes->size(); ++i) (*bytes)[i] = static_cast<std::uint8_t>(std::lround(255 * in[i]));
  if (store != nullptr) store->keep(key, {reinterpret_cast<const char*>(bytes->data()), bytes->size()});
  return bytes;
}

ModelPicture PictureCache::picture(const ViewSet& views, std::int64_t set, int slot, const DataConfig& config) {
  const std::int64_t key = kSlots * set + slot;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = pictures_.find(key); found != pictures_.end()) return found->second;
  }
  ModelPicture picture = load_model_picture(views, *views.frame_at(slot), config, store_.get());
  const std::lock_guard lock(mutex_);
  const auto bytes = static_cast<std::int64_t>(picture->size());
  if (bytes <= room_ && pictures_.emplace(key, picture).second) room_ -= bytes;
  return picture;
}

at::Tensor PictureCache::identity(const DataSet& data, std::int64_t set) {
  if (!data.has_identity(set)) return {};
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = identities_.find(set); found != identities_.end()) return found->second;
  }
  const at::Tensor vector = read_identity(*data.view_set(set));
  const std::lock_guard lock(mutex_);
  // The first vector gives the length of all and is needed for each batch: it is always kept.
  const auto bytes = static_cast<std::int64_t>(vector.nbytes());
  if ((identities_.empty() || bytes <= room_) && identities_.emplace(set, vector).second) room_ -= bytes;
  return vector;
}

const IdentityModel& PictureCache::network(const DataConfig& config) {
  const std::lock_guard lock(loading_);
  if (!network_) network_ = IdentityModel::load(config.identity, "data.identity");
  return *network_;
}

at::Tensor PictureCache::embedding(const ViewSet& views, std::int64_t set, int slot, const DataConfig& config) {
  const std::int64_t key = kSlots * set + slot;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = embeddings_.find(key); found != embeddings_.end()) return found->second;
  }
  const at::Tensor embedding = view_embedding(network(config), views, *views.frame_at(slot), store_.get());
  const auto bytes = static_cast<std::int64_t>(embedding.defined() ? embedding.nbytes() : 0) + 128;  // and the entry
  const std::lock_guard lock(mutex_);
  if (bytes <= room_for_embeddings_ && embeddings_.emplace(key, embedding).second) room_for_embeddings_ -= bytes;
  return embedding;
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "data/priors/stored_priors.h"

#include <ATen/ATen.h>

#include <cstring>
#include <string>
#include <string_view>

namespace spinfill {
namespace {

void add_bytes(ContentKey& key, const at::Tensor& tensor) {
  const at::Tensor whole = tensor.contiguous();
  key.add(std::string_view(static_cast<const char*>(whole.const_data_ptr()), whole.nbytes()));
}

// One key for the whole batch, not one per sample: how many are computed together may change the last bit.
std::string key_of(const PriorInputs& in, PriorConfig config) {
  ContentKey key("prior maps 1");
  key.add(config_to_json([&](Fields& f) { config.bind(f); }).dump());
  for (const std::int64_t size : in.colour.sizes()) key.add(size);
  for (const at::Tensor& tensor :
       {in.background, in.is_reference, in.vehicle_from_camera, in.intrinsics, in.azimuth_deg}) {
    add_bytes(key, tensor);
  }
  const auto given = in.is_reference.accessor<bool, 2>();
  for (std::int64_t b = 0; b < given.size(0); ++b) {
    for (std::int64_t v = 0; v < given.size(1); ++v) {
      if (!given[b][v]) continue;
      add_bytes(key, in.colour[b][v]);
      add_bytes(key, in.alpha[b][v]);
    }
  }
  return key.hex();
}

}  // namespace

PriorMaps stored_priors(const PriorInputs& in, const PriorConfig& config, ContentStore* store) {
  if (store == nullptr) return compute_priors(in, config);
  const std::string key = key_of(in, config);
  const std::int64_t B = in.colour.size(0), V = in.colour.size(1), H = in.colour.size(3), W = in.colour.size(4);
  at::Tensor all = at::empty({B, V, PriorMaps::kChannels, H, W}, at::kFloat);
  if (const auto kept = store->find(key); kept && kept->size() == all.nbytes()) {
    std::memcpy(all.mutable_data_ptr(), kept->data(), kept->size());
    PriorMaps maps;
    std::int64_t first = 0;
    for (const auto& [map, channels] : PriorMaps::kParts) {
      maps.*map = all.narrow(2, first, channels);
      first += channels;
    }
    return maps;
  }
  const PriorMaps maps = compute_priors(in, config);
  std::int64_t first = 0;
  for (const auto& [map, channels] : PriorMaps::kParts) {
    all.narrow(2, first, channels).copy_(maps.*map);
    first += channels;
  }
  store->keep(key, {static_cast<const char*>(all.const_data_ptr()), all.nbytes()});
  return maps;
}

}  // namespace spinfill

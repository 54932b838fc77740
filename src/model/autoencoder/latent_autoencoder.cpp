// SPDX-License-Identifier: Apache-2.0
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cstring>
#include <string>
#include <string_view>

#include "core/error.h"
#include "model/autoencoder/autoencoder.h"
#include "model/autoencoder/network.h"
#include "model/network/copy_state.h"

namespace spinfill {
namespace {

at::TensorOptions floats_on(at::Device device) {
  return at::TensorOptions().dtype(at::kFloat).device(device);
}

// One after the other where no gradient is asked for.
template <class Function>
at::Tensor one_by_one(const at::Tensor& maps, const Function& function) {
  const bool alone = maps.size(0) <= 1 || (at::GradMode::is_enabled() && maps.requires_grad());
  if (alone) return function(maps);
  std::vector<at::Tensor> each;
  for (const at::Tensor& map : maps.split(1)) each.push_back(function(map));
  return at::cat(each);
}

std::string_view bytes_of(const at::Tensor& contiguous) {
  return {static_cast<const char*>(contiguous.const_data_ptr()), contiguous.nbytes()};
}

// Each kind of device rounds in its own way.
std::string name_of_kind(at::Device device) {
  return c10::DeviceTypeName(device.type(), /*lower_case=*/true);
}

}  // namespace

LatentAutoencoder::LatentAutoencoder(AutoencoderFile file, at::Device device) : file_(std::move(file)) {
  const std::string what = fmt::format("the autoencoder {} of its description", name_of(file_.architecture.kind));
  // Compared before anything of its size is allocated.
  for (const at::Device there : {at::Device(at::kMeta), device}) {
    network_ = make_network(file_.architecture, floats_on(there));
    TensorMap parameters;
    for (const auto& item : network_->named_parameters()) {
      item.value().set_requires_grad(false);
      parameters[item.key()] = item.value();
    }
    copy_state(parameters, file_.tensors, file_.where, what, "give weights and description of one model");
    if (device.is_meta()) return;
  }
}

LatentAutoencoder::LatentAutoencoder(const AutoencoderArchitecture& architecture, at::Device device)
    : file_{architecture, {}, {}}, network_(make_network(architecture, floats_on(device))) {
  for (at::Tensor& parameter : network_->parameters()) parameter.set_requires_grad(false).zero_();
}

LatentAutoencoder::~LatentAutoencoder() = default;

at::Tensor LatentAutoencoder::encode(const at::Tensor& pictures, std::int64_t tile) const {
  if (pictures.dim() != 4 || pictures.size(2) % factor() != 0 || pictures.size(3) % factor() != 0)
    fail_usage("pictures of {} x {} pixels: width and height must be multiples of {} for this model", pictures.size(-1),
               pictures.size(-2), factor());
  if (pictures.size(0) == 0)
    return pictures.new_empty({0, channels(), pictures.size(2) / factor(), pictures.size(3) / factor()});
  return one_by_one(pictures, [&](const at::Tensor& one) { return network_->encode(one, tile); });
}

void LatentAutoencoder::keep_latents(std::shared_ptr<ContentStore> store) {
  if (weights_key_.empty()) weights_key_ = file_.content_hash();
  store_ = std::move(store);
}

at::Tensor LatentAutoencoder::encode_kept(const at::Tensor& pictures) const {
  if (!store_ || pictures.dim() != 4 || pictures.size(0) == 0) return encode(pictures);
  const at::Tensor here = pictures.detach().to(at::kCPU, at::kFloat).contiguous();
  std::vector<at::Tensor> each;
  for (const at::Tensor& picture : here.split(1)) {
    ContentKey content("latents 1");
    content.add(weights_key_).add(name_of_kind(pictures.device())).add(picture.size(2)).add(picture.size(3));
    const std::string key = content.add(bytes_of(picture)).hex();
    at::Tensor latents = at::empty({1, channels(), picture.size(2) / factor(), picture.size(3) / factor()});
    if (const auto kept = store_->find(key); kept && kept->size() == latents.nbytes()) {
      std::memcpy(latents.mutable_data_ptr(), kept->data(), kept->size());
    } else {
      latents = encode(picture.to(pictures.device())).to(at::kCPU).contiguous();
      store_->keep(key, bytes_of(latents));
    }
    each.push_back(latents);
  }
  return at::cat(each).to(pictures.device());
}

at::Tensor LatentAutoencoder::decode(const at::Tensor& latents, std::int64_t tile) const {
  if (latents.size(0) == 0) return latents.new_empty({0, 3, latents.size(2) * factor(), latents.size(3) * factor()});
  return one_by_one(latents, [&](const at::Tensor& one) { return network_->decode(one, tile); });
}

at::Tensor LatentAutoencoder::pixel_weights(const at::Tensor& weights) const {
  return at::avg_pool2d(weights, {factor(), factor()});
}

void LatentAutoencoder::to(at::Device device) {
  network_->to(device);
}

at::Tensor padded_to_multiple(const at::Tensor& picture, std::int64_t multiple) {
  const auto missing = [&](std::int64_t size) { return (multiple - size % multiple) % multiple; };
  return at::replication_pad2d(picture, {0, missing(picture.size(3)), 0, missing(picture.size(2))});
}

at::Tensor there_and_back(const LatentAutoencoder& autoencoder, const at::Tensor& picture) {
  const at::NoGradGuard no_grad;
  const at::Tensor padded = padded_to_multiple(picture, autoencoder.factor());
  const at::Tensor back = ((autoencoder.decode(autoencoder.encode(padded * 2 - 1)) + 1) / 2).clamp(0, 1);
  return back.narrow(2, 0, picture.size(2)).narrow(3, 0, picture.size(3));
}

std::int64_t LatentAutoencoder::parameter_count() const {
  std::int64_t count = 0;
  for (const at::Tensor& parameter : network_->parameters()) count += parameter.numel();
  return count;
}

}  // namespace spinfill

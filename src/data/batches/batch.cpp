// SPDX-License-Identifier: Apache-2.0
#include "data/batches/batch.h"

#include <ATen/ATen.h>

#include "data/sets/categories.h"

namespace spinfill {
namespace {

// A copy with `map` applied to every defined tensor except those that stay on the processor.
template <class Map>
Batch mapped(const Batch& batch, const Map& map) {
  Batch out = batch;
  for (at::Tensor* tensor : out.on_device()) {
    if (tensor->defined()) *tensor = map(*tensor);
  }
  return out;
}

}  // namespace

std::string Batch::category_name(std::int64_t set) const {
  if (!category_names.empty()) {
    const std::string& name = category_names.at(static_cast<std::size_t>(set));
    return name.empty() ? "unknown" : name;
  }
  const auto index = category[set].item<std::int64_t>();
  const bool known = index >= 0 && index < static_cast<std::int64_t>(kCategories.size());
  return known ? kCategories[static_cast<std::size_t>(index)] : "unknown";
}

Batch Batch::known_to(std::int64_t categories) const {
  Batch out = *this;
  out.category = category.masked_fill(category >= categories, -1);
  return out;
}

PriorInputs Batch::prior_inputs() const {
  return {colour, alpha, background, is_reference, vehicle_from_camera, intrinsics, azimuth_deg};
}

std::vector<at::Tensor*> Batch::on_device() {
  std::vector<at::Tensor*> tensors = {
      &colour,     &alpha, &depth,    &background,     &azimuth_deg, &vehicle_from_camera,
      &intrinsics, &cue,   &identity, &identity_known, &normals,     &normals_given};
  for (const PriorMaps::Part& part : PriorMaps::kParts) tensors.push_back(&(priors.*part.map));
  for (at::Tensor* tensor : close_ups.all()) tensors.push_back(tensor);
  return tensors;
}

Batch Batch::one(std::int64_t set) const {
  // Copied, so that it is aligned as any other batch of one: kernels may round by that.
  const auto own = [&](const at::Tensor& tensor) { return tensor.narrow(0, set, 1).clone(); };
  Batch out = mapped(*this, own);
  for (at::Tensor* tensor : {&out.is_reference, &out.is_target, &out.category}) *tensor = own(*tensor);
  const auto place = static_cast<std::size_t>(set);
  out.ids = {ids.at(place)};
  out.samples = {samples.at(place)};
  if (!category_names.empty()) out.category_names = {category_names.at(place)};
  return out;
}

Batch Batch::to(at::Device device) const {
  return mapped(*this, [&](const at::Tensor& tensor) { return tensor.to(device, /*non_blocking=*/true); });
}

Batch Batch::pinned() const {
  return mapped(*this, [](const at::Tensor& tensor) { return tensor.pin_memory(); });
}

}  // namespace spinfill

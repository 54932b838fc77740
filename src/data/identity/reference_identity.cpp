// SPDX-License-Identifier: Apache-2.0
#include "data/identity/reference_identity.h"

#include <ATen/ATen.h>

#include <cmath>
#include <cstring>

#include <opencv2/core/version.hpp>

#include "core/error.h"
#include "core/log.h"
#include "data/identity/vehicle_crop.h"
#include "data/sets/set_pictures.h"

namespace spinfill {
namespace {

constexpr double kCancelled = 1e-6;  // length of a mean of vectors of length 1

// float32, of length 1; the sum is taken in float64.
at::Tensor of_length_one(const std::vector<double>& values, double length) {
  at::Tensor out = at::empty({std::ssize(values)}, at::kFloat);
  for (std::size_t i = 0; i < values.size(); ++i) out.data_ptr<float>()[i] = static_cast<float>(values[i] / length);
  return out;
}

double length_of(const std::vector<double>& values) {
  double square = 0;
  for (const double value : values) square += value * value;
  return std::sqrt(square);
}

std::string key_of(const IdentityModel& network, const ViewSet& set, const PictureFiles& files) {
  ContentKey key("reference embedding 1");
  key.add(network.fingerprint()).add(CV_VERSION);
  return key.add(files.picture).add(files.mask).add(set.width).add(set.height).hex();
}

}  // namespace

at::Tensor picture_embedding(const IdentityModel& network, const cv::Mat& rgba) {
  const cv::Rect box = embedded_box(rgba);
  if (box.empty()) return {};
  const Embedding embedding = network.embedding(on_white(rgba, box));
  return of_length_one(embedding, length_of(embedding));
}

at::Tensor view_embedding(const IdentityModel& network, const ViewSet& set, const Frame& frame, ContentStore* store) {
  const PictureFiles files = read_picture_files(set, frame);
  std::string key;
  if (store != nullptr) {
    key = key_of(network, set, files);
    const auto kept = store->find(key);
    if (kept && kept->empty()) return {};  // nothing is covered
    at::Tensor out = at::empty({network.dimensions()}, at::kFloat);
    if (kept && kept->size() == out.nbytes()) {
      std::memcpy(out.mutable_data_ptr(), kept->data(), kept->size());
      return out;
    }
  }
  const cv::Mat rgba = decode_masked_picture(set, frame, files);
  at::Tensor out;
  try {
    out = picture_embedding(network, rgba);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{}: {}", (set.folder / frame.file_path).string(), error.what()));
  }
  if (store != nullptr) {
    store->keep(key, out.defined() ? std::string_view(static_cast<const char*>(out.const_data_ptr()), out.nbytes())
                                   : std::string_view());
  }
  return out;
}

at::Tensor identity_of(const std::vector<at::Tensor>& embeddings, const std::string& id) {
  std::vector<double> sum;
  double count = 0;
  for (const at::Tensor& one : embeddings) {
    if (!one.defined()) continue;
    sum.resize(static_cast<std::size_t>(one.numel()));
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += static_cast<double>(one.const_data_ptr<float>()[i]);
    ++count;
  }
  if (sum.empty()) return {};
  const double length = length_of(sum);
  if (length < kCancelled * count)
    fail("{}: the embeddings of its references cancel each other: data.identity.model tells nothing of vehicles", id);
  return of_length_one(sum, length);
}

at::Tensor set_identity(const IdentityModel& network, const ViewSet& set) {
  std::vector<at::Tensor> embeddings;
  for (const Frame& frame : set.frames) embeddings.push_back(view_embedding(network, set, frame));
  return identity_of(embeddings, set.id);
}

std::string unfit_for(std::int64_t identity_dim, const IdentityModel& network) {
  if (identity_dim == network.dimensions()) return {};
  return fmt::format("model.identity_dim is {}, but data.identity.model ({}) gives {} numbers", identity_dim,
                     network.config().model, network.dimensions());
}

void tell_of_stated_identities(const DataSet& data, const IdentityConfig& config) {
  if (config.model.empty() || data.first_with_identity() < 0) return;
  log_info("{}: {}: {}", data.folder().string(), data.id(data.first_with_identity()), kStatedNotUsed);
}

}  // namespace spinfill

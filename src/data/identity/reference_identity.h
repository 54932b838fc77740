// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include <opencv2/core/mat.hpp>

#include "core/files/content_store.h"
#include "data/identity/identity_model.h"
#include "data/sets/data_set.h"

namespace spinfill {

// A vehicle's identity vector by an embedding network (data.identity), from pictures that are given of it: each
// picture at its own size, its embedded_box() composited on white, as the network's input asks; its embedding of length
// 1; their mean, of length 1. Whatever the model's pictures are, how they are framed and how a sample is augmented, the
// vector is the same.

// float32 [D] of length 1 of an 8-bit straight RGBA picture; undefined where nothing is covered by half.
at::Tensor picture_embedding(const IdentityModel& network, const cv::Mat& rgba);

// The same of a set's view, kept in the store, where there is one, by the content of picture, mask and network. Errors
// name the picture.
at::Tensor view_embedding(const IdentityModel& network, const ViewSet& set, const Frame& frame,
                          ContentStore* store = nullptr);

// Of those that are defined, in this order: float32 [D]; undefined where none is. Exit 3 names the vehicle `id` where
// they cancel each other.
at::Tensor identity_of(const std::vector<at::Tensor>& embeddings, const std::string& id);
// The same of all views of a set.
at::Tensor set_identity(const IdentityModel& network, const ViewSet& set);

// Empty where the network gives what the model takes, else what is wrong: "gives 512 numbers, …".
std::string unfit_for(std::int64_t identity_dim, const IdentityModel& network);

// A line where the sets of a data set state vectors of their own, which then are not used.
void tell_of_stated_identities(const DataSet& data, const IdentityConfig& config);
inline constexpr const char* kStatedNotUsed =
    "identity_file_path is not used: with data.identity.model the vector is computed from the references";

}  // namespace spinfill

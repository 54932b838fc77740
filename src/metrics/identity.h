// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "data/identity/identity_model.h"
#include "metrics/metric_list.h"

namespace spinfill {

// A truth's embedding and those of the pictures of it; none without a network.
struct EmbeddedView {
  Embedding truth;
  std::vector<Embedding> pictures;
};

// The model where one is named, else the one line that says how to get it.
struct IdentityChoice {
  std::shared_ptr<const IdentityModel> model;  // null: absent
  std::string absent;
};
IdentityChoice choose_identity(const IdentityConfig& config);

// Puts kIdentity and kIdentityOfReferences into the scores of M pictures [M,3,H,W] of one truth [3,H,W]. Without
// references the latter is not defined.
EmbeddedView score_identity(const IdentityModel& model, const at::Tensor& pictures, const at::Tensor& truth,
                            const std::vector<Embedding>& references, std::vector<Scores>& scores);

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "metrics/identity.h"

#include <ATen/ATen.h>

namespace spinfill {

IdentityChoice choose_identity(const IdentityConfig& config) {
  if (config.model.empty())
    return {nullptr, "no embedding network; name an ONNX file as evaluation.identity.model (docs/evaluation.md)"};
  return {IdentityModel::load(config, "evaluation.identity"), {}};
}

EmbeddedView score_identity(const IdentityModel& model, const at::Tensor& pictures, const at::Tensor& truth,
                            const std::vector<Embedding>& references, std::vector<Scores>& scores) {
  EmbeddedView out{model.embedding(truth), {}};
  for (std::size_t m = 0; m < scores.size(); ++m) {
    const Embedding& own = out.pictures.emplace_back(model.embedding(pictures[static_cast<std::int64_t>(m)]));
    scores[m][kIdentity] = cosine_similarity(own, out.truth);
    if (references.empty()) continue;
    double sum = 0;
    for (const Embedding& reference : references) sum += cosine_similarity(own, reference);
    scores[m][kIdentityOfReferences] = sum / static_cast<double>(references.size());
  }
  return out;
}

}  // namespace spinfill

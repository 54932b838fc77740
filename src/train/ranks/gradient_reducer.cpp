// SPDX-License-Identifier: Apache-2.0
#include "train/ranks/gradient_reducer.h"

#include <torch/csrc/distributed/c10d/reducer.hpp>

#include <algorithm>
#include <exception>
#include <string>
#include <unordered_map>

#include "train/ranks/connection.h"

namespace spinfill {

GradientReducer::GradientReducer(Ranks& ranks, std::vector<at::Tensor> parameters)
    : ranks_(ranks), parameters_(std::move(parameters)) {
  const std::vector<bool> dense(parameters_.size(), false);
  auto [buckets, limits] = c10d::compute_bucket_assignment_by_size(
      parameters_, {c10d::kDefaultFirstBucketBytes, std::size_t{kBucketBytes}}, dense);
  // Gradients are computed from the last parameter to the first.
  std::ranges::reverse(buckets);
  std::ranges::reverse(limits);
  ranks.wait([&, &buckets = buckets, &limits = limits] {
    reducer_ = std::make_unique<c10d::Reducer>(
        parameters_, buckets, ranks.connection_->group.exchanges, dense, kBucketBytes, /*find_unused_parameters=*/false,
        /*gradient_as_bucket_view=*/false, std::unordered_map<std::size_t, std::string>{},
        c10d::kDefaultFirstBucketBytes, /*skip_all_reduce_unused_params=*/false, /*use_python_reducer=*/false,
        std::vector<std::int64_t>{});
  });
  for (const at::Tensor& parameter : parameters_)
    hooks_.push_back(parameter.register_hook([this](const at::Tensor&) {
      since_last_gradient_.restart();
      ranks_.connection_->watch->progress();
    }));
}

GradientReducer::~GradientReducer() {
  for (std::size_t i = 0; i < hooks_.size(); ++i) parameters_[i].remove_hook(hooks_[i]);
  // Its destructor waits for nothing, but the group of a run that failed is kept, and so is what refers to it.
  if (std::uncaught_exceptions() > 0) (void)reducer_.release();
}

void GradientReducer::backward(const at::Tensor& loss, bool reduce) {
  if (!reduce) return ranks_.guard([&] { loss.backward(); });
  ranks_.wait([&] {
    reducer_->rebuild_buckets();
    reducer_->prepare_for_forward();
    reducer_->prepare_for_backward({loss});
    loss.backward();
  });
  ranks_.waited_ += since_last_gradient_.seconds();
}

}  // namespace spinfill

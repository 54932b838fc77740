// SPDX-License-Identifier: Apache-2.0
#include "model/network/recompute.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include "model/autocast.h"

namespace spinfill {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Plan : torch::CustomClassHolder {
  Segment segment;
  std::size_t inputs = 0;
  std::vector<bool> needs;  // a gradient, of each input
  variable_list parameters;
  AutocastState autocast;
};

struct Recomputed : torch::autograd::Function<Recomputed> {
  static variable_list forward(AutogradContext* context, const c10::intrusive_ptr<Plan>& plan, at::TensorList tensors) {
    const variable_list inputs(tensors.begin(), tensors.begin() + static_cast<std::ptrdiff_t>(plan->inputs));
    context->save_for_backward(inputs);
    context->saved_data["plan"] = c10::IValue::make_capsule(plan);
    return plan->segment(inputs);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto plan = c10::static_intrusive_pointer_cast<Plan>(context->saved_data["plan"].toCapsule());
    const variable_list saved = context->get_saved_variables();
    variable_list inputs, sought;
    for (std::size_t i = 0; i < saved.size(); ++i) {
      inputs.push_back(saved[i].detach());
      if (!plan->needs[i]) continue;
      inputs.back().requires_grad_(true);
      sought.push_back(inputs.back());
    }
    sought.insert(sought.end(), plan->parameters.begin(), plan->parameters.end());
    variable_list outputs, seeds;
    {
      const at::AutoGradMode with_gradients(true);
      const Autocast autocast(plan->autocast);
      const variable_list all = plan->segment(inputs);
      for (std::size_t i = 0; i < all.size(); ++i) {
        if (!gradients[i].defined() || !all[i].requires_grad()) continue;
        outputs.push_back(all[i]);
        seeds.push_back(gradients[i]);
      }
    }
    const variable_list found = outputs.empty()
                                    ? variable_list(sought.size())
                                    : torch::autograd::grad(outputs, sought, seeds, {}, false, /*allow_unused=*/true);
    // In the order of forward()'s arguments: the plan, the inputs, the parameters.
    variable_list result = {at::Tensor()};
    auto next = found.begin();
    for (std::size_t i = 0; i < saved.size(); ++i) result.push_back(plan->needs[i] ? *next++ : at::Tensor());
    result.insert(result.end(), next, found.end());
    return result;
  }
};

}  // namespace

std::vector<at::Tensor> recomputed(Segment segment, const std::vector<at::Tensor>& inputs,
                                   const std::vector<at::Tensor>& parameters) {
  if (!at::GradMode::is_enabled()) return segment(inputs);
  auto plan = c10::make_intrusive<Plan>();
  plan->segment = std::move(segment);
  plan->inputs = inputs.size();
  variable_list tensors = inputs;
  for (const at::Tensor& input : inputs) {
    plan->needs.push_back(input.requires_grad());
    plan->autocast = Autocast::current(input.device().type());
  }
  for (const at::Tensor& parameter : parameters) {
    if (parameter.requires_grad()) plan->parameters.push_back(parameter);
  }
  tensors.insert(tensors.end(), plan->parameters.begin(), plan->parameters.end());
  return Recomputed::apply(plan, at::TensorList(tensors));
}

}  // namespace spinfill

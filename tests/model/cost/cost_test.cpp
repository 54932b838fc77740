// SPDX-License-Identifier: Apache-2.0
#include "model/cost/cost.h"
#include "core/files/json.h"

#include <ATen/ATen.h>

#include "core/tensors/counted_memory.h"
#include "model/cost/meta_kernels.h"
#include "model/network/cross_view.h"
#include "model/network/layers.h"
#include "model/tiny.h"
#include "support/support.h"

namespace spinfill {
namespace {

Flops counted(const std::function<void()>& body) {
  use_meta_kernels();
  const FlopCounter counter;
  body();
  return counter.flops();
}

// Without memory and with it: 2 per multiply-add.
TEST(Flops, SingleLayersMatchTheirFormulae) {
  for (const at::Device device : {at::Device(at::kMeta), at::Device(at::kCPU)}) {
    const at::TensorOptions on = at::TensorOptions(device).dtype(at::kFloat);
    const auto leaf = [&](at::IntArrayRef sizes) { return at::zeros(sizes, on).requires_grad_(); };
    Conv2d conv(6, 10, 3, 2, on);  // 5×7 → 3×4
    Flops flops = counted([&] { conv->forward(at::zeros({2, 6, 5, 7}, on)); });
    EXPECT_EQ(flops.forward, 2.0 * 2 * 3 * 4 * 10 * 6 * 9) << device;
    EXPECT_EQ(flops.backward, flops.forward) << device;  // pictures need no gradient
    flops = counted([&] { conv->forward(leaf({2, 6, 5, 7})); });
    EXPECT_EQ(flops.backward, 2 * flops.forward) << device;

    for (const bool bias : {false, true}) {
      Linear linear(12, 20, bias, on);
      flops = counted([&] { linear->forward(leaf({3, 5, 12})); });
      EXPECT_EQ(flops.forward, 2.0 * 3 * 5 * 12 * 20) << device;
      EXPECT_EQ(flops.backward, 2 * flops.forward) << device;
    }

    flops = counted([&] {
      at::scaled_dot_product_attention(leaf({2, 4, 6, 8}), leaf({2, 4, 9, 8}), leaf({2, 4, 9, 8}));
    });
    EXPECT_EQ(flops.forward, 2.0 * 2 * 4 * 6 * 9 * (8 + 8)) << device;
    EXPECT_EQ(flops.backward, 2 * flops.forward) << device;

    flops = counted([&] {
      const at::NoGradGuard no_grad;
      at::bmm(leaf({2, 3, 4}), leaf({2, 4, 5}));
    });
    EXPECT_EQ(flops.forward, 2.0 * 2 * 3 * 4 * 5) << device;
    EXPECT_EQ(flops.backward, 0) << device;
  }
}

TEST(Flops, AgreeWithPyTorchsCounterOnTheSameNetwork) {
  const Json cases = read_json(test::fixture("model/flops.json"));
  ASSERT_EQ(cases.size(), 2U);
  for (const auto& [name, expected] : cases.items()) {
    const Json& model = expected.at("model");
    const auto config = from_json<ModelConfig>(model, name);
    const Denoiser denoiser(config, 1, at::kMeta);
    ASSERT_EQ(denoiser.parameter_count(), expected.at("parameters").get<std::int64_t>()) << name;
    std::vector<ViewCounts> sets;
    for (const std::int64_t targets : expected.at("targets")) sets.push_back({Batch::kViews - targets, targets});
    const Flops flops =
        training_flops(denoiser, blank_batch(sets, expected.at("height"), expected.at("width"), at::kMeta),
                       LossOptions{.mode = LossMode::regression}, 1);
    EXPECT_EQ(flops.forward, expected.at("forward").get<double>()) << name;
    EXPECT_EQ(flops.backward, expected.at("backward").get<double>()) << name;
  }
}

TEST(Flops, OfTheRealPassAreThoseWithoutMemory) {
  LossOptions options;
  options.mode = LossMode::diffusion;
  options.draws = 2;
  options.rollout = 0.5;
  Batch batch = test::make_batch({"rrrrtrrt", "trr-r-rt"});
  batch.depth = at::ones_like(batch.alpha);
  for (const OutputForm form : {OutputForm::prior_residual, OutputForm::sources}) {
    ModelConfig config = test::tiny_config();
    config.output = form;
    config.prior_image = PriorImage::prior;
    // Without gradients the processor looks surfaces up in plain loops, which count no products of matrices.
    if (form == OutputForm::sources) options.rollout = 0;
    options.depth = form == OutputForm::sources ? 1 : 0;
    const Flops without = training_flops(Denoiser(config, 1, at::kMeta), without_memory(batch), options, 1);
    const Flops with = training_flops(Denoiser(config, 1), batch, options, 1);
    EXPECT_GT(with.forward, 0);
    EXPECT_EQ(with.forward, without.forward) << name_of(form);
    EXPECT_EQ(with.backward, without.backward) << name_of(form);
  }
}

TEST(CountedMemory, CountsWhatLivesAndItsPeak) {
  for (const at::DeviceType device : {at::kCPU, at::kMeta}) {
    const CountedMemory memory(device);
    const at::TensorOptions on = at::TensorOptions(device).dtype(at::kFloat);
    at::Tensor kept = at::empty({1000}, on);
    EXPECT_EQ(memory.held(), 4000);
    { const at::Tensor gone = at::empty({500}, on); }
    EXPECT_EQ(memory.held(), 4000);
    EXPECT_EQ(memory.peak(), 6000);
    std::thread([&] { const at::Tensor other = at::empty({1500}, on); }).join();
    EXPECT_EQ(memory.peak(), 10000);
    kept.reset();
    EXPECT_EQ(memory.held(), 0);
  }
  // What outlives the object is still released.
  auto memory = std::make_unique<CountedMemory>(at::kCPU);
  at::Tensor kept = at::ones({1000});
  memory.reset();
  EXPECT_EQ(kept.sum().item<float>(), 1000);
  kept.reset();
}

// The peak of a pass over tensors without memory against that of the real one, which has scratch memory besides.
TEST(CountedMemory, PassWithoutMemoryHasTheRealPeak) {
  const auto peak_of = [](at::Device device, const char* form) {
    const CountedMemory memory(device.type());
    const Json model = {{"preset", "tiny"}, {"output", form}, {"prior_image", "prior"}};
    Denoiser denoiser(from_json<ModelConfig>(model, "test"), 1, device);
    LossOptions options;
    options.depth = denoiser.config().output == OutputForm::sources ? 1 : 0;
    const Batch batch = blank_batch({{5, 3}, {7, 1}}, 64, 96, device, options.depth > 0);
    use_meta_kernels();
    training_loss(denoiser, batch, options, 1).sum.backward();
    return static_cast<double>(memory.peak());
  };
  for (const char* form : {"prior-residual", "sources"}) {
    const double real = peak_of(at::kCPU, form), without = peak_of(at::kMeta, form);
    EXPECT_NEAR(without, real, 0.15 * real) << form;
    fmt::print("{}: without memory {:.1f} MiB, real {:.1f} MiB\n", form, without / (1 << 20), real / (1 << 20));
  }
}

}  // namespace
}  // namespace spinfill

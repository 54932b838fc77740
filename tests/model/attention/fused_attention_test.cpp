// SPDX-License-Identifier: Apache-2.0
#include "model/attention/fused_attention.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/variable.h>
#include <cmath>
#include <limits>

#include "model/autocast.h"

namespace spinfill {
namespace {

struct Case {
  std::int64_t samples, queries, keys, heads, channels;
  double size = 1;  // standard deviation of queries and keys
};

at::Tensor plain(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, std::int64_t heads) {
  const auto split = [&](const at::Tensor& x) {
    return x.to(at::kDouble).view({x.size(0), x.size(1), heads, -1}).transpose(1, 2);
  };
  const double scale = 1 / std::sqrt(static_cast<double>(query.size(2) / heads));
  const at::Tensor weights = at::softmax(at::matmul(split(query), split(key).transpose(-1, -2)) * scale, -1);
  return at::matmul(weights, split(value)).transpose(1, 2).reshape(query.sizes());
}

struct Tensors {
  at::Tensor query, key, value, slope;
  explicit Tensors(const Case& c) {
    auto generator = at::detail::createCPUGenerator(7);
    const auto random = [&](std::int64_t rows, double size) {
      return at::randn({c.samples, rows, c.heads * c.channels}, generator) * size;
    };
    query = random(c.queries, c.size);
    key = random(c.keys, c.size);
    value = random(c.keys, 1);
    slope = random(c.queries, 1);
  }
  std::vector<at::Tensor> inputs() const {
    std::vector<at::Tensor> list;
    for (const at::Tensor& x : {query, key, value}) list.push_back(x.detach().clone().requires_grad_());
    return list;
  }
};

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

class FusedAttention : public ::testing::Test {
 protected:
  void SetUp() override {
    if (usable_attention_kernels().empty())
      GTEST_SKIP() << "this processor has no kernel: LibTorch's attention is used";
  }
};

TEST_F(FusedAttention, ItsResultAndGradientsAreThoseInDoublePrecision) {
  const std::vector<Case> cases = {{1, 12, 64, 1, 16}, {2, 96, 96, 4, 16},  {1, 37, 133, 2, 24},
                                   {3, 1, 32, 1, 8},   {1, 5, 700, 8, 40},  {2, 50, 65, 2, 64},
                                   {1, 13, 47, 3, 20}, {1, 24, 96, 1, 160}, {1, 40, 200, 2, 16, 8}};
  for (const attention::Kernel* kernel : usable_attention_kernels()) {
    for (const Case& c : cases) {
      SCOPED_TRACE(testing::Message() << kernel->name << ": " << c.samples << " x " << c.queries << " x " << c.keys
                                      << ", " << c.heads << " heads of " << c.channels);
      const Tensors given(c);
      const auto ours = given.inputs(), reference = given.inputs();
      const at::Tensor out = fused_attention(ours[0], ours[1], ours[2], c.heads, *kernel);
      const at::Tensor truth = plain(reference[0], reference[1], reference[2], c.heads);
      EXPECT_LT(largest_difference(out, truth), c.size > 1 ? 3e-5 : 2e-6);
      const auto of = [&](const at::Tensor& result, const std::vector<at::Tensor>& inputs) {
        return torch::autograd::grad({(result * given.slope.to(result.scalar_type())).sum()}, inputs);
      };
      const auto gradients = of(out, ours), expected = of(truth, reference);
      for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_LT(largest_difference(gradients[i], expected[i]), c.size > 1 ? 3e-4 : 1e-5) << "of input " << i;
      }
      const at::NoGradGuard no_grad;
      EXPECT_TRUE(fused_attention(given.query, given.key, given.value, c.heads, *kernel).equal(out.detach()));
    }
  }
}

TEST_F(FusedAttention, ItsBitsDoNotDependOnThreadsOrOnTheLayout) {
  const Case c{2, 70, 90, 4, 16};
  const Tensors given(c);
  const int before = at::get_num_threads();
  const at::Tensor one = fused_attention(given.query, given.key, given.value, c.heads);
  at::set_num_threads(3);
  EXPECT_TRUE(fused_attention(given.query, given.key, given.value, c.heads).equal(one));
  at::set_num_threads(before);
  const auto turned = [](const at::Tensor& x) { return x.transpose(1, 2).contiguous().transpose(1, 2); };
  EXPECT_TRUE(fused_attention(turned(given.query), turned(given.key), turned(given.value), c.heads).equal(one));
}

TEST_F(FusedAttention, ExtremeScoresAndWhatIsNoNumber) {
  const Case c{1, 20, 64, 2, 16, 60};  // scores of thousands: one key takes all
  const Tensors given(c);
  for (const attention::Kernel* kernel : usable_attention_kernels()) {
    const at::Tensor out = fused_attention(given.query, given.key, given.value, c.heads, *kernel);
    EXPECT_LT(largest_difference(out, plain(given.query, given.key, given.value, c.heads)), 0.05) << kernel->name;
    at::Tensor broken = given.query.clone();
    broken[0][3][0] = std::numeric_limits<float>::quiet_NaN();
    const at::Tensor spoilt = fused_attention(broken, given.key, given.value, c.heads, *kernel);
    EXPECT_TRUE(spoilt[0][3].narrow(0, 0, c.channels).isnan().all().item<bool>()) << kernel->name;
    EXPECT_TRUE(spoilt[0][4].equal(out[0][4])) << kernel->name;
  }
}

TEST(CanFuseAttention, OnlyFloat32OnAProcessorWithKeysEnough) {
  const at::Tensor x = at::zeros({1, 96, 64}), few = at::zeros({1, 3, 64});
  EXPECT_EQ(can_fuse_attention(x, x, 4), !usable_attention_kernels().empty());
  EXPECT_FALSE(can_fuse_attention(x, few, 4));
  EXPECT_FALSE(can_fuse_attention(x.to(at::kDouble), x, 4));
  EXPECT_FALSE(can_fuse_attention(x.to(at::kMeta), x.to(at::kMeta), 4));
  EXPECT_FALSE(can_fuse_attention(x.slice(1, 0, 0), x, 4));
  const Autocast autocast({at::kCPU, at::kBFloat16, false});
  EXPECT_FALSE(can_fuse_attention(x, x, 4));
}

}  // namespace
}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "metrics/net_weights.h"

namespace spinfill {

// The feature nets of LPIPS and of ST-LPIPS, in the slices and with the parameter names of their packages: a layer is
// named by its slice and its index in the classification net, and a tap follows the last layer of each slice.
struct LpipsLayer {
  enum class Kind {
    conv,       // convolution, ReLU
    conv_blur,  // convolution, blur, ReLU
    pool,       // maximum
    pool_ceil,  // the same, with a window that begins within the picture and ends beyond it
    pool_blur,  // maximum at each pixel, blur
    fire,       // SqueezeNet's module
  };
  int slice;
  Kind kind;
  int index, in, out, kernel, stride, padding, squeeze;
  std::string key() const;  // of its parameters: "net.slice2.3"
};

struct LpipsNet {
  std::string name;
  std::string telling_key;    // a key that no other net has
  int smallest_size;          // px: no smaller side passes through the pooling
  std::vector<int> channels;  // of each tap
  std::vector<LpipsLayer> layers;
  bool shift_tolerant() const { return name.starts_with("st-"); }
};

const std::vector<LpipsNet>& lpips_nets();
const LpipsNet& lpips_net(const std::string& name);

std::string lpips_head_key(std::size_t tap);
// Every parameter's name and shape, heads included.
NetShapes lpips_shapes(const LpipsNet& net);

// [N,C,H,W]: the binomial filter [1 2 1]/4 along both sides at every other pixel, the border reflected by two pixels
// (Zhang, "Making convolutional networks shift-invariant again", ICML 2019, §3; with the wider border of ST-LPIPS).
// H and W of at least 3. → [N,C,⌊(H+3)/2⌋,⌊(W+3)/2⌋]
at::Tensor blurred_pool(const at::Tensor& x);
at::Tensor blur_filter(std::int64_t channels);  // [C,1,3,3], as the package's state dict holds it

}  // namespace spinfill

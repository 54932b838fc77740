// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/config/config.h"
#include "core/files/json.h"
#include "metrics/metric_list.h"

namespace spinfill {

// The order of an embedding network's input.
enum class TensorLayout { nchw, nhwc };
template <>
inline constexpr Named<TensorLayout> kNamesOf<TensorLayout>[] = {{TensorLayout::nchw, "nchw"},
                                                                 {TensorLayout::nhwc, "nhwc"}};
enum class ColourOrder { rgb, bgr };
template <>
inline constexpr Named<ColourOrder> kNamesOf<ColourOrder>[] = {{ColourOrder::rgb, "rgb"}, {ColourOrder::bgr, "bgr"}};

// Which network tells whether two pictures show one vehicle, and how it wants its input.
struct IdentityConfig {
  std::string model;                        // ONNX; empty: none
  std::int64_t width = 112, height = 112;   // px
  std::vector<double> mean = {.5, .5, .5};  // red, green, blue: input = (value in [0,1] − mean)/std
  std::vector<double> std = {.5, .5, .5};
  TensorLayout layout = TensorLayout::nchw;
  ColourOrder colours = ColourOrder::rgb;
  void bind(Fields& f);
};

using Embedding = std::vector<double>;  // float32 values, exactly

// A truth's embedding and those of the pictures of it; none without a network.
struct EmbeddedView {
  Embedding truth;
  std::vector<Embedding> pictures;
};

// Cosine of the angle between two embeddings of one length, in [−1,1].
double cosine_similarity(const Embedding& a, const Embedding& b);

// Identity similarity as papers on faces and on vehicles have it: the cosine between a network's embeddings of two
// pictures (ArcFace: Deng, Guo, Xue and Zafeiriou, CVPR 2019). Any ONNX file with one input and one output will do that
// OpenCV's DNN module reads, which computes in float32. Safe to use from several threads, which wait for each other; no
// bit depends on their number.
class IdentityModel {
 public:
  // Exit 3 with one line: missing, damaged or no ONNX, an operation that OpenCV lacks, another input size, several
  // inputs or outputs, an output that is no embedding. The network is run once to see that.
  static std::shared_ptr<const IdentityModel> load(const IdentityConfig& config);

  // [3,H,W] in [0,1] on any device, fitted into the input's size as it is, the rest filled with its upper left pixel.
  // Exit 3 where values are not finite.
  Embedding embedding(const at::Tensor& picture) const;

  Json description() const;  // file's name, SHA-256, input: for the protocol

 private:
  struct State;
  std::shared_ptr<State> state_;
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

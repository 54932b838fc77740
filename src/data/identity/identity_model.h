// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/config/config.h"
#include "core/files/json.h"

namespace spinfill {

// The order of an embedding network's input.
enum class TensorLayout { nchw, nhwc };
template <>
inline constexpr Named<TensorLayout> kNamesOf<TensorLayout>[] = {{TensorLayout::nchw, "nchw"},
                                                                 {TensorLayout::nhwc, "nhwc"}};
enum class ColourOrder { rgb, bgr };
template <>
inline constexpr Named<ColourOrder> kNamesOf<ColourOrder>[] = {{ColourOrder::rgb, "rgb"}, {ColourOrder::bgr, "bgr"}};

// Which network tells whether two pictures show one vehicle, and how it wants its input. Scores are taken with one
// (evaluation.identity), and a model may be told by one what its references show (data.identity).
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

// Cosine of the angle between two embeddings of one length, in [−1,1].
double cosine_similarity(const Embedding& a, const Embedding& b);

// Identity similarity as papers on faces and on vehicles have it: the cosine between a network's embeddings of two
// pictures (ArcFace: Deng, Guo, Xue and Zafeiriou, CVPR 2019). Any ONNX file with one input and one output will do that
// OpenCV's DNN module reads, which computes in float32. Safe to use from several threads, which wait for each other; no
// bit depends on their number.
class IdentityModel {
 public:
  // Exit 3 with one line: missing, damaged or no ONNX, an operation that OpenCV lacks, another input size, several
  // inputs or outputs, an output that is no embedding. The network is run once to see that. `section` is where the
  // configuration states it. A process holds each network once: that of the same content, settings and path is shared.
  static std::shared_ptr<const IdentityModel> load(const IdentityConfig& config, const std::string& section);

  // [3,H,W] in [0,1] on any device, fitted into the input's size as it is, the rest filled with its upper left pixel.
  // Exit 3 where values are not finite.
  Embedding embedding(const at::Tensor& picture) const;

  std::int64_t dimensions() const;       // numbers of an embedding
  const std::string& sha256() const;     // of the file
  const IdentityConfig& config() const;  // that it was loaded by
  std::string bytes() const;             // the file's, read again; exit 3 where it has changed since
  // Equal for networks that give equal embeddings: hash and input, not the file's name.
  std::string fingerprint() const;
  Json description() const;  // file's name, SHA-256, input: for the protocol

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace spinfill

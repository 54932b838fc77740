// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

// softmax(q·kᵀ·scale)·v of one head in float32 and its gradients, for heads as narrow as ours (16 to 64 channels),
// where general matrix products reach half of a core's rate: products of a few rows by all keys, each held in
// registers. Rows of a matrix lie `stride` floats apart, a row's channels side by side. This header and the files that
// are compiled for newer processors include nothing of the standard library but types: an inline function of theirs
// could be linked into code that older processors run.

namespace spinfill::attention {

struct Matrix {
  float* data = nullptr;
  std::int64_t stride = 0;
};

struct Head {
  std::int64_t queries = 0, keys = 0, channels = 0;
  float scale = 1;
  Matrix q, k, v;  // read only: [queries,channels], [keys,channels] twice
  Matrix out;      // [queries,channels]; written forward, read backward
  float* log_sums =
      nullptr;           // [queries] log2 of each row's sum of 2^score: written forward where not null, read backward
  Matrix d_out;          // backward: read
  Matrix d_q, d_k, d_v;  // backward: written
};

// A head's functions for one instruction set. `scratch` bytes need no alignment; how many floats, the first two say.
struct Kernel {
  const char* name;  // "AVX2"
  std::int64_t (*forward_scratch)(const Head& head);
  std::int64_t (*backward_scratch)(const Head& head);
  void (*forward)(const Head& head, float* scratch);
  void (*backward)(const Head& head, float* scratch);
};

// Compiled in on x86-64; whether this processor can run them is for the caller to ask.
extern const Kernel kAvx2, kAvx512;

}  // namespace spinfill::attention

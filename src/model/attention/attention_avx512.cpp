// SPDX-License-Identifier: Apache-2.0
#ifdef __x86_64__

#include <immintrin.h>

#include "model/attention/attention_kernel_body.h"

namespace spinfill::attention {
namespace {

struct Lanes512 {
  using V = __m512;
  static constexpr int kWidth = 16, kKeyVectors = 4, kSpreadRows = 12;  // of 32 registers
  static V all(float x) { return _mm512_set1_ps(x); }
  static V load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, V v) { _mm512_storeu_ps(p, v); }
  static V fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }
  static V add(V a, V b) { return _mm512_add_ps(a, b); }
  static V sub(V a, V b) { return _mm512_sub_ps(a, b); }
  static V mul(V a, V b) { return _mm512_mul_ps(a, b); }
  static V max(V a, V b) { return _mm512_max_ps(a, b); }
  static float sum(V v) { return _mm512_reduce_add_ps(v); }
  static float largest(V v) { return _mm512_reduce_max_ps(v); }
  static V exp2(V x) {
    // The second operand is what comes of a number that is none: it stays one.
    const V kept = _mm512_max_ps(all(-1000), x);
    const V whole = _mm512_roundscale_ps(kept, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    const V f = sub(kept, whole);
    V p = all(kExp2[6]);
    for (int i = 5; i >= 0; --i) p = fma(p, f, all(kExp2[i]));
    return _mm512_scalef_ps(p, whole);
  }
};

}  // namespace

const Kernel kAvx512 = HeadKernel<Lanes512>::kernel("AVX-512");

}  // namespace spinfill::attention

#endif

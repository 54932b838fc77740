// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/attention/attention_kernel.h"

namespace spinfill::attention {
namespace {

// `Lanes`: vectors of an instruction set. kWidth floats; kKeyVectors: so many of them of keys are held beside kRows
// rows; kSpreadRows: rows whose weights are held at once.
template <class Lanes>
class HeadKernel {
  using V = typename Lanes::V;
  static constexpr int w = Lanes::kWidth, kKeyVectors = Lanes::kKeyVectors, kSpreadRows = Lanes::kSpreadRows;
  static constexpr int kRows = 6, kBlock = 12;  // rows in registers; rows whose scores are kept in memory
  static constexpr float kLog2e = 1.44269504088896341F, kNothing = -3e38F;
  static_assert(kBlock % kRows == 0 && kBlock % kSpreadRows == 0);

  static std::int64_t rounded_up(std::int64_t n, std::int64_t to) { return (n + to - 1) / to * to; }

  // The sizes of a head's panels: keys and channels rounded up to whole groups of vectors.
  struct Sizes {
    std::int64_t keys, channels;
    explicit Sizes(const Head& head)
        : keys(rounded_up(head.keys, kKeyVectors * w)), channels(rounded_up(head.channels, w)) {}
    std::int64_t panel(const Head& head) const { return head.channels * keys; }  // [channels,keys]
    std::int64_t rows_of_keys(const Head& head) const { return head.keys * channels; }
    std::int64_t scores() const { return kBlock * keys; }
  };

  // panel[c][k] = rows[k][c], 0 for the keys added.
  static void transpose(const Matrix& rows, const Head& head, std::int64_t padded, float* panel) {
    for (std::int64_t c = 0; c < head.channels; ++c) {
      for (std::int64_t k = 0; k < head.keys; ++k) panel[c * padded + k] = rows.data[k * rows.stride + c];
      for (std::int64_t k = head.keys; k < padded; ++k) panel[c * padded + k] = 0;
    }
  }
  static void transpose_back(const float* panel, const Head& head, std::int64_t padded, const Matrix& rows) {
    for (std::int64_t k = 0; k < head.keys; ++k) {
      for (std::int64_t c = 0; c < head.channels; ++c) rows.data[k * rows.stride + c] = panel[c * padded + k];
    }
  }
  // packed[k][channels, with 0 for those added]
  static void pack(const Matrix& rows, const Head& head, std::int64_t channels, float* packed) {
    for (std::int64_t k = 0; k < head.keys; ++k) {
      for (std::int64_t c = 0; c < channels; ++c)
        packed[k * channels + c] = c < head.channels ? rows.data[k * rows.stride + c] : 0;
    }
  }
  // block[r][c] = factor · rows[first + r][c], 0 below the last row.
  static void take_rows(const Matrix& rows, const Head& head, std::int64_t first, float factor, float* block) {
    for (std::int64_t r = 0; r < kBlock; ++r) {
      for (std::int64_t c = 0; c < head.channels; ++c)
        block[r * head.channels + c] = first + r < head.queries ? factor * rows.data[(first + r) * rows.stride + c] : 0;
    }
  }

  // out[r][k] = Σ_c block[r][c]·panel[c][k], for kRows rows.
  static void products(const float* block, const float* panel, std::int64_t channels, std::int64_t padded, float* out) {
    for (std::int64_t k = 0; k < padded; k += kKeyVectors * w) {
      V sum[kRows][kKeyVectors];
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
        for (int j = 0; j < kKeyVectors; ++j) sum[r][j] = Lanes::all(0);
      }
      for (std::int64_t c = 0; c < channels; ++c) {
        V key[kKeyVectors];
#pragma GCC unroll 8
        for (int j = 0; j < kKeyVectors; ++j) key[j] = Lanes::load(panel + c * padded + k + j * w);
#pragma GCC unroll 8
        for (int r = 0; r < kRows; ++r) {
          const V one = Lanes::all(block[r * channels + c]);
#pragma GCC unroll 8
          for (int j = 0; j < kKeyVectors; ++j) sum[r][j] = Lanes::fma(one, key[j], sum[r][j]);
        }
      }
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
        for (int j = 0; j < kKeyVectors; ++j) Lanes::store(out + r * padded + k + j * w, sum[r][j]);
      }
    }
  }

  // out[r][0 … w) = Σ_k weights[r][k]·packed[k][0 … w), for kRows rows; rows of `out` lie `channels` apart.
  static void weighted_sums(const float* weights, std::int64_t padded, std::int64_t keys, const float* packed,
                            std::int64_t channels, float* out) {
    V sum[kRows];
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) sum[r] = Lanes::all(0);
    for (std::int64_t k = 0; k < keys; ++k) {
      const V row = Lanes::load(packed + k * channels);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) sum[r] = Lanes::fma(Lanes::all(weights[r * padded + k]), row, sum[r]);
    }
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) Lanes::store(out + r * channels, sum[r]);
  }

  // The block's sums in all channels, times factor[r], into rows first … of `rows`. `sums` [kBlock,channels].
  static void write_sums(const float* weights, const Sizes& sizes, const Head& head, const float* packed,
                         std::int64_t first, const float* factor, float* sums, const Matrix& rows) {
    for (int r = 0; r < kBlock; r += kRows) {
      for (std::int64_t c = 0; c < sizes.channels; c += w) {
        weighted_sums(weights + r * sizes.keys, sizes.keys, head.keys, packed + c, sizes.channels,
                      sums + r * sizes.channels + c);
      }
    }
    for (std::int64_t r = 0; r < kBlock && first + r < head.queries; ++r) {
      for (std::int64_t c = 0; c < head.channels; ++c)
        rows.data[(first + r) * rows.stride + c] = factor[r] * sums[r * sizes.channels + c];
    }
  }

  // panel[c][k] += Σ_r block[r][c]·weights[r][k], for the block's rows.
  static void spread(const float* block, const float* weights, std::int64_t channels, std::int64_t padded,
                     float* panel) {
    for (int first = 0; first < kBlock; first += kSpreadRows) {
      const float *x = block + first * channels, *rows = weights + first * padded;
      for (std::int64_t k = 0; k < padded; k += 2 * w) {
        V held[kSpreadRows][2];
#pragma GCC unroll 12
        for (int r = 0; r < kSpreadRows; ++r) {
          held[r][0] = Lanes::load(rows + r * padded + k);
          held[r][1] = Lanes::load(rows + r * padded + k + w);
        }
        for (std::int64_t c = 0; c < channels; ++c) {
          float* sums = panel + c * padded + k;
          V a = Lanes::load(sums), b = Lanes::load(sums + w);
#pragma GCC unroll 12
          for (int r = 0; r < kSpreadRows; ++r) {
            const V one = Lanes::all(x[r * channels + c]);
            a = Lanes::fma(one, held[r][0], a);
            b = Lanes::fma(one, held[r][1], b);
          }
          Lanes::store(sums, a);
          Lanes::store(sums + w, b);
        }
      }
    }
  }

  // Scores of one row to weights 2^(score − largest); returns their sum. Keys added get none.
  static float softmax_row(float* row, std::int64_t keys, std::int64_t padded, float& largest) {
    for (std::int64_t k = keys; k < padded; ++k) row[k] = kNothing;
    V top = Lanes::load(row);
    for (std::int64_t k = w; k < padded; k += w) top = Lanes::max(top, Lanes::load(row + k));
    largest = Lanes::largest(top);
    const V all = Lanes::all(largest);
    V sum = Lanes::all(0);
    for (std::int64_t k = 0; k < padded; k += w) {
      const V weight = Lanes::exp2(Lanes::sub(Lanes::load(row + k), all));
      sum = Lanes::add(sum, weight);
      Lanes::store(row + k, weight);
    }
    return Lanes::sum(sum);
  }

 public:
  static std::int64_t forward_scratch(const Head& head) {
    const Sizes sizes(head);
    return sizes.panel(head) + sizes.rows_of_keys(head) + sizes.scores() + kBlock * (head.channels + sizes.channels);
  }

  static void forward(const Head& head, float* scratch) {
    const Sizes sizes(head);
    float* keys = scratch;                              // [channels,keys]
    float* values = keys + sizes.panel(head);           // [keys,channels]
    float* scores = values + sizes.rows_of_keys(head);  // [kBlock,keys]
    float* block = scores + sizes.scores();             // [kBlock,channels]
    float* sums = block + kBlock * head.channels;       // [kBlock,channels]
    transpose(head.k, head, sizes.keys, keys);
    pack(head.v, head, sizes.channels, values);
    for (std::int64_t first = 0; first < head.queries; first += kBlock) {
      take_rows(head.q, head, first, head.scale * kLog2e, block);
      float share[kBlock];
      for (int r = 0; r < kBlock; r += kRows)
        products(block + r * head.channels, keys, head.channels, sizes.keys, scores + r * sizes.keys);
      for (int r = 0; r < kBlock; ++r) {
        float largest = 0;
        const float sum = softmax_row(scores + r * sizes.keys, head.keys, sizes.keys, largest);
        share[r] = 1 / sum;
        if (head.log_sums != nullptr && first + r < head.queries)
          head.log_sums[first + r] = largest + __builtin_log2f(sum);
      }
      write_sums(scores, sizes, head, values, first, share, sums, head.out);
    }
  }

  static std::int64_t backward_scratch(const Head& head) {
    const Sizes sizes(head);
    return 4 * sizes.panel(head) + sizes.rows_of_keys(head) + 2 * sizes.scores() +
           kBlock * (3 * head.channels + sizes.channels);
  }

  // Dao et al. 2022, "FlashAttention", alg. 4: P = softmax(S), dV = Pᵀ·dO, dP = dO·Vᵀ, dS = P∘(dP − rowsum(dO∘O)),
  // dQ = scale·dS·K, dK = scale·dSᵀ·Q.
  static void backward(const Head& head, float* scratch) {
    const Sizes sizes(head);
    const std::int64_t panel = sizes.panel(head), of_block = kBlock * head.channels;
    float* keys = scratch;                                 // [channels,keys]
    float* values = keys + panel;                          // [channels,keys]
    float* d_keys = values + panel;                        // [channels,keys]
    float* d_values = d_keys + panel;                      // [channels,keys]
    float* key_rows = d_values + panel;                    // [keys,channels]
    float* weights = key_rows + sizes.rows_of_keys(head);  // [kBlock,keys] P
    float* slopes = weights + sizes.scores();              // [kBlock,keys] dP, then dS
    float* q = slopes + sizes.scores();                    // [kBlock,channels] q·scale·log2 e
    float* q_scaled = q + of_block;                        // [kBlock,channels] q·scale
    float* d_out = q_scaled + of_block;                    // [kBlock,channels]
    float* sums = d_out + of_block;                        // [kBlock,channels]
    transpose(head.k, head, sizes.keys, keys);
    transpose(head.v, head, sizes.keys, values);
    pack(head.k, head, sizes.channels, key_rows);
    for (std::int64_t i = 0; i < 2 * panel; ++i) d_keys[i] = 0;
    float scale[kBlock];
    for (float& factor : scale) factor = head.scale;
    for (std::int64_t first = 0; first < head.queries; first += kBlock) {
      take_rows(head.q, head, first, head.scale * kLog2e, q);
      take_rows(head.q, head, first, head.scale, q_scaled);
      take_rows(head.d_out, head, first, 1, d_out);
      for (int r = 0; r < kBlock; r += kRows) {
        products(q + r * head.channels, keys, head.channels, sizes.keys, weights + r * sizes.keys);
        products(d_out + r * head.channels, values, head.channels, sizes.keys, slopes + r * sizes.keys);
      }
      for (std::int64_t r = 0; r < kBlock; ++r) {
        const bool given = first + r < head.queries;  // of rows added d_out is 0: they add nothing
        float both = 0;
        for (std::int64_t c = 0; given && c < head.channels; ++c)
          both += d_out[r * head.channels + c] * head.out.data[(first + r) * head.out.stride + c];
        const V total = Lanes::all(given ? head.log_sums[first + r] : 0), common = Lanes::all(both);
        float *p = weights + r * sizes.keys, *d = slopes + r * sizes.keys;
        for (std::int64_t k = 0; k < sizes.keys; k += w) {
          const V weight = Lanes::exp2(Lanes::sub(Lanes::load(p + k), total));
          Lanes::store(p + k, weight);
          Lanes::store(d + k, Lanes::mul(weight, Lanes::sub(Lanes::load(d + k), common)));
        }
      }
      spread(d_out, weights, head.channels, sizes.keys, d_values);
      spread(q_scaled, slopes, head.channels, sizes.keys, d_keys);
      write_sums(slopes, sizes, head, key_rows, first, scale, sums, head.d_q);
    }
    transpose_back(d_keys, head, sizes.keys, head.d_k);
    transpose_back(d_values, head, sizes.keys, head.d_v);
  }

  static constexpr Kernel kernel(const char* name) {
    return {name, forward_scratch, backward_scratch, forward, backward};
  }
};

// Σ cᵢ·fⁱ ≈ 2^f for |f| ≤ ½, relative error below 2e-9 (fitted by weighted least squares).
constexpr float kExp2[] = {
    1.0F, 6.931471825e-1F, 2.402264635e-1F, 5.550328642e-2F, 9.618489072e-3F, 1.339993090e-3F, 1.534581097e-4F};

}  // namespace
}  // namespace spinfill::attention

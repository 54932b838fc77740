// SPDX-License-Identifier: Apache-2.0
#include "metrics/set_distances.h"

#include <ATen/ATen.h>

#include <cmath>

#include "core/error.h"
#include "core/side_by_side.h"

namespace spinfill {
namespace {

at::Tensor as_rows(const std::vector<Embedding>& set, std::size_t length) {
  at::Tensor rows = at::empty({std::ssize(set), static_cast<std::int64_t>(length)}, at::kDouble);
  double* to = rows.mutable_data_ptr<double>();
  for (const Embedding& one : set) {
    if (one.size() != length) fail("embeddings of {} and {} values do not compare", one.size(), length);
    to = std::copy(one.begin(), one.end(), to);
  }
  return rows;
}

// [N,D] → [D,D] over N − 1.
at::Tensor covariance(const at::Tensor& rows) {
  const at::Tensor off = rows - rows.mean(0, true);
  return at::matmul(off.t(), off) / static_cast<double>(rows.size(0) - 1);
}

// Tr (C·C')^½ = Σ √λ of the symmetric C^½·C'·C^½.
double trace_of_root(const at::Tensor& c, const at::Tensor& other) {
  const auto [values, vectors] = at::linalg_eigh(c);
  const at::Tensor root = at::matmul(vectors * values.clamp_min(0).sqrt(), vectors.t());
  return at::linalg_eigvalsh(at::matmul(at::matmul(root, other), root)).clamp_min(0).sqrt().sum().item<double>();
}

double frechet_distance(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor of_a = covariance(a), of_b = covariance(b);
  const double apart = (a.mean(0) - b.mean(0)).square().sum().item<double>();
  return apart + (of_a.trace() + of_b.trace()).item<double>() - 2 * trace_of_root(of_a, of_b);
}

at::Tensor kernel(const at::Tensor& a, const at::Tensor& b) {
  return (at::matmul(a, b.t()) / static_cast<double>(a.size(1)) + 1).pow(3);
}

// Of n pictures each, from the sums of the kernel without its diagonal within either set, and of all across.
double unbiased(double within, double across, double n) {
  return within / (n * (n - 1)) - 2 * across / (n * n);
}

void put_kernel_distance(const at::Tensor& a, const at::Tensor& b, SetDistances& out) {
  at::Tensor within = kernel(a, a) + kernel(b, b);
  within.fill_diagonal_(0);
  const at::Tensor across = kernel(a, b);
  const auto n = static_cast<double>(a.size(0));
  const double all_within = within.sum().item<double>(), all_across = across.sum().item<double>();
  out.kid = unbiased(all_within, all_across, n);
  if (a.size(0) < 3) return;
  // Efron and Tibshirani, "An introduction to the bootstrap", 1993, eq. 11.5, each pair left out once.
  const at::Tensor own_within = 2 * within.sum(1), own_across = across.sum(0) + across.sum(1) - across.diagonal();
  double sum = 0, squares = 0;
  for (std::int64_t i = 0; i < a.size(0); ++i) {
    const double without =
        unbiased(all_within - own_within[i].item<double>(), all_across - own_across[i].item<double>(), n - 1);
    sum += without - out.kid;
    squares += (without - out.kid) * (without - out.kid);
  }
  const double error = std::sqrt((n - 1) / n * std::max(0.0, squares - sum * sum / n));
  out.kid_interval = {out.kid - 1.96 * error, out.kid + 1.96 * error};
}

}  // namespace

SetDistances set_distances(const std::vector<Embedding>& a, const std::vector<Embedding>& b) {
  if (a.size() != b.size() || a.size() < 2)
    fail("distances of sets need two or more pictures on both sides, got {} and {}", a.size(), b.size());
  const KeepTorchThreads keep;
  use_one_torch_thread();  // kernels round otherwise for other numbers of threads
  const at::Tensor of_a = as_rows(a, a.front().size()), of_b = as_rows(b, a.front().size());
  SetDistances out;
  out.images = of_a.size(0);
  out.dimensions = of_a.size(1);
  out.fid = frechet_distance(of_a, of_b);
  put_kernel_distance(of_a, of_b, out);
  return out;
}

Json set_distances_to_json(const SetDistances& distances) {
  return {{"images", distances.images},
          {"dimensions", distances.dimensions},
          {"fid", distances.fid},
          {"kid", distances.kid},
          {"kid_interval", distances.kid_interval ? Json(*distances.kid_interval) : Json()}};
}

std::string set_distances_text(const SetDistances& d) {
  std::string text = fmt::format("as sets of {} pictures, by embeddings of {} values: FID {:.4f}, KID {:.5f}", d.images,
                                 d.dimensions, d.fid, d.kid);
  if (d.kid_interval) text += fmt::format(" ({:.5f} to {:.5f})", (*d.kid_interval)[0], (*d.kid_interval)[1]);
  if (d.images < kFewForFid)
    text += fmt::format("; with fewer than {} pictures FID is too large by much: look at KID", kFewForFid);
  return text;
}

}  // namespace spinfill

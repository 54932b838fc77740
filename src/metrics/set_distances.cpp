// SPDX-License-Identifier: Apache-2.0
#include "metrics/set_distances.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>
#include <map>

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
  const double apart = (a.mean(0) - b.mean(0)).square().sum().item<double>();
  if (a.size(0) <= a.size(1)) {
    // Of fewer pictures than values C·C' has the eigenvalues σ² of X·Yᵀ/(N − 1), X and Y the sets less their means.
    const at::Tensor x = a - a.mean(0, true), y = b - b.mean(0, true);
    const double both = (x.square().sum() + y.square().sum()).item<double>(),
                 root = at::linalg_svdvals(at::matmul(x, y.t())).sum().item<double>();
    return apart + (both - 2 * root) / static_cast<double>(a.size(0) - 1);
  }
  const at::Tensor of_a = covariance(a), of_b = covariance(b);
  return apart + (of_a.trace() + of_b.trace()).item<double>() - 2 * trace_of_root(of_a, of_b);
}

at::Tensor kernel(const at::Tensor& a, const at::Tensor& b) {
  return (at::matmul(a, b.t()) / static_cast<double>(a.size(1)) + 1).pow(3);
}

// What KID is made of: sums of the kernel over ordered pairs within either set and across, and how many they are.
struct KernelSums {
  double within = 0, pairs = 0;
  double across = 0, pairs_across = 0;
  double unbiased() const { return within / pairs - 2 * across / pairs_across; }
};

// The places of each group, in the order of their first picture.
std::vector<std::vector<std::int64_t>> places_of(const std::vector<std::string>& groups) {
  std::map<std::string, std::size_t> numbers;
  std::vector<std::vector<std::int64_t>> places;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const auto [found, added] = numbers.try_emplace(groups[i], places.size());
    if (added) places.emplace_back();
    places[found->second].push_back(static_cast<std::int64_t>(i));
  }
  return places;
}

// Without groups each picture is one by itself, and what it shares with its partner counts.
void put_kernel_distance(const at::Tensor& a, const at::Tensor& b, const std::vector<std::string>& groups,
                         SetDistances& out) {
  const std::int64_t n = a.size(0);
  const bool partners_count = groups.empty();
  std::vector<std::string> names = groups;
  for (std::int64_t i = 0; partners_count && i < n; ++i) names.push_back(std::to_string(i));
  const std::vector<std::vector<std::int64_t>> places = places_of(names);
  at::Tensor within = kernel(a, a) + kernel(b, b), across = kernel(a, b);
  auto of_within = within.accessor<double, 2>(), of_across = across.accessor<double, 2>();
  KernelSums all;
  for (const auto& group : places) {
    for (const std::int64_t i : group) {
      for (const std::int64_t j : group) {
        of_within[i][j] = 0;
        if (!partners_count) of_across[i][j] = 0;
      }
    }
    all.pairs += static_cast<double>(std::ssize(group) * (n - std::ssize(group)));
  }
  all.within = within.sum().item<double>();
  all.across = across.sum().item<double>();
  all.pairs_across = partners_count ? static_cast<double>(n * n) : all.pairs;
  out.kid = places.size() > 1 ? all.unbiased() : std::numeric_limits<double>::quiet_NaN();
  if (places.size() < 3) return;
  const at::Tensor shared_within = 2 * within.sum(1), shared_across = across.sum(0) + across.sum(1);
  const auto count = static_cast<double>(places.size()), pictures = static_cast<double>(n);
  std::vector<double> deviations, weights;  // of a group: KID without it less KID, and h = N/m
  double estimate = 0;                      // the jackknife's own, less KID
  for (const auto& group : places) {
    const auto m = static_cast<double>(group.size());
    KernelSums left = all;
    for (const std::int64_t i : group) {
      left.within -= shared_within[i].item<double>();
      left.across -= shared_across[i].item<double>();
      for (const std::int64_t j : group) left.across += of_across[i][j];
    }
    left.pairs -= 2 * m * (pictures - m);
    left.pairs_across = partners_count ? (pictures - m) * (pictures - m) : left.pairs;
    deviations.push_back(left.unbiased() - out.kid);
    weights.push_back(pictures / m);
    estimate -= (1 - m / pictures) * deviations.back();
  }
  double variance = 0;
  for (std::size_t g = 0; g < places.size(); ++g) {
    const double off = (weights[g] - 1) * deviations[g] + estimate;
    variance += off * off / (weights[g] - 1) / count;
  }
  const double error = std::sqrt(variance);
  out.kid_interval = {out.kid - 1.96 * error, out.kid + 1.96 * error};
}

}  // namespace

SetDistances set_distances(const std::vector<Embedding>& a, const std::vector<Embedding>& b,
                           const std::vector<std::string>& groups) {
  if (a.size() != b.size() || a.size() < 2)
    fail("distances of sets need two or more pictures on both sides, got {} and {}", a.size(), b.size());
  const KeepTorchThreads keep;
  use_one_torch_thread();  // kernels round otherwise for other numbers of threads
  const at::Tensor of_a = as_rows(a, a.front().size()), of_b = as_rows(b, a.front().size());
  SetDistances out;
  out.images = of_a.size(0);
  out.dimensions = of_a.size(1);
  out.fid = frechet_distance(of_a, of_b);
  put_kernel_distance(of_a, of_b, groups, out);
  return out;
}

Json set_distances_to_json(const SetDistances& distances) {
  return {{"images", distances.images},
          {"dimensions", distances.dimensions},
          {"fid", distances.fid},
          {"kid", std::isfinite(distances.kid) ? Json(distances.kid) : Json()},
          {"kid_interval", distances.kid_interval ? Json(*distances.kid_interval) : Json()}};
}

std::optional<SetDistances> set_distances_from_json(const Json& value) {
  const auto number = [&](const char* key) -> std::optional<double> {
    const auto found = value.find(key);
    if (found == value.end() || !found->is_number()) return std::nullopt;
    return found->get<double>();
  };
  if (!value.is_object() || !value.contains("kid") || !value.contains("kid_interval")) return std::nullopt;
  const auto images = number("images"), dimensions = number("dimensions"), fid = number("fid");
  if (!images || !dimensions || !fid || !value["images"].is_number_integer() ||
      !value["dimensions"].is_number_integer())
    return std::nullopt;
  SetDistances out{value["images"].get<std::int64_t>(), value["dimensions"].get<std::int64_t>(), *fid,
                   number("kid").value_or(std::numeric_limits<double>::quiet_NaN()), std::nullopt};
  const Json& interval = value["kid_interval"];
  if (interval.is_null()) return out;
  if (!interval.is_array() || interval.size() != 2 || !interval[0].is_number() || !interval[1].is_number())
    return std::nullopt;
  out.kid_interval = {interval[0].get<double>(), interval[1].get<double>()};
  return out;
}

std::string kid_text(const SetDistances& d) {
  return std::isfinite(d.kid) ? fmt::format("{:.5f}", d.kid) : "–";
}

std::string kid_interval_text(const SetDistances& d) {
  return d.kid_interval ? fmt::format("{:.5f} to {:.5f}", (*d.kid_interval)[0], (*d.kid_interval)[1]) : "–";
}

std::string set_distances_text(const SetDistances& d) {
  std::string text = fmt::format("as sets of {} pictures, by embeddings of {} values: FID {:.4f}, KID {}", d.images,
                                 d.dimensions, d.fid, kid_text(d));
  if (d.kid_interval) text += fmt::format(" ({})", kid_interval_text(d));
  if (d.images < kFewForFid)
    text += fmt::format("; with fewer than {} pictures FID is too large by much: look at KID", kFewForFid);
  return text;
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace spinfill {

// Samples with equal numbers of references R and targets T; S samples, contiguous in the flattened tensors.
struct ViewGroup {
  std::int64_t samples = 0;          // S
  std::int64_t references = 0;       // R per sample
  std::int64_t targets = 0;          // T per sample
  std::int64_t first_reference = 0;  // row in the flattened references
  std::int64_t first_target = 0;     // row in the flattened targets (of one noise draw)
};

// Where each view of a ragged batch lies in the flattened tensors, without padding: references [ΣR,…] and targets
// [ΣT,…], samples sorted into groups of equal (R,T), within a sample by slot. With M noise draws the targets are
// [ΣT·M,…], ordered by sample, then draw, then slot.
struct ViewLayout {
  std::vector<ViewGroup> groups;
  std::vector<std::int64_t> order;  // B: batch index of each sample in layout order
  std::int64_t samples = 0;         // B
  std::int64_t views = 0;           // V
  std::int64_t references = 0;      // ΣR
  std::int64_t targets = 0;         // ΣT
  // int64, on the device of the batch
  at::Tensor reference_rows;      // [ΣR] b·V + v
  at::Tensor target_rows;         // [ΣT] b·V + v
  at::Tensor reference_samples;   // [ΣR] b
  at::Tensor target_samples;      // [ΣT] b
  at::Tensor targets_per_sample;  // [ΣT] float32: T of each target's sample

  // [ΣT,…] → [ΣT·M,…]: each sample's targets repeated for every draw (itself for M = 1).
  at::Tensor repeat_draws(const at::Tensor& targets, std::int64_t draws) const;
  // M for a tensor of ΣT·M rows; an error (exit 3) when ΣT does not divide it.
  std::int64_t draws_of(const at::Tensor& rows) const;
  // Of the targets `which` [K] (int64 into ΣT, ascending) alone; of one sample.
  ViewLayout with_targets(const at::Tensor& which) const;
};

// is_reference and is_target: [B,V] bool, disjoint (else an error, exit 3); the layout's tensors go to `device`.
ViewLayout make_view_layout(const at::Tensor& is_reference, const at::Tensor& is_target, at::Device device);
ViewLayout make_view_layout(const at::Tensor& is_reference, const at::Tensor& is_target);  // of the masks

// The rows [N] of the first two dimensions of maps [B,V,…] → [N,…].
at::Tensor take_views(const at::Tensor& maps, const at::Tensor& rows);

}  // namespace spinfill

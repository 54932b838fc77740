// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "metrics/identity.h"

namespace spinfill {

// How far two sets of pictures are apart as sets, by a network's embeddings: N pictures each, D values an embedding.
// Pictures of one group, such as views of one vehicle, are alike for other reasons than that their sets are.

inline constexpr std::int64_t kFewForFid = 2048;  // below that the Fréchet distance is too large by much

struct SetDistances {
  std::int64_t images = 0, dimensions = 0;
  double fid = 0;                                     // Fréchet distance
  double kid = 0;                                     // unbiased: may be negative; NaN of a single group
  std::optional<std::array<double, 2>> kid_interval;  // 95 %, of three groups or more
};

// FID: Heusel, Ramsauer, Unterthiner, Nessler and Hochreiter, "GANs trained by a two time-scale update rule converge to
// a local Nash equilibrium", NeurIPS 2017, eq. 6: |m−m'|² + Tr(C + C' − 2(C·C')^½), covariances over N − 1. KID:
// Bińkowski, Sutherland, Arbel and Gretton, "Demystifying MMD GANs", ICLR 2018, section 4: the unbiased estimate of
// MMD² with the kernel (x·y/D + 1)³, of all pictures at once. The interval is by leaving out one group after the other
// (Busing, Meijer and van der Leeden, "Delete-m jackknife for unequal m", Statistics and Computing 9, 1999).
// a[i] and b[i] are of group groups[i], and pictures of one group are no independent draws: the kernel of two of them
// is left out, within a set and across. Without groups each pair of pictures is one, and only a picture's kernel with
// itself is left out, as reference tools have it. Exit 3: other than two or more pictures on both sides, of one length.
SetDistances set_distances(const std::vector<Embedding>& a, const std::vector<Embedding>& b,
                           const std::vector<std::string>& groups = {});

Json set_distances_to_json(const SetDistances& distances);
// Reads it back; nothing where it is not what the above writes.
std::optional<SetDistances> set_distances_from_json(const Json& value);
// "0.01234", and "0.00990 to 0.01480"; "–" where it is not known.
std::string kid_text(const SetDistances& distances);
std::string kid_interval_text(const SetDistances& distances);
std::string set_distances_text(const SetDistances& distances);  // one line

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <opencv2/core/mat.hpp>

#include "core/config/named.h"
#include "data/pictures/colour_profile.h"

namespace spinfill {

// Which light the code values of a picture or a film mean: standard range, or high dynamic range by one of the two
// ways of Rec. ITU-R BT.2100.
enum class DynamicRange { standard, hlg, pq };
template <>
inline constexpr Named<DynamicRange> kNamesOf<DynamicRange>[] = {
    {DynamicRange::standard, "standard"}, {DynamicRange::hlg, "hlg"}, {DynamicRange::pq, "pq"}};

// Of high dynamic range, for people: "of high dynamic range (HLG), tone-mapped to sRGB".
std::string range_told(DynamicRange range);

// By the numbers of ITU-T H.273, tables 3 and 2. Primaries that are unstated or not known are those that BT.2100
// prescribes.
DynamicRange dynamic_range_of(int transfer_characteristics);
Primaries dynamic_range_primaries(int colour_primaries);
// The ICC profile of standard range with these numbers; empty where they mean sRGB or nothing known.
std::string coded_profile(int colour_primaries, int transfer_characteristics);

// High dynamic range → sRGB: RGB or RGBA of 16 bits, 65535 the code value 1 → the same of 8 bits; straight alpha is
// only reduced. For each pixel
//   1. code → light of a display of 1000 cd/m². HLG: inverse OETF, then OOTF of system gamma 1.2, without a lift of
//      black (BT.2100-2, table 5). PQ: EOTF (table 4).
//   2. linear matrix to the primaries of sRGB; what lies outside of them is clipped at 0 (Report ITU-R BT.2407, the
//      simple conversion), as colour profiles do.
//   3. tone mapping: R, G and B are multiplied by one factor, EETF(m)/m of the largest of them, m, so that hue and
//      saturation stay and nothing is clipped above. The EETF is that of Report ITU-R BT.2390-7, section 5.4, now
//      BT.2408-7, annex 5: a Hermite spline in PQ's code from 1000 cd/m² to sRGB's white, which is put at 203 cd/m²,
//      the reference white of BT.2408. Below its knee, 88 cd/m² or sRGB 176 of 255, nothing changes; reference white
//      becomes 229, and 1000 cd/m² and more 255.
//   4. sRGB's curve (IEC 61966-2-1).
// What a file says of its mastering display and its brightest pixel is not asked: it is often wrong, and pictures of
// one vehicle shall come out alike.
cv::Mat to_standard_range(const cv::Mat& rgb16, DynamicRange range, Primaries primaries);

}  // namespace spinfill

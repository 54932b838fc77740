// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "synth/shapes/mesh.h"

namespace spinfill::synth {

// Which way a foreign model stands. Names of its parts ("wheel-front-left", "tail lamp") are trusted most, then the
// file format's convention, then the shape.
struct NamedPoint {
  std::string name;  // lower case
  Vec3 centre;       // of the part, model axes
};

struct Orientation {
  Vec3 front, up;
  std::string front_from, up_from;  // "given", "names", "glTF", "Collada", "shape"
};

// `up` and `front`: "auto" or an axis such as "-y". `format_up`, `format_front`: the format's convention, or empty.
// Exit 2 where both given axes are the same line.
Orientation find_orientation(const std::vector<Vec3>& points, const std::vector<NamedPoint>& names,
                             const std::string& up, const std::string& front, const std::string& format_up,
                             const std::string& format_front, const std::string& format_name);

bool is_axis(const std::string& text);
Vec3 axis(const std::string& text);
std::string axis_name(const Vec3& axis);

}  // namespace spinfill::synth

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "synth/shapes/mesh.h"

namespace spinfill::synth {

// Which way a foreign model stands. Names of its parts ("wheel-front-left", "tail lamp") are trusted most, then the
// file format's convention, then the shape. The shape is asked in any case: what it clearly contradicts is doubtful.
struct NamedPoint {
  std::string name;  // lower case
  Vec3 centre;       // of the part, model axes
};

struct Axes {
  Vec3 front, up;
};

struct Orientation : Axes {
  std::string front_from, up_from;  // "given", "names", "glTF", "Collada", "shape, 98 %"
  // Empty: the axes are certain enough to be used. Else why they have to be given, and the readings that come into
  // question, the likeliest (this one) first.
  std::string doubt;
  std::vector<Axes> readings;
};

// What is known of a model's axes: "auto" or an axis such as "-y", and the format's convention (empty: none).
struct KnownAxes {
  std::string up = "auto", front = "auto";
  std::string format_up = {}, format_front = {}, format_name = {};
};

// Exit 2 where front and up are the same line.
Orientation find_orientation(const std::vector<Vec3>& points, const std::vector<NamedPoint>& names,
                             const KnownAxes& known);

bool is_axis(const std::string& text);
Vec3 axis(const std::string& text);
std::string axis_name(const Vec3& axis);

}  // namespace spinfill::synth

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/random.h"
#include "synth/shapes/model.h"

namespace spinfill::synth {

class ImportedModel;

// What is taken for a model's body paint: a colour, and the materials that have it. The colour is the one that covers
// most of the opaque surface, of the materials whose names say paint or body where there are such, else of all whose
// names do not say glass, tyre, wheel, lamp, chrome, interior or the like. Colours near black are passed over, without
// a name dark greys, too. It must cover 15 % of the whole opaque surface, and what fades from it into other colours no
// more than half of that. Areas and texels are looked at, so that a picture of all colours works as well as one
// material for each.
struct BodyPaint {
  Vec3 colour;                  // linear
  std::vector<bool> materials;  // by number: the points of that colour are paint
  float share = 0;              // of the opaque surface
  std::string name;             // of the material that most of it has, may be empty
};
std::optional<BodyPaint> find_body_paint(const ImportedModel& model);
// One sentence on it: "paint: 'body', 61 % of the surface".
std::string paint_report(const std::optional<BodyPaint>& paint);

// Another colour for it: points as far from the old colour in brightness as they were.
struct Repaint {
  BodyPaint old;
  Vec3 colour;
  float metallic = 0, roughness = 0.4f;
  // The surface of a point of that material, in the new colour where it is painted.
  void apply(std::size_t material, Surface& surface) const;
};

// Another copy of that vehicle: painted in a drawn colour where the paint is found, its width changed by up to 4 % and
// its height by up to 2 %. A pure function of the model as it was read and of the generator's state.
void vary(ImportedModel& model, Random& random);

}  // namespace spinfill::synth

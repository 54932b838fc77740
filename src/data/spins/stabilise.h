// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "core/files/json.h"
#include "data/sets/view_set.h"
#include "geometry/spin/stabilise.h"

namespace spinfill {

// Coverage of a frame's picture at full size.
SpinPicture spin_picture(const ViewSet& set, const Frame& frame);

// Cameras of a set's pictures from these pictures alone (geometry/spin/stabilise.h). Needs masked pictures; errors name
// the set. `trusted`, unless empty: whether each view takes part. Those of the further frames come last.
Stabilisation stabilise_set(const ViewSet& set, const std::vector<bool>& trusted = {});

// The set with these cameras: those of its frames, and predicted ones for the primary views that it lacks. A frame's
// azimuth becomes the corrected one unless that would move it to another primary view; further frames' do in any case.
ViewSet with_cameras(const ViewSet& set, const Stabilisation& stabilisation);

// What transforms.json says of it: "stabilisation" of the set and "cue" of each frame.
Json to_json(const Stabilisation& stabilisation);
Json cue_to_json(const StabilisedView& view);

// Writes the cameras into folder/transforms.json, atomically; every other field stays as it is. `set` is what that file
// holds (a folder of pictures without the file gets one).
void write_stabilised(const ViewSet& set, const Stabilisation& stabilisation, const std::filesystem::path& folder);
// The set with the azimuths that were stated before an earlier stabilisation.
ViewSet as_photographed(const ViewSet& set);
// Whether transforms.json states cameras that did not come from here.
bool states_own_cameras(const ViewSet& set);

}  // namespace spinfill

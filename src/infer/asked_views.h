// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "data/pictures/canonical.h"
#include "infer/view_cameras.h"

namespace spinfill {

// Which views are to be generated: by default every primary view that has no picture, and every missing frame that
// transforms.json lists (which takes its slot's primary view's place); else one of these.
struct ViewRequest {
  std::vector<double> azimuths_deg;  // these alone, [0, 360)
  int views = 0;                     // a turntable of so many, evenly round the vehicle from the front on: 24, 36 or 72
  bool primary() const { return azimuths_deg.empty() && views == 0; }
};
// "40,180" and "72". Exit 2: anything that is not a number from 0 to 360, one azimuth twice (0
// and 360 are one), another count, both of them.
ViewRequest parse_view_request(const std::optional<std::string>& azimuths, const std::optional<std::string>& views);

// What was asked for, as frames of set.missing, each with its camera.
struct AskedViews {
  std::vector<Frame> frames;
  // Of a turntable: so many come first, one in each slot without a picture, those next to pictures before others;
  // all that come after them are generated from them, too.
  std::size_t anchors = 0;
};
// Exit 2: an azimuth asked for is within a degree of a picture of the set (but those of views at `hidden` azimuths,
// multiples of 45).
void refuse_given(const ViewRequest& request, const ViewSet& set, const std::vector<std::int64_t>& hidden = {});

// The cameras of views by default are those that the set lists or the estimate predicts, else the nearest given one
// turned; of stated azimuths and of turntables camera_between(). For a canonical spin those of views by default are
// carried() onto it, as photographs are: a view from elsewhere would not be that which its mirror view shows; others
// have its own. `listed` are the input's missing frames. Of a turntable, a picture (a further one, too) within a
// quarter of a step is the view. A stated azimuth within a degree of a picture is refused (exit 2), a listed frame, too
// (exit 3).
AskedViews asked_views(const ViewCameras& chosen, const std::vector<Frame>& listed, const ViewRequest& request,
                       const Turntable& turntable, const CanonicalSpin* canonical);

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "synth/axes_sheet.h"

#include <fmt/format.h>

#include <opencv2/imgproc.hpp>

#include "core/files/files.h"
#include "core/random.h"
#include "data/pictures/picture.h"
#include "synth/options.h"
#include "synth/render/renderer.h"
#include "synth/render/studio.h"
#include "synth/rig.h"

namespace spinfill::synth {
namespace {

constexpr int kWidth = 216, kHeight = 144, kLabel = 20;  // px, of a view; of a row's label
constexpr int kViews = 3;

}  // namespace

fs::path write_axes_sheet(const MeshFile& file, const fs::path& meshes, const std::vector<Axes>& readings,
                          const fs::path& folder) {
  SynthOptions options;
  options.width = kWidth;
  options.height = kHeight;
  options.render = {4, 9, false};
  const int row_height = kHeight + kLabel;
  cv::Mat sheet(row_height * static_cast<int>(readings.size()), kWidth * kViews, CV_8UC3, cv::Scalar::all(255));
  int y = 0;
  for (const Axes& reading : readings) {
    MeshFile given = file;
    given.front = axis_name(reading.front);
    given.up = axis_name(reading.up);
    const Imported imported = import_mesh(given, {meshes});
    const Box box = bounding_box(*imported.model);
    Random random(0, 0, Stream::camera);
    const Rig rig = draw_rig(*imported.model, box, options, random);
    const Studio studio(random);
    Renderer renderer(*imported.model, box);
    for (int k = 0; k < kViews; ++k) {
      const Camera camera = rig.camera(static_cast<std::size_t>(k), kWidth, kHeight);
      const cv::Mat view = renderer.render(camera, studio, options.render, 0).rgba;
      on_plain_ground(view, view.size(), cv::Scalar::all(255))
          .copyTo(sheet(cv::Rect(k * kWidth, y + kLabel, kWidth, kHeight)));
    }
    cv::putText(sheet, fmt::format("--front {} --up {}: from the front, 45, left", given.front, given.up), {6, y + 15},
                cv::FONT_HERSHEY_SIMPLEX, 0.45, cv::Scalar::all(0), 1, cv::LINE_AA);
    y += row_height;
  }
  fs::path path = folder / (file.id + ".png");
  write_png(path, sheet);
  return path;
}

}  // namespace spinfill::synth

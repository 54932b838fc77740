// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>
#include <string>

#include "cli/data/data.h"
#include "cli/options.h"
#include "core/error.h"
#include "core/files/atomic_folder.h"
#include "core/files/files.h"
#include "core/print.h"
#include "data/sets/picture_folder.h"
#include "data/sets/set_folders.h"
#include "data/spins/photo_inspection.h"
#include "pages/photo_inspection_page.h"

namespace spinfill {
namespace {

struct Options {
  std::string folder, out;
  PhotographChoice photographs;
  bool json = false, replace = false;
};

ViewSet read_set(const fs::path& folder, const PhotographOptions& how) {
  if (!fs::is_directory(folder)) fail_usage("{}: there is no such folder", folder.string());
  if (const auto sets = set_folders(folder); !has_transforms(folder) && !sets.empty())
    fail_usage("{}: is a data set: name one of its sets, e.g. {}", folder.string(), sets.front().string());
  return as_photographed(read_photographs(folder, how));
}

int inspect(const Options& options) {
  const OutputFolder out{options.out, "data inspect", options.replace, {options.folder}};
  check_output_folder(out);
  const ViewSet set = read_set(options.folder, options.photographs.options());
  AtomicFolder folder(out);
  const PhotoInspection inspection = inspect_photos(set);
  write_photo_inspection(inspection, folder.path());
  folder.commit();
  if (options.json) {
    print_json(to_json(inspection), 1);
    return 0;
  }
  for (const InspectedView& view : inspection.views) print_line("{}", to_line(view));
  for (const auto* list : {&inspection.stabilisation.warnings, &inspection.stabilisation.notes})
    for (const std::string& note : *list) print_line("  {}", note);
  print_line("{}: mean IoU {:.3f} -> {:.3f}, residual {:.4f} lengths, confidence {:.2f}; open {}", set.id,
             inspection.mean_iou(false), inspection.mean_iou(true), inspection.stabilisation.miss,
             inspection.stabilisation.confidence, (fs::path(options.out) / "index.html").string());
  return 0;
}

}  // namespace

Command data_inspect_command() {
  return {"inspect",
          "Shows what stabilisation makes of photographs: hull on photos before and after, both spins side by side",
          [](CLI::App& app) -> std::function<int()> {
            auto options = std::make_shared<Options>();
            app.add_option("folder", options->folder,
                           "A view set, or a folder of pictures named by azimuth; stays as it is")
                ->required();
            app.add_option("--out", options->out, "Folder for overlay.png and index.html")->required();
            add_photographs(app, options->photographs);
            add_replace(app, options->replace);
            app.add_flag("--json", options->json, "Result as JSON on stdout");
            return [options] { return inspect(*options); };
          }};
}

}  // namespace spinfill

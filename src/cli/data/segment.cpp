// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <string>

#include "cli/data/data.h"
#include "cli/options.h"
#include "core/error.h"
#include "core/files/atomic_folder.h"
#include "core/log.h"
#include "core/print.h"
#include "core/progress.h"
#include "data/pictures/picture.h"
#include "data/walkaround/masked_photographs.h"
#include "data/walkaround/usability.h"
#include "model/segmenter/segmenter_model.h"

namespace spinfill {
namespace {

struct Options {
  std::string folder, out, segmenter;
  Links links = Links::stay_inside;
  bool json = false, replace = false;
};

int segment(const Options& options) {
  OutputFolder out{options.out, "data segment", options.replace, {options.folder}};
  if (options.segmenter != kGrabCut) out.inputs.emplace_back(options.segmenter);
  check_output_folder(out);
  const Photographs photographs = list_photographs(options.folder, options.links);
  LazySegmenter segmenter = lazy_segmenter(options.segmenter);
  AtomicFolder folder(out);
  const std::vector<std::string> names = png_names(photographs.files);
  Json rows = Json::array();
  Progress progress("segment", std::ssize(photographs.files), "photographs");
  const auto left_out = each_masked(photographs, segmenter, [&](MaskedPhotograph one) {
    const auto place =
        static_cast<std::size_t>(std::ranges::find(photographs.files, one.file) - photographs.files.begin());
    write_png(folder.path() / names[place], one.rgba());
    const Usability usable = mask_usability(one.mask);
    if (!usable.what.empty()) log_warning("{}: {}", one.file, usable.what);
    const cv::Rect& box = one.mask.box;
    rows.push_back({{"file", one.file},
                    {"mask", names[place]},
                    {"area", one.mask.area},
                    {"box", {box.x, box.y, box.width, box.height}},
                    {"verdict", name_of(usable.verdict)},
                    {"problem", usable.what}});
    progress.update(static_cast<std::int64_t>(place) + 1);
  });
  progress.finish();
  for (const LeftOut& file : left_out) log_warning("{}: {}", file.file, file.why);
  if (rows.empty()) fail("{}: no photograph could be read", options.folder);
  folder.commit();
  if (options.json) {
    Json ignored = Json::array();
    for (const LeftOut& file : left_out) ignored.push_back({{"file", file.file}, {"why", file.why}});
    print_json({{"photographs", rows}, {"left_out", ignored}, {"segmenter", segmenter.identity()}}, 1);
  } else {
    print_line("{}: {} vehicles cut out", options.out, rows.size());
  }
  return 0;
}

}  // namespace

Command data_segment_command() {
  return {
      "segment", "Cuts the vehicle out of each photograph of a folder: PNGs with alpha, of the photographs' size",
      [](CLI::App& app) -> std::function<int()> {
        auto options = std::make_shared<Options>();
        app.add_option("folder", options->folder, "Photographs as they come: JPEG, HEIC, AVIF, PNG or WebP of any name")
            ->required();
        app.add_option("--out", options->out, "Folder for the PNGs, upright, named like the photographs")->required();
        add_follow_links(app, options->links);
        add_segmenter(app, options->segmenter);
        add_replace(app, options->replace);
        app.add_flag("--json", options->json, "Result as JSON on stdout");
        return [options] { return segment(*options); };
      }};
}

}  // namespace spinfill

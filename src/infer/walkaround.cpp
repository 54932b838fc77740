// SPDX-License-Identifier: Apache-2.0
#include "infer/walkaround.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>

#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "core/files/atomic_folder.h"
#include "core/files/files.h"
#include "core/log.h"
#include "data/pictures/picture.h"
#include "data/sets/slots.h"
#include "data/sets/view_set_writer.h"
#include "data/walkaround/common_frame.h"
#include "data/walkaround/masked_photographs.h"
#include "geometry/angles.h"
#include "pages/photographs_page.h"

namespace spinfill {
namespace {

// A direction that is more likely wrong than right is not used: it spoils the spin more than a missing one.
constexpr double kLeastConfidence = 0.5;

PhotographReport looked_at(const MaskedPhotograph& one, const AzimuthModel& model, const std::string& reference) {
  PhotographReport report;
  report.file = one.file;
  report.reference = reference;
  const int width = std::min(kPreviewWidth, one.rgb.cols);
  const cv::Size size(width, std::max(1, one.rgb.rows * width / one.rgb.cols));
  cv::resize(one.rgb, report.preview, size, 0, 0, cv::INTER_AREA);
  cv::resize(one.mask.alpha, report.mask, size, 0, 0, cv::INTER_AREA);
  const MaskProblem problem = mask_problem(one.mask);
  report.why = problem.what;
  if (!problem.usable) return report;
  const AzimuthEstimate estimate = estimate_azimuth(model, one.rgb, one.mask.alpha);
  report.azimuth_deg = estimate.azimuth_deg;
  report.confidence = estimate.confidence;
  if (estimate.confidence < kLeastConfidence) {
    report.why = fmt::format(
        "from where it shows the vehicle, or whether it shows one, cannot be told (perhaps {:.0f} "
        "degrees, confidence {:.2f}): take it with one whole vehicle in sight",
        estimate.azimuth_deg, estimate.confidence);
    return report;
  }
  report.fate = PhotographFate::spare;
  const double apart = apart_deg(*report.azimuth_deg, azimuth_of(nearest_slot(*report.azimuth_deg)));
  report.quality = estimate.confidence - apart / 45 - (one.mask.cut_off ? 1 : 0);
  return report;
}

// The best photograph of each primary view so far, so that no others stay in memory.
class BestCrops {
 public:
  void offer(const MaskedPhotograph& one, const PhotographReport& report) {
    if (report.fate == PhotographFate::refused) return;
    Kept& kept = kept_[static_cast<std::size_t>(nearest_slot(*report.azimuth_deg))];
    if (!kept.crop.empty() && kept.quality >= report.quality) return;
    kept = {report.quality, {report.reference, *report.azimuth_deg}, vehicle_crop(one.rgba(), one.mask.box)};
  }
  void write(const fs::path& folder) const {
    ViewSet set;
    set.folder = folder;
    set.id = folder.filename().string();
    std::vector<cv::Mat> crops;
    for (const Kept& kept : kept_) {
      if (kept.crop.empty()) continue;
      crops.push_back(kept.crop);
      set.frames.push_back(kept.frame);
    }
    const std::vector<cv::Mat> frames = common_frames(crops);
    set.width = frames.front().cols;
    set.height = frames.front().rows;
    for (std::size_t i = 0; i < frames.size(); ++i) write_png(folder / set.frames[i].file_path, frames[i]);
    write_transforms(set);
  }

 private:
  struct Kept {
    double quality = 0;
    Frame frame;
    cv::Mat crop;
  };
  std::array<Kept, kSlots> kept_;
};

void tell(const WalkaroundReport& report) {
  for (const PhotographReport& one : report.photographs) {
    if (one.fate == PhotographFate::refused)
      log_warning("{}: not used: {}", one.file, one.why);
    else
      log_info("{}: {:.0f} degrees, confidence {:.2f}{}{}{}", one.file, *one.azimuth_deg, one.confidence,
               one.fate == PhotographFate::spare ? ", not used" : "", one.why.empty() ? "" : ": ", one.why);
  }
  for (const LeftOut& file : report.left_out) log_warning("{}: not used: {}", file.file, file.why);
}

// The photographs' folder by name, as a set's id.
std::string folder_title(const fs::path& photographs) {
  std::error_code error;
  const std::string name = fs::weakly_canonical(photographs, error).filename().string();
  return is_valid_id(name) ? name : "photographs";
}

}  // namespace

WalkaroundReport prepare_walkaround(const fs::path& photographs, const AzimuthModel& azimuths, const fs::path& folder,
                                    const WalkaroundOptions& options) {
  const Photographs listed = list_photographs(photographs, options.links);
  const std::vector<std::string> names = png_names(listed.files);
  LazySegmenter segmenter(options.segmenter);
  WalkaroundReport report;
  report.title = folder_title(photographs);
  BestCrops best;
  report.left_out = each_masked(listed, segmenter, [&](const MaskedPhotograph& one) {
    const auto place = std::ranges::find(listed.files, one.file) - listed.files.begin();
    report.photographs.push_back(looked_at(one, azimuths, names[static_cast<std::size_t>(place)]));
    best.offer(one, report.photographs.back());
    if (options.looked_at) options.looked_at(std::ssize(report.photographs), std::ssize(listed.files));
  });
  choose_views(report);
  tell(report);
  if (const auto why = why_no_spin(report, options.least_views))
    fail_check("{}: {}; nothing was written", photographs.string(), *why);
  best.write(folder);
  return report;
}

WalkaroundCompletion complete_walkaround(const LoadedModel& model, const AzimuthModel& azimuths,
                                         const fs::path& photographs, const fs::path& out,
                                         const WalkaroundOptions& options, const CompleteOptions& complete) {
  CompleteOptions how = complete;
  how.inputs.push_back(photographs);
  check_output_folder(completed_folder(photographs, out, how));
  // Beside nothing of the user's, and never committed: it is removed at the end, whichever.
  std::error_code error;
  const fs::path temporary = fs::temp_directory_path(error);
  if (error) fail("no folder for temporary files ({}): set TMPDIR", error.message());
  const AtomicFolder scratch(temporary / fmt::format("spinfill-photographs-{}", ::getpid()));
  WalkaroundCompletion done;
  const fs::path folder = scratch.path() / folder_title(photographs);
  make_folder(folder);
  done.report = prepare_walkaround(photographs, azimuths, folder, options);
  how.also = [&](const fs::path& spin, const Json& odd) {
    for (const Json& one : odd) done.report.add_why(one["file_path"], one["problem"]);
    write_photographs_page(done.report, spin / "photos.html");
  };
  done.completion = complete_folder(model, folder, out, how);
  return done;
}

}  // namespace spinfill

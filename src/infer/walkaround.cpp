// SPDX-License-Identifier: Apache-2.0
#include "infer/walkaround.h"

#include <unistd.h>

#include <algorithm>
#include <optional>

#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "core/files/atomic_folder.h"
#include "core/files/files.h"
#include "core/log.h"
#include "data/pictures/picture.h"
#include "data/walkaround/common_frame.h"
#include "data/walkaround/masked_photographs.h"
#include "infer/second_look.h"
#include "infer/walkaround_set.h"
#include "model/azimuth/photograph_exam.h"
#include "model/segmenter/segmenter_model.h"
#include "pages/photographs_page.h"

namespace spinfill {
namespace {

// What the page shows of a photograph.
PhotographReport shown(const MaskedPhotograph& one, const std::string& reference) {
  PhotographReport report;
  report.file = one.file;
  report.reference = reference;
  const int width = std::min(kPreviewWidth, one.rgb.cols);
  const cv::Size size(width, std::max(1, one.rgb.rows * width / one.rgb.cols));
  cv::resize(one.rgb, report.preview, size, 0, 0, cv::INTER_AREA);
  cv::resize(one.mask.alpha, report.mask, size, 0, 0, cv::INTER_AREA);
  return report;
}

void put(const Examined& examined, PhotographReport& report) {
  report.verdict = examined.usable.verdict;
  report.trouble = examined.usable.trouble;
  report.why = examined.usable.what;
  report.quality = examined.quality;
  if (report.verdict != PhotographVerdict::ignored) report.fate = PhotographFate::spare;
  if (!examined.azimuth) return;
  report.azimuth_deg = examined.azimuth->azimuth_deg;
  report.confidence = examined.azimuth->confidence;
}

// A place of this process among temporary files.
fs::path temporary_folder(const char* name) {
  std::error_code error;
  const fs::path temporary = fs::temp_directory_path(error);
  if (error) fail("no folder for temporary files ({}): set TMPDIR", error.message());
  return temporary / fmt::format("{}-{}", name, ::getpid());
}

// The photographs' folder by name, as a set's id.
std::string folder_title(const fs::path& photographs) {
  std::error_code error;
  const fs::path whole = fs::weakly_canonical(photographs, error);
  const std::string name = (fs::is_regular_file(whole, error) ? whole.stem() : whole.filename()).string();
  return is_valid_id(name) ? name : "photographs";
}

}  // namespace

WalkaroundReport prepare_walkaround(const fs::path& photographs, const AzimuthModel& azimuths, const fs::path& folder,
                                    const WalkaroundOptions& options, std::optional<FirstLook>* found) {
  Photographs listed = list_photographs(photographs, options.links);
  // Beside nothing of the user's, and never committed: it is removed at the end.
  std::optional<AtomicFolder> taken;
  std::vector<FilmFrames> films;
  if (!listed.films.empty()) {
    taken.emplace(temporary_folder("spinfill-film"));
    films = take_film_frames(listed, taken->path(), options.films);
  }
  const std::vector<std::string> names = png_names(listed.files);
  LazySegmenter segmenter = lazy_segmenter(options.segmenter);
  WalkaroundReport report;
  report.films = std::move(films);
  report.title = folder_title(photographs);
  PhotographExam exam(azimuths, options.order);
  std::vector<cv::Mat> crops;
  report.left_out = each_masked(listed, segmenter, [&](const MaskedPhotograph& one) {
    const auto place = std::ranges::find(listed.files, one.file) - listed.files.begin();
    report.photographs.push_back(shown(one, names[static_cast<std::size_t>(place)]));
    exam.look(one);
    crops.push_back(one.mask.box.empty() ? cv::Mat() : vehicle_crop(one.rgba(), one.mask.box));
    if (options.looked_at) options.looked_at(std::ssize(report.photographs), std::ssize(listed.files));
  });
  const auto told = [&](std::int64_t steps) {
    if (options.compared) options.compared(steps, 3);
  };
  told(0);
  const ExamResult judged = exam.judge();
  told(1);
  report.order = judged.order;
  for (std::size_t i = 0; i < judged.photographs.size(); ++i) put(judged.photographs[i], report.photographs[i]);
  choose_views(report, options.with_further);
  tell(report);
  if (const auto why = why_no_spin(report, options.least_views))
    fail_check("{}: {}; nothing was written", photographs.string(), *why);
  write_walkaround_set(report, crops, folder);
  told(2);
  std::optional<FirstLook> looked = take_strays_away(report, crops, listed, folder, first_look(folder));
  looked = look_again(report, crops, listed, segmenter, folder, std::move(looked));
  if (found != nullptr) *found = std::move(looked);
  told(3);
  return report;
}

WalkaroundCompletion complete_walkaround(const LoadedModel& model, const AzimuthModel& azimuths,
                                         const fs::path& photographs, const fs::path& out,
                                         const WalkaroundOptions& options, const CompleteOptions& complete) {
  CompleteOptions how = complete;
  how.inputs.push_back(photographs);
  check_output_folder(completed_folder(photographs, out, how));
  // Beside nothing of the user's, and never committed: it is removed at the end, whichever.
  const AtomicFolder scratch(temporary_folder("spinfill-photographs"));
  WalkaroundCompletion done;
  const fs::path folder = scratch.path() / folder_title(photographs);
  make_folder(folder);
  WalkaroundOptions with_further = options;
  with_further.with_further = true;
  std::optional<FirstLook> found;
  done.report = prepare_walkaround(photographs, azimuths, folder, with_further, &found);
  if (found) how.first_look = std::make_shared<const FirstLook>(std::move(*found));
  how.also = [&](const fs::path& spin, const Completion& completion) {
    if (const auto& doubt = completion.doubt)
      done.report.doubt = told_in_words(*doubt, done.report.file_of(doubt->worst), !completion.generated.empty());
    for (const Json& one : completion.odd) done.report.add_why(one["file_path"], one["problem"]);
    write_photographs_page(done.report, spin / "photos.html");
  };
  done.completion = complete_folder(model, folder, out, how);
  return done;
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "pages/report_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include "core/files/files.h"
#include "data/pictures/picture.h"
#include "metrics/summary.h"
#include "pages/extreme_views.h"
#include "pages/page_in_browser.h"
#include "support/examples.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

using test::Browser;
using testing::HasSubstr;

std::vector<Batch> batches(const std::vector<std::string>& names) {
  std::vector<Batch> out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto sample = static_cast<std::int64_t>(i);
    out.push_back(example_batch({sample}, {{sample % 8, (sample + 3) % 8}}));
    out.back().ids = {names[i]};
  }
  return out;
}

// Later vehicles are worse.
Predictor worsening_model() {
  return [](const Batch& batch) {
    const double noise = 0.05 * static_cast<double>(1 + batch.samples.front());
    return batch.colour + noise * (batch.priors.mirrored - 0.5);
  };
}

struct Made {
  EvaluationReport report;
  ReportPictures pictures;
  std::string page() const { return report_page(report, pictures); }
};

Made made(std::vector<Batch> list, std::size_t metric = 0, std::size_t most = 6, const Lpips* lpips = nullptr) {
  const test::TemporaryFolder folder;
  ExtremeViews extremes(metric, folder / "views", most);
  EvaluateOptions options;
  options.on_batch = [&](const BatchScored& scored) { extremes.add(scored); };
  Made out;
  out.report = evaluate(worsening_model(), batches_of(std::move(list)), {}, lpips, options);
  out.report.model["name"] = "runs/example";
  out.pictures = extreme_views(out.report, metric, folder / "views", most);
  return out;
}

const std::vector<std::string> kNames = {"car-a", "car-b", "car-c", "car-d", "car-e", "car-f"};

std::vector<std::string> titles(const std::vector<GalleryView>& views) {
  std::vector<std::string> out;
  for (const GalleryView& view : views) out.push_back(view.title);
  return out;
}

TEST(ExtremeViews, AreTheBestAndWorstInWhateverOrder) {
  const std::vector<Batch> list = batches(kNames);
  const ReportPictures pictures = made(list, 0, 2).pictures;
  for (const std::string& title : titles(pictures.worst)) EXPECT_THAT(title, testing::StartsWith("car-f at "));
  for (const std::string& title : titles(pictures.best)) EXPECT_THAT(title, testing::StartsWith("car-a at "));
  ASSERT_EQ(pictures.worst.size(), 2U);
  const ReportPictures again = made({list.rbegin(), list.rend()}, 0, 2).pictures;
  EXPECT_EQ(titles(again.worst), titles(pictures.worst));
  EXPECT_EQ(again.worst[0].facts, pictures.worst[0].facts);
  EXPECT_EQ(again.worst[0].shots[1].address, pictures.worst[0].shots[1].address);
}

// As processes that share the work, or one that goes on after another.
TEST(ExtremeViews, OfSeveralProcessesAreThoseOfOne) {
  const std::vector<Batch> list = batches(kNames);
  const ReportPictures whole = made(list, 0, 2).pictures;
  const test::TemporaryFolder folder;
  std::vector<EvaluationReport> shares;
  for (const std::size_t first : {0U, 1U}) {
    ExtremeViews extremes(0, folder.path(), 2);
    EvaluateOptions options;
    options.on_batch = [&](const BatchScored& scored) { extremes.add(scored); };
    shares.push_back(
        evaluate(worsening_model(), batches_of({list[first], list[first + 2], list[first + 4]}), {}, nullptr, options));
  }
  const auto files = std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator());
  EXPECT_LE(files, 2 * 2 * 2) << "what is beaten is removed";
  const EvaluationReport report = merge(shares);
  const ReportPictures pictures = extreme_views(report, 0, folder.path(), 2);
  ASSERT_EQ(pictures.worst.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(to_json(pictures.worst[i]), to_json(whole.worst[i]));
    EXPECT_EQ(to_json(pictures.best[i]), to_json(whole.best[i]));
  }
  for (const auto& entry : fs::directory_iterator(folder.path())) fs::remove(entry);
  EXPECT_THAT(extreme_views(report, 0, folder.path(), 2).worst[0].shots[0].problem, HasSubstr(".json"))
      << "what is missing is named";
}

TEST(ExtremeViews, ShowAVehicleAndAzimuthOnce) {
  std::vector<Batch> list;
  for (const std::int64_t sample : {0, 1, 2}) {
    list.push_back(example_batch({sample}, {{2}}));
    list.back().ids = {"car"};
  }
  const ReportPictures pictures = made(list).pictures;
  ASSERT_EQ(pictures.worst.size(), 1U);
  EXPECT_EQ(pictures.worst[0].title, "car at 90°");
  EXPECT_THAT(pictures.worst[0].facts, HasSubstr("sample 2")) << "the worst of the three";
  EXPECT_TRUE(pictures.best.empty()) << "shown already";
}

TEST(ExtremeViews, AreOfTheScoreAskedForAlone) {
  EXPECT_TRUE(made(batches(kNames), kLpips).pictures.worst.empty()) << "no view has LPIPS";
  const Lpips lpips = Lpips::from_tensors(example_lpips_weights("squeeze"), "example");
  std::vector<Batch> list;
  for (const std::int64_t sample : {0, 1}) list.push_back(example_batch({sample}, {{1}}, 32, 32));
  const ReportPictures pictures = made(list, kLpips, 6, &lpips).pictures;
  ASSERT_EQ(pictures.worst.size(), 2U);
  EXPECT_THAT(pictures.worst[0].facts, HasSubstr("LPIPS 0."));
}

TEST(ReportPage, HoldsEverythingItShows) {
  const std::string page = made(batches(kNames)).page();
  for (const char* outside : {"http:", "https:", "@import", "url(", "<link", "<script", "src=\"h", "src=\"f"})
    EXPECT_EQ(page.find(outside), page.npos) << outside;
  for (const char* shown : {"Scores of runs/example", "mirror-or-prior", "2 missing", "By category", "truth_sha256"})
    EXPECT_THAT(page, HasSubstr(shown));
  EXPECT_EQ(page.find("LPIPS</td>"), page.npos) << "there is none";
}

TEST(ReportPage, NamesAreText) {
  const std::string page = made(batches({"<img src=x onerror=alert(1)>\"'&"})).page();
  EXPECT_EQ(page.find("<img src=x"), page.npos);
  EXPECT_THAT(page, HasSubstr("&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp; at "));
}

using ReportInBrowser = test::PageInBrowser;

TEST_F(ReportInBrowser, TellsTheScoresAndShowsTheWorstAndBestViews) {
  const Made it = made(batches(kNames), 0, 3);
  for (const int width : {1300, 400}) {
    Browser browser(width, 900);
    browser.open(url(it.page()));
    expect_whole(browser, 6 * 4);
    EXPECT_EQ(browser.evaluate("document.querySelector('h1').innerText"), "Scores of runs/example");
    const std::string verdict = browser.evaluate("document.querySelector('.verdict').innerText");
    EXPECT_THAT(verdict, HasSubstr("the baseline mirror-or-prior in PSNR"));
    const auto below = [&](const std::string& title, const std::string& what) {
      return browser.evaluate("[...document.querySelectorAll('h2')].find(h => h.innerText.startsWith('" + title +
                              "'))" + what);
    };
    // The table says what the report does.
    const double psnr = summarise(it.report).overall.mean[0];
    EXPECT_EQ(below("Scores, with", ".nextElementSibling.querySelector('td b').firstChild.textContent"),
              fmt::format("{:.2f}", psnr));
    EXPECT_THAT(
        below("Worst views", ".nextElementSibling.nextElementSibling.querySelector('h3').innerText"),
        testing::ResultOf([](const Json& j) { return j.get<std::string>(); }, testing::StartsWith("car-f at ")));
    EXPECT_THAT(
        below("Best views", ".nextElementSibling.nextElementSibling.querySelector('h3').innerText"),
        testing::ResultOf([](const Json& j) { return j.get<std::string>(); }, testing::StartsWith("car-a at ")));
    EXPECT_EQ(below("Vehicles", ".nextElementSibling.querySelector('tbody td').innerText"), "car-f");
    EXPECT_EQ(below("By azimuth", ".nextElementSibling.nextElementSibling.querySelectorAll('table').length"), 2);
  }
}

TEST_F(ReportInBrowser, OneVehicleAlone) {
  const Made it = made(batches({"<b>only</b>"}));
  Browser browser(400, 800);
  browser.open(url(it.page()));
  expect_whole(browser, 2 * 4);
  EXPECT_THAT(browser.evaluate("document.body.innerText").get<std::string>(), HasSubstr("<b>only</b> at 0°"));
  EXPECT_THAT(browser.evaluate("document.querySelector('.verdict').innerText").get<std::string>(),
              HasSubstr("Not told apart from the baseline"))
      << "one vehicle has no interval";
}

// At the photographs' size: what pixels are from is shown, too.
TEST_F(ReportInBrowser, PhotographsHaveEvidence) {
  test::write_tiny_data_set(folder_ / "data", 2, {.width = 240, .height = 160});
  DataConfig config;
  config.path = (folder_ / "data").string();
  config.missing = {2};
  const EvaluationSet set(config, {}, "test");
  const PhotoPredictor model = [](const PhotoSample& sample, const PhotoGeometry& geometry) {
    PhotoPrediction out = photo_baseline("prior")(sample, geometry);
    for (const Frame& asked : sample.set.missing)
      out.shares[static_cast<std::size_t>(asked.slot())] = cv::Mat(160, 240, CV_8UC3, cv::Scalar(255, 0, 0));
    return out;
  };
  ExtremeViews extremes(0, folder_ / "views");
  PhotoEvaluateOptions options;
  options.on_sample = [&](const PhotoScored& scored) { extremes.add(scored); };
  const EvaluationReport report = evaluate_photos(model, set, set.protocol({}, 0), nullptr, options);
  Browser browser(1300, 900);
  browser.open(url(report_page(report, extreme_views(report, 0, folder_ / "views"))));
  expect_whole(browser, 2 * 5);
  const auto shot = [&](const std::string& name) {
    return "[...document.querySelectorAll('figure')].find(f => f.innerText === '" + name + "').querySelector('img')";
  };
  EXPECT_EQ(browser.evaluate(shot("seen, mirrored, invented") + ".naturalWidth"),
            browser.evaluate(shot("truth") + ".naturalWidth"));
  EXPECT_EQ(browser.evaluate("document.querySelectorAll('.curves svg').length"), 1);
}

}  // namespace
}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "infer/studio/studio.h"

#include <gtest/gtest.h>

#include <opencv2/imgproc.hpp>

#include "core/files/files.h"
#include "data/films/film_reader.h"
#include "data/pictures/exposure_gain.h"
#include "data/pictures/picture.h"
#include "data/pictures/xmp.h"
#include "data/sets/view_set_reader.h"
#include "data/sets/view_set_writer.h"
#include "geometry/angles.h"
#include "infer/studio/background.h"
#include "infer/studio/ground_reflection.h"
#include "infer/studio/ground_shadow.h"
#include "support/support.h"

namespace spinfill {
namespace {

constexpr int kWidth = 192, kHeight = 128;

// The silhouette of a box from below −0.15 to 0.15 on wheels that stand at −0.2, a fifth of the length from the ends.
cv::Mat silhouette(const Camera& camera) {
  cv::Mat mask(camera.height, camera.width, CV_8UC1, cv::Scalar(0));
  const auto fill = [&](double x0, double x1, double y, double z0, double z1) {
    std::vector<cv::Point> corners;
    for (const double x : {x0, x1})
      for (const double side : {-y, y})
        for (const double z : {z0, z1}) {
          const Eigen::Vector2d at = project(camera, {x, side, z});
          corners.emplace_back(static_cast<int>(std::lround(at.x() - 0.5)),
                               static_cast<int>(std::lround(at.y() - 0.5)));
        }
    std::vector<cv::Point> outline;
    cv::convexHull(corners, outline);
    cv::fillConvexPoly(mask, outline, cv::Scalar(255));
  };
  fill(-0.5, 0.5, 0.2, -0.13, 0.15);
  fill(0.25, 0.35, 0.2, -0.2, 0);
  fill(-0.35, -0.25, 0.2, -0.2, 0);
  return mask;
}

struct Views {
  std::vector<cv::Mat> masks;
  std::vector<Camera> cameras;
  Views() {
    for (int slot = 0; slot < kSlots; ++slot) {
      cameras.push_back(turntable_camera({10, 3.2, 2.6}, azimuth_of(slot), kWidth, kHeight));
      masks.push_back(silhouette(cameras.back()));
    }
  }
};

// A spin as complete writes it: red vehicles, every third view generated.
fs::path spin_in(const fs::path& folder) {
  const Views views;
  ViewSet set;
  set.folder = folder / "car";
  set.id = "car";
  set.category = "sedan";
  set.width = kWidth;
  set.height = kHeight;
  make_folder(set.folder);
  for (int slot = 0; slot < kSlots; ++slot) {
    cv::Mat rgba(kHeight, kWidth, CV_8UC4, cv::Scalar(200, 20, 10, 255));
    cv::insertChannel(views.masks[static_cast<std::size_t>(slot)], rgba, 3);
    Frame frame;
    frame.file_path = fmt::format("{:03}.png", static_cast<int>(azimuth_of(slot)));
    frame.azimuth_deg = azimuth_of(slot);
    frame.camera = views.cameras[static_cast<std::size_t>(slot)];
    write_png(set.folder / frame.file_path, rgba);
    set.frames.push_back(frame);
  }
  Json description = transforms_to_json(set);
  for (std::size_t i = 0; i < set.frames.size(); ++i) description["frames"][i]["generated"] = i % 3 == 0;
  write_json_atomic(set.folder / "transforms.json", description);
  return set.folder;
}

TEST(GroundShadow, LiesUnderTheVehicleOnItsGround) {
  const Views views;
  const GroundShadow shadow(views.masks, views.cameras);
  EXPECT_NEAR(shadow.ground_z(), -0.2, 0.025);
  const Camera camera = turntable_camera({25, 3.2, 2.6}, 60, kWidth, kHeight);
  const cv::Mat darkness = shadow.darkness(camera);
  const auto at = [&](double x, double y) {
    const Eigen::Vector2d place = project(camera, {x, y, shadow.ground_z()});
    return darkness.at<float>(static_cast<int>(place.y()), static_cast<int>(place.x()));
  };
  EXPECT_GT(at(0, 0), 0.25F);
  EXPECT_GT(at(0.3, 0), at(0, 0) + 0.1F);  // under an axle
  EXPECT_LT(at(0, 0.45), 0.05F);           // beside it
  EXPECT_LT(at(0.72, 0), 0.05F);           // before it
  EXPECT_NEAR(at(0.3, 0.1), at(0.3, -0.1), 0.08F);
  double least = 0, most = 0;
  cv::minMaxLoc(darkness, &least, &most);
  EXPECT_GE(least, 0);
  EXPECT_LE(most, 1);
  // The nearer wheels stand lowest in the picture.
  EXPECT_NEAR(shadow.contact_row(camera), project(camera, {0.33, 0.2, shadow.ground_z()}).y(), 2.5);
  // Nothing above the horizon, and nothing for a camera below the ground.
  const cv::Mat level = shadow.darkness(turntable_camera({0, 3.2, 2.6}, 60, kWidth, kHeight));
  EXPECT_EQ(cv::norm(level.rowRange(0, kHeight / 2), cv::NORM_INF), 0);
  EXPECT_EQ(cv::norm(shadow.darkness(turntable_camera({-20, 3.2, 2.6}, 60, kWidth, kHeight)), cv::NORM_INF), 0);
  test::expect_error(ExitCode::runtime, {"at least one view"}, [] { GroundShadow({}, {}); });
}

TEST(Studio, PutsEveryViewIntoOneFrameOnOneBackground) {
  const test::TemporaryFolder folder;
  const fs::path spin = spin_in(folder.path());
  StudioOptions options;
  options.background = "#336699";
  options.width = 240;
  options.height = 180;
  options.fill = 0.9;
  options.ground.shadow = 0.5;
  const StudioSpin done = finish_in_studio(spin, folder / "out", options);
  EXPECT_EQ(done.files.size(), 8U);
  EXPECT_EQ(done.generated, (std::vector<std::string>{"000.png", "135.png", "270.png"}));
  int leftmost = 1000, rightmost = 0;
  for (const std::string& file : done.files) {
    const std::string bytes = read_file(folder / "out" / file);
    const cv::Mat picture = decode_picture(bytes, file);
    ASSERT_EQ(picture.size(), cv::Size(240, 180));
    EXPECT_EQ(picture.at<cv::Vec4b>(2, 2), cv::Vec4b(0x33, 0x66, 0x99, 255)) << file;
    EXPECT_EQ(xmp_of(bytes).empty(), std::ranges::count(done.generated, file) == 0) << file;
    cv::Mat red, darker;
    cv::inRange(picture, cv::Scalar(190, 0, 0, 0), cv::Scalar(210, 40, 40, 255), red);
    const cv::Rect box = cv::boundingRect(red);
    leftmost = std::min(leftmost, box.x);
    rightmost = std::max(rightmost, box.x + box.width);
    cv::inRange(picture, cv::Scalar(0, 0, 0, 0), cv::Scalar(0x2a, 0x55, 0x85, 255), darker);
    EXPECT_GT(cv::countNonZero(darker(cv::Rect(0, 90, 240, 90))), 50) << file;  // its shadow
  }
  EXPECT_NEAR(rightmost - leftmost, 0.9 * 240, 4);
  EXPECT_NEAR(leftmost + rightmost, 240, 4);
  // The cameras are those of the new pictures: the vehicle's outline lies where they see it.
  const ViewSet set = read_view_set(folder / "out");
  const Frame& side = *set.frame_at(2);
  const cv::Mat picture = read_picture(folder / "out" / side.file_path);
  const Eigen::Vector2d middle = project(*side.camera, {0, 0.2, 0.05}), above = project(*side.camera, {0, 0, 0.25});
  EXPECT_EQ(picture.at<cv::Vec4b>(static_cast<int>(middle.y()), static_cast<int>(middle.x()))[0], 200);
  EXPECT_EQ(picture.at<cv::Vec4b>(static_cast<int>(above.y()), static_cast<int>(above.x()))[0], 0x33);
  const Json description = read_json(folder / "out" / "transforms.json");
  EXPECT_EQ(description["background"], "#336699");
  EXPECT_EQ(description["frames"][0]["generated"], true);
  for (const char* file : {"spin.html", "embed.html", "contact_sheet.png", ".spinfill-output"})
    EXPECT_TRUE(fs::exists(folder / "out" / file)) << file;
}

TEST(Studio, FormatsAndTransparency) {
  const test::TemporaryFolder folder;
  const fs::path spin = spin_in(folder.path());
  for (const auto& [format, name] : std::initializer_list<std::pair<StudioFormat, std::string>>{
           {StudioFormat::png, "000.png"}, {StudioFormat::webp, "000.webp"}, {StudioFormat::avif, "000.avif"}}) {
    StudioOptions options;
    options.format = format;
    options.background = "transparent";
    options.quality = 95;
    finish_in_studio(spin, folder / name, options);
    const cv::Mat picture = read_picture(folder / name / name);
    EXPECT_LE(picture.at<cv::Vec4b>(1, 1)[3], 1) << name;
    EXPECT_GE(picture.at<cv::Vec4b>(kHeight / 2, kWidth / 2)[3], 254) << name;
    double most = 0;  // the shadow is black of some alpha
    for (int y = kHeight / 2; y < kHeight; ++y)
      for (int x = 0; x < kWidth; ++x) {
        const auto& p = picture.at<cv::Vec4b>(y, x);
        if (p[0] < 30) most = std::max<double>(most, p[3]);
      }
    EXPECT_GT(most, 40) << name;
  }
  StudioOptions jpeg;
  jpeg.format = StudioFormat::jpeg;
  finish_in_studio(spin, folder / "jpeg", jpeg);
  EXPECT_FALSE(xmp_of(read_file(folder / "jpeg" / "000.jpg")).empty());
  EXPECT_TRUE(xmp_of(read_file(folder / "jpeg" / "045.jpg")).empty());
  // A picture behind it, cut to the size.
  write_png(folder / "room.png", cv::Mat(50, 200, CV_8UC3, cv::Scalar(9, 99, 199)));
  StudioOptions room;
  room.background = (folder / "room.png").string();
  room.ground.kind = StudioGroundKind::none;
  finish_in_studio(spin, folder / "room", room);
  EXPECT_EQ(read_picture(folder / "room" / "045.png").at<cv::Vec4b>(2, 2), cv::Vec4b(9, 99, 199, 255));
  EXPECT_EQ(read_json(folder / "room" / "transforms.json")["background"], "room.png");
}

// Photographs under other exposures come out alike, and transforms.json says by how much each was changed.
TEST(Studio, MakesExposuresAlike) {
  const test::TemporaryFolder folder;
  const fs::path spin = spin_in(folder.path());
  const auto red = [&](const std::string& out, const std::string& file) {
    const cv::Mat picture = read_picture(folder / out / file);
    return static_cast<int>(picture.at<cv::Vec4b>(kHeight / 2, kWidth / 2)[0]);
  };
  StudioOptions options;
  options.ground.kind = StudioGroundKind::none;
  EXPECT_EQ(finish_in_studio(spin, folder / "same", options).exposure["before_stops"], 0);
  EXPECT_EQ(red("same", "045.png"), 200);
  EXPECT_FALSE(read_json(folder / "same" / "transforms.json")["frames"][1].contains("exposure"));

  write_png(spin / "045.png", with_gain(read_picture(spin / "045.png"), {-1, -1, -1}));
  const int dark = read_picture(spin / "045.png").at<cv::Vec4b>(kHeight / 2, kWidth / 2)[0];
  const StudioSpin done = finish_in_studio(spin, folder / "alike", options);
  EXPECT_LT(done.exposure["after_stops"], 0.1);
  EXPECT_NEAR(red("alike", "045.png"), red("alike", "090.png"), 4);
  const Json stops = read_json(folder / "alike" / "transforms.json")["frames"][1]["exposure"]["stops"];
  EXPECT_NEAR(stops.get<double>(), 7.0 / 8, 0.08);
  options.exposure = StudioExposure::given;
  finish_in_studio(spin, folder / "given", options);
  EXPECT_EQ(red("given", "045.png"), dark);
  EXPECT_EQ(red("given", "090.png"), 200);
}

TEST(Studio, APolishedFloorMirrorsTheVehicle) {
  const test::TemporaryFolder folder;
  const fs::path spin = spin_in(folder.path());
  StudioOptions options;
  options.background = "white";
  options.ground = {StudioGroundKind::reflection, 0, 0.5};
  finish_in_studio(spin, folder / "out", options);
  const ViewSet set = read_view_set(folder / "out");
  const Frame& side = *set.frame_at(2);
  const cv::Mat picture = read_picture(folder / "out" / side.file_path);
  const auto at = [&](double x, double z) {
    const Eigen::Vector2d place = project(*side.camera, {x, 0.2, z});
    return picture.at<cv::Vec4b>(static_cast<int>(place.y()), static_cast<int>(place.x()));
  };
  const auto tint = [](const cv::Vec4b& pixel) { return pixel[0] - pixel[2]; };  // the vehicle is red, the floor white
  EXPECT_GT(tint(at(0.3, -0.24)), 40) << "a wheel";
  EXPECT_GT(tint(at(0.3, -0.24)), tint(at(0.3, -0.32)) + 10) << "fades";
  EXPECT_LT(tint(at(0.75, -0.25)), 4) << "beside it";
  EXPECT_GT(at(0.75, -0.25)[1], 250);
  options.ground.kind = StudioGroundKind::none;
  finish_in_studio(spin, folder / "none", options);
  const cv::Mat bare = read_picture(folder / "none" / side.file_path);
  const Eigen::Vector2d place = project(*side.camera, {0.3, 0.2, -0.26});
  EXPECT_EQ(bare.at<cv::Vec4b>(static_cast<int>(place.y()), static_cast<int>(place.x()))[2], 255);
  // A camera below the ground sees no floor.
  std::vector<Frame> frames;
  std::vector<cv::Mat> pictures;
  std::vector<PhotoView> views;
  const Views boxes;
  for (std::size_t i = 0; i < boxes.masks.size(); ++i) {
    frames.emplace_back().camera = boxes.cameras[i];
    cv::Mat& rgba = pictures.emplace_back(kHeight, kWidth, CV_8UC4, cv::Scalar(200, 20, 10, 255));
    cv::insertChannel(boxes.masks[i], rgba, 3);
  }
  for (std::size_t i = 0; i < frames.size(); ++i) views.push_back({&frames[i], &pictures[i]});
  const GroundReflection floor(views, kWidth, kHeight, -0.2);
  const cv::Mat below = floor.seen_from(turntable_camera({-20, 3.2, 2.6}, 60, kWidth, kHeight), 0.5);
  EXPECT_EQ(cv::norm(below.reshape(1), cv::NORM_INF), 0);
  test::expect_error(ExitCode::runtime, {"at least one view"}, [] { GroundReflection({}, kWidth, kHeight, 0); });
}

TEST(Studio, FilmsShowOneTurn) {
  const test::TemporaryFolder folder;
  const fs::path spin = spin_in(folder.path());
  StudioOptions options;
  options.films.formats = {FilmFormat::mp4, FilmFormat::gif};
  options.films.seconds = 2;
  const StudioSpin done = finish_in_studio(spin, folder / "out", options);
  EXPECT_EQ(done.films, (std::vector<std::string>{"spin.mp4", "spin.gif"}));
  for (const std::string& name : done.films) EXPECT_FALSE(xmp_of(read_file(folder / "out" / name)).empty()) << name;
  FilmReader film(folder / "out" / "spin.mp4");
  EXPECT_EQ(film.width(), kWidth);
  int count = 0;
  for (; film.next(); ++count) {
    if (count % 10 != 3) continue;
    const cv::Mat rgb = film.picture();
    const std::string file = fmt::format("{:03}.png", static_cast<int>(azimuth_of(std::min(7, count * kSlots / 50))));
    cv::Mat shown;
    cv::cvtColor(read_picture(folder / "out" / file), shown, cv::COLOR_RGBA2RGB);
    EXPECT_LT(cv::norm(rgb, shown, cv::NORM_L1) / static_cast<double>(shown.total() * 3), 5) << count;
  }
  EXPECT_EQ(count, 50);
  finish_in_studio(spin, folder / "again", options);
  for (const std::string& name : {done.files[2], done.films[0], done.films[1]})
    EXPECT_TRUE(read_file(folder / "out" / name) == read_file(folder / "again" / name)) << name;
}

TEST(Studio, BadInputIsOneLineAndNothingIsWritten) {
  const test::TemporaryFolder folder;
  const fs::path spin = spin_in(folder.path()), out = folder / "out";
  const auto refuse = [&](ExitCode code, const std::vector<std::string>& texts, auto&& change) {
    StudioOptions options;
    change(options);
    test::expect_error(code, texts, [&] { finish_in_studio(spin, out, options); });
    EXPECT_FALSE(fs::exists(out));
  };
  refuse(ExitCode::usage, {"--background", "mauve"}, [](StudioOptions& o) { o.background = "mauve"; });
  refuse(ExitCode::usage, {"--background", "#12345"}, [](StudioOptions& o) { o.background = "#12345"; });
  refuse(ExitCode::usage, {"transparent", "JPEG"}, [](StudioOptions& o) {
    o.background = "transparent";
    o.format = StudioFormat::jpeg;
  });
  refuse(ExitCode::usage, {"--shadow", "1.5"}, [](StudioOptions& o) { o.ground.shadow = 1.5; });
  refuse(ExitCode::usage, {"--reflection", "-1"}, [](StudioOptions& o) { o.ground.reflection = -1; });
  refuse(ExitCode::usage, {"--film-seconds"}, [](StudioOptions& o) { o.films.seconds = 0; });
  refuse(ExitCode::usage, {"--film-fps"}, [](StudioOptions& o) { o.films.pictures_per_second = 600; });
  refuse(ExitCode::usage, {"--film-width"}, [](StudioOptions& o) { o.films.width = 5; });
  refuse(ExitCode::usage, {"--film", "twice"}, [](StudioOptions& o) {
    o.films.formats = {FilmFormat::gif, FilmFormat::gif};
  });
  refuse(ExitCode::usage, {"transparent", "--film"}, [](StudioOptions& o) {
    o.background = "transparent";
    o.films.formats = {FilmFormat::gif};
  });
  refuse(ExitCode::usage, {"--fill"}, [](StudioOptions& o) { o.fill = 0; });
  refuse(ExitCode::usage, {"--size 8x8"}, [](StudioOptions& o) { o.width = o.height = 8; });
  write_file_atomic(folder / "notes.png", "no picture");
  refuse(ExitCode::runtime, {"notes.png"}, [&](StudioOptions& o) { o.background = (folder / "notes.png").string(); });
  Json description = read_json(spin / "transforms.json");
  description["frames"][3].erase("generated");
  write_json_atomic(spin / "transforms.json", description);
  refuse(ExitCode::runtime, {"135.png", "spinfill complete"}, [](StudioOptions&) {});
  description["frames"][3]["generated"] = false;
  for (Json& frame : description["frames"]) frame.erase("transform_matrix");
  write_json_atomic(spin / "transforms.json", description);
  refuse(ExitCode::runtime, {"no camera"}, [](StudioOptions&) {});
  test::expect_error(ExitCode::usage, {"overlaps"}, [&] { finish_in_studio(spin, spin, {}); });
}

TEST(Studio, TheSweepBendsAtTheHorizon) {
  const StudioBackground background("studio", kWidth, kHeight);
  const Camera low = turntable_camera({0, 3.2, 2.6}, 0, kWidth, kHeight),
               high = turntable_camera({12, 3.2, 2.6}, 0, kWidth, kHeight);
  const auto row_of = [&](const Camera& camera, float light) {
    const cv::Mat picture = background.picture(camera);
    int row = 0;
    while (row < picture.rows && picture.at<cv::Vec3f>(row, 5)[0] > light) ++row;
    return row;
  };
  EXPECT_NEAR(row_of(low, 0.93F), kHeight / 2, 2);
  EXPECT_LT(row_of(high, 0.93F), kHeight / 2 - 10);  // the horizon rises as the camera looks down
}

}  // namespace
}  // namespace spinfill

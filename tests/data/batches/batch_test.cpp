// SPDX-License-Identifier: Apache-2.0
#include "data/batches/batch.h"

#include <ATen/ATen.h>

#include <array>
#include <map>
#include <set>

#include <Eigen/LU>
#include <opencv2/imgcodecs.hpp>

#include "core/files/files.h"
#include "core/tensors/safetensors.h"
#include "data/batches/make_batch.h"
#include "data/batches/model_pictures.h"
#include "data/batches/samples.h"
#include "data/open_data_set.h"
#include "data/pictures/picture.h"
#include "data/sets/content.h"
#include "data/sets/view_set_reader.h"
#include "data/sets/view_set_writer.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

using test::expect_error;
using test::TemporaryFolder;

DataConfig small_config() {
  DataConfig config;
  config.width = 48;
  config.height = 32;
  return config;
}

AugmentConfig no_augmentation() {
  return {.mirror = 0, .plain_background = 0, .brightness = 0, .contrast = 0, .saturation = 0, .hue = 0};
}

SampleSpec spec_of(Slots targets, Augmentation augmentation = {}) {
  SampleSpec spec;
  spec.references = ~targets;
  spec.targets = targets;
  spec.augmentation = augmentation;
  return spec;
}

class BatchTest : public testing::Test {
 protected:
  DataSet one_set(const test::TinySetOptions& options = {}) {
    test::write_tiny_set(folder_ / options.id, options);
    return {folder_.path(), {read_view_set(folder_ / options.id)}};
  }
  Batch make(const DataSet& data, const SampleSpec& spec, const DataConfig& config = small_config()) {
    return make_batch(data, std::span(&spec, 1), config);
  }
  TemporaryFolder folder_;
};

// A target's own error would teach nothing but blur.
TEST_F(BatchTest, CameraErrorsAreThoseOfReferences) {
  const DataSet data = one_set();
  Augmentation noisy;
  for (ViewCorrection& error : noisy.camera_errors.emplace()) error.azimuth = 0.05;
  const Batch exact = make(data, spec_of(Slots(0b00100010))), batch = make(data, spec_of(Slots(0b00100010), noisy));
  for (int slot = 0; slot < 8; ++slot) {
    const bool moved = !at::equal(batch.vehicle_from_camera[0][slot], exact.vehicle_from_camera[0][slot]);
    EXPECT_EQ(moved, slot != 1 && slot != 5) << slot;
  }
}

TEST_F(BatchTest, HoldsPicturesCamerasAndRoles) {
  const DataSet data = one_set({.category = "jeep"});
  const Batch batch = make(data, spec_of(Slots(0b00100010)));
  EXPECT_EQ(batch.size(), 1);
  EXPECT_EQ(batch.colour.sizes(), (at::IntArrayRef{1, 8, 3, 32, 48}));
  EXPECT_EQ(batch.alpha.sizes(), (at::IntArrayRef{1, 8, 1, 32, 48}));
  EXPECT_EQ(batch.category.item<std::int64_t>(), 3);
  EXPECT_FALSE(batch.identity.defined());
  EXPECT_FALSE(batch.priors.silhouette.defined());
  const auto to_bits = [](const at::Tensor& flags) {
    unsigned bits = 0;
    for (int i = 0; i < 8; ++i) bits |= flags[0][i].item<bool>() ? 1U << i : 0;
    return bits;
  };
  EXPECT_EQ(to_bits(batch.is_target), 0b00100010U);
  EXPECT_EQ(to_bits(batch.is_reference), 0b11011101U);
  EXPECT_EQ(batch.azimuth_deg[0][5].item<double>(), 225);
  const Camera& camera = *data.view_set(0)->frames[5].camera;
  EXPECT_EQ(batch.vehicle_from_camera[0][5][1][3].item<double>(), camera.vehicle_from_camera(1, 3));
  EXPECT_EQ(batch.intrinsics[0][5][0].item<double>(), camera.fl_x);
  const cv::Mat picture = read_picture(data.view_set(0)->folder / "225.png");
  for (int y = 0; y < 32; ++y) {
    for (int x = 0; x < 48; ++x) {
      const auto& p = picture.at<cv::Vec4b>(y, x);
      const double a = p[3] / 255.0;
      ASSERT_NEAR(batch.alpha[0][5][0][y][x].item<double>(), a, 1e-6);
      ASSERT_NEAR(batch.colour[0][5][0][y][x].item<double>(), p[0] / 255.0 * a + (1 - a), 0.51 / 255);
    }
  }
  const PriorInputs inputs = batch.prior_inputs();
  EXPECT_TRUE(inputs.colour.is_same(batch.colour));
  EXPECT_TRUE(inputs.is_reference.is_same(batch.is_reference));
  EXPECT_TRUE(inputs.intrinsics.is_same(batch.intrinsics));
}

// Alpha is coverage: a half-covered black pixel over white is mid-grey, without a halo of the hidden colour.
TEST_F(BatchTest, HalfCoveredPixelsAreComposited) {
  DataSet data = one_set();
  cv::Mat picture(32, 48, CV_8UC4, cv::Scalar(255, 0, 255, 0));  // magenta where nothing is
  picture.at<cv::Vec4b>(16, 24) = cv::Vec4b(0, 0, 0, 128);
  picture.at<cv::Vec4b>(16, 25) = cv::Vec4b(0, 255, 0, 255);
  write_png(data.view_set(0)->folder / "000.png", picture);
  DataConfig config = small_config();
  config.background = {1.0, 0.5, 0.25};
  const Batch batch = make(data, spec_of(Slots(2)), config);
  const auto colour = [&](int x, int c) { return batch.colour[0][0][c][16][x].item<double>(); };
  const double rest = 1 - 128 / 255.0;
  EXPECT_NEAR(colour(24, 0), rest * 1.0, 1e-6);
  EXPECT_NEAR(colour(24, 1), rest * 0.5, 1e-6);
  EXPECT_NEAR(colour(24, 2), rest * 0.25, 1e-6);
  EXPECT_NEAR(colour(25, 1), 1.0, 1e-6);
  EXPECT_NEAR(colour(0, 1), 0.5, 1e-6);
  EXPECT_NEAR(batch.alpha[0][0][0][16][24].item<double>(), 128 / 255.0, 1e-6);
}

TEST_F(BatchTest, MirroringSwapsSidesFlipsPicturesAndCameras) {
  const DataSet data = one_set();
  const Batch plain = make(data, spec_of(Slots(2)));
  const Batch mirrored = make(data, spec_of(Slots(0b10000000), {.mirror = true}));
  for (int slot = 0; slot < 8; ++slot) {
    const int twin = (8 - slot) % 8;
    EXPECT_TRUE(at::equal(mirrored.colour[0][slot], plain.colour[0][twin].flip({-1})));
    EXPECT_TRUE(at::equal(mirrored.alpha[0][slot], plain.alpha[0][twin].flip({-1})));
    EXPECT_EQ(mirrored.azimuth_deg[0][slot].item<double>(), 45 * slot);
    EXPECT_EQ(mirrored.is_target[0][slot].item<bool>(), plain.is_target[0][twin].item<bool>());
    Camera camera;
    camera.vehicle_from_camera = Eigen::Map<Eigen::Matrix<double, 4, 4, Eigen::RowMajor>>(
        mirrored.vehicle_from_camera[0][slot].data_ptr<double>());
    EXPECT_NEAR(std::remainder(viewing_direction(camera).azimuth_deg - 45.0 * slot, 360.0), 0, 1e-9);
  }
}

// Written out mirrored and mirrored again by the batch, a set is bit for bit what it was.
TEST_F(BatchTest, MirroredTwiceIsTheIdentity) {
  const DataSet data = one_set({.width = 47});
  ViewSet twin = *data.view_set(0);
  twin.folder = folder_ / "twin";
  make_folder(twin.folder);
  twin.frames.clear();
  for (const Frame& frame : data.view_set(0)->frames) {
    const cv::Mat picture = read_picture(data.view_set(0)->folder / frame.file_path);
    cv::Mat flipped(picture.size(), picture.type());
    for (int y = 0; y < picture.rows; ++y) {
      for (int x = 0; x < picture.cols; ++x)
        flipped.at<cv::Vec4b>(y, x) = picture.at<cv::Vec4b>(y, picture.cols - 1 - x);
    }
    Frame other = frame;
    other.azimuth_deg = frame.azimuth_deg > 0 ? 360 - frame.azimuth_deg : 0;
    other.camera = mirrored(*frame.camera);
    write_png(twin.folder / frame.file_path, flipped);
    twin.frames.push_back(other);
  }
  write_transforms(twin);
  const DataSet twins{folder_.path(), {read_view_set(twin.folder)}};
  DataConfig config = small_config();
  config.width = 47;
  const Batch plain = make(data, spec_of(Slots(6)), config),
              twice = make(twins, spec_of(Slots(6), {.mirror = true}), config);
  EXPECT_TRUE(at::equal(plain.colour, twice.colour));
  EXPECT_TRUE(at::equal(plain.alpha, twice.alpha));
  EXPECT_TRUE(at::equal(plain.azimuth_deg, twice.azimuth_deg));
  EXPECT_TRUE(at::equal(plain.vehicle_from_camera, twice.vehicle_from_camera));
  EXPECT_TRUE(at::equal(plain.intrinsics, twice.intrinsics));
}

TEST_F(BatchTest, BackgroundAndColourJitterAreCommonToTheSetAndLeaveAlphaAlone) {
  const DataSet data = one_set();
  const Batch plain = make(data, spec_of(Slots(2)));
  const std::array<float, 3> blue = {0.1F, 0.2F, 0.9F};
  const Batch on_blue = make(data, spec_of(Slots(2), {.background = blue}));
  const at::Tensor rest = 1 - plain.alpha;
  for (int c = 0; c < 3; ++c) {
    const at::Tensor expected = plain.colour.select(2, c) - rest.select(2, 0) * (1 - blue[static_cast<std::size_t>(c)]);
    EXPECT_TRUE(at::allclose(on_blue.colour.select(2, c), expected, 0, 1e-6));
    EXPECT_EQ(on_blue.background[0][c].item<float>(), blue[static_cast<std::size_t>(c)]);
  }
  const Batch darker = make(data, spec_of(Slots(2), {.colour = colour_map(0.5, 1, 1, 0)}));
  EXPECT_TRUE(at::equal(darker.alpha, plain.alpha));
  EXPECT_TRUE(at::allclose(darker.colour, 0.5 * (plain.colour - rest) + rest, 0, 1e-6));  // background stays white
}

TEST(ColourMap, KnownValues) {
  const auto apply = [](const ColourMap& map, std::array<float, 3> c) {
    std::array<double, 3> out{};
    for (std::size_t i = 0; i < 3; ++i) out[i] = map[i][0] * c[0] + map[i][1] * c[1] + map[i][2] * c[2] + map[i][3];
    return out;
  };
  const auto contrast = apply(colour_map(1, 2, 1, 0), {0.5F, 0.6F, 0.25F});
  EXPECT_NEAR(contrast[0], 0.5, 1e-6);
  EXPECT_NEAR(contrast[1], 0.7, 1e-6);
  EXPECT_NEAR(contrast[2], 0.0, 1e-6);
  const auto grey = apply(colour_map(1, 1, 0, 0), {1, 0, 0});
  for (const double channel : grey) EXPECT_NEAR(channel, 0.299, 1e-6);
  const auto turned = apply(colour_map(1, 1, 1, 1.0 / 3), {1, 0, 0});  // red becomes green
  EXPECT_NEAR(turned[0], 0, 1e-6);
  EXPECT_NEAR(turned[1], 1, 1e-6);
  const auto still = apply(colour_map(1, 1, 1, 0), {0.3F, 0.5F, 0.7F});
  EXPECT_NEAR(still[2], 0.7, 1e-6);
}

TEST(Augmentation, IsPureSwitchableAndOfTheStatedShare) {
  int mirrors = 0, backgrounds = 0;
  for (std::uint64_t sample = 0; sample < 4000; ++sample) {
    const Augmentation draw = draw_augmentation({}, 4, sample), again = draw_augmentation({}, 4, sample);
    EXPECT_EQ(draw.mirror, again.mirror);
    EXPECT_EQ(draw.background, again.background);
    EXPECT_EQ(draw.colour, again.colour);
    mirrors += draw.mirror ? 1 : 0;
    backgrounds += draw.background ? 1 : 0;
    // Off is off, and the others do not shift.
    AugmentConfig without_mirror;
    without_mirror.mirror = 0;
    const Augmentation other = draw_augmentation(without_mirror, 4, sample);
    EXPECT_FALSE(other.mirror);
    EXPECT_EQ(other.background, draw.background);
    EXPECT_EQ(other.colour, draw.colour);
    const Augmentation none = draw_augmentation(no_augmentation(), 4, sample);
    EXPECT_FALSE(none.mirror || none.background || none.colour);
  }
  EXPECT_NEAR(mirrors, 2000, 130);  // 4 σ
  EXPECT_NEAR(backgrounds, 2000, 130);
}

TEST_F(BatchTest, SetsWithoutCamerasStandOnTheTurntable) {
  const DataSet data = one_set({.cameras = false});
  DataConfig config = small_config();
  config.turntable.turntable = {.elevation_deg = 10, .distance = 4, .focal = 2};
  const Batch batch = make(data, spec_of(Slots(2)), config);
  const Camera expected = turntable_camera(config.turntable.turntable, 90, 48, 32);
  EXPECT_NEAR(batch.vehicle_from_camera[0][2][1][3].item<double>(), expected.vehicle_from_camera(1, 3), 1e-12);
  EXPECT_EQ(batch.intrinsics[0][2][0].item<double>(), 96);
}

TEST_F(BatchTest, TargetsWithoutAPictureGetTheCameraTurnedFromTheNearest) {
  const DataSet data = one_set({.slots = {0, 2, 3, 4, 5, 6, 7}});
  SampleSpec spec = spec_of(Slots(2));
  const Batch batch = make(data, spec);
  const Camera expected = turntable_camera(test::tiny_turntable({}), 45, 48, 32);
  for (int r = 0; r < 4; ++r) {
    for (int c = 0; c < 4; ++c) {
      EXPECT_NEAR(batch.vehicle_from_camera[0][1][r][c].item<double>(), expected.vehicle_from_camera(r, c), 1e-12);
    }
  }
  EXPECT_EQ(batch.azimuth_deg[0][1].item<double>(), 45);
  EXPECT_TRUE(batch.is_target[0][1].item<bool>());
  EXPECT_EQ(batch.alpha[0][1].max().item<float>(), 0);
  EXPECT_EQ(batch.colour[0][1].min().item<float>(), 1);
  std::swap(spec.references, spec.targets);
  expect_error(ExitCode::runtime, {"tiny", "no picture"}, [&] { make(data, spec); });
  spec.references = spec.targets;
  expect_error(ExitCode::runtime, {"reference and target"}, [&] { make(data, spec); });
}

TEST_F(BatchTest, PicturesOfAnotherShapeAreLetterboxedWithTheirCameras) {
  const DataSet data = one_set({.width = 96, .height = 48});
  const Batch batch = make(data, spec_of(Slots(2)));
  EXPECT_EQ(batch.colour.size(3), 32);
  EXPECT_EQ(batch.alpha.narrow(3, 0, 4).max().item<float>(), 0);  // 24 of 32 rows are the picture
  EXPECT_EQ(batch.alpha.narrow(3, 28, 4).max().item<float>(), 0);
  EXPECT_EQ(batch.alpha.max().item<float>(), 1);
  const Camera& camera = *data.view_set(0)->frames[0].camera;
  EXPECT_EQ(batch.intrinsics[0][0][0].item<double>(), camera.fl_x / 2);
  EXPECT_EQ(batch.intrinsics[0][0][2].item<double>(), 24);
  EXPECT_EQ(batch.intrinsics[0][0][3].item<double>(), 16);
}

TEST_F(BatchTest, MaskFilesReplaceAlpha) {
  ViewSet set = *one_set().view_set(0);
  cv::Mat mask(32, 48, CV_8UC1, cv::Scalar(0));
  mask.at<unsigned char>(10, 20) = 200;
  write_png(set.folder / "mask.png", mask);
  set.frames[0].mask_file_path = "mask.png";
  const Batch batch = make({folder_.path(), {set}}, spec_of(Slots(2)));
  EXPECT_NEAR(batch.alpha[0][0][0][10][20].item<double>(), 200 / 255.0, 1e-6);
  EXPECT_NEAR(batch.alpha[0][0].sum().item<double>(), 200 / 255.0, 1e-6);
}

TEST_F(BatchTest, IdentityVectorsAreReadAndChecked) {
  const ViewSet a = *one_set({.id = "a", .identity = {1, 2, 3}}).view_set(0);
  test::write_tiny_set(folder_ / "b", {.id = "b"});
  DataSet data(folder_.path(), {a, read_view_set(folder_ / "b")});
  std::vector<SampleSpec> specs(2, spec_of(Slots(2)));
  specs[1].set = 1;
  const Batch batch = make_batch(data, specs, small_config());
  EXPECT_EQ(batch.identity.sizes(), (at::IntArrayRef{2, 3}));
  EXPECT_EQ(batch.identity[0][2].item<float>(), 3);
  EXPECT_EQ(batch.identity[1].abs().max().item<float>(), 0);
  test::write_tiny_set(folder_ / "c", {.id = "c", .identity = {1, 2}});
  data = DataSet(folder_.path(), {a, read_view_set(folder_ / "c")});
  expect_error(ExitCode::runtime, {"identity.safetensors", "2 numbers"},
               [&] { make_batch(data, specs, small_config()); });
  write_safetensors(folder_ / "c/identity.safetensors", {{"other", at::ones({3})}});
  expect_error(ExitCode::runtime, {"identity.safetensors", "'identity'"},
               [&] { make_batch(data, specs, small_config()); });
}

TEST_F(BatchTest, BrokenFilesFailByName) {
  const DataSet data = one_set();
  const fs::path path = data.view_set(0)->folder / "090.png";
  const std::string bytes = read_file(path);
  write_file_atomic(path, std::string_view(bytes).substr(0, bytes.size() / 2));
  expect_error(ExitCode::runtime, {"tiny/090.png"}, [&] { make(data, spec_of(Slots(2))); });
  write_png(path, cv::Mat(8, 8, CV_8UC4, cv::Scalar::all(9)));
  expect_error(ExitCode::runtime, {"tiny/090.png", "8x8", "48x32"}, [&] { make(data, spec_of(Slots(2))); });
  fs::remove(path);
  expect_error(ExitCode::runtime, {"tiny/090.png"}, [&] { make(data, spec_of(Slots(2))); });
}

TEST_F(BatchTest, TheCacheDecodesOnceAndChangesNothing) {
  const DataSet data = one_set();
  const std::vector<SampleSpec> specs = {spec_of(Slots(2)), spec_of(Slots(4), {.mirror = true})};
  PictureCache cache(1 << 20), tiny(3 * 48 * 32 * 4);
  const Batch plain = make_batch(data, specs, small_config());
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(at::equal(make_batch(data, specs, small_config(), &cache).colour, plain.colour));
    EXPECT_TRUE(at::equal(make_batch(data, specs, small_config(), &tiny).colour, plain.colour));
  }
  const ViewSet& set = *data.view_set(0);
  const auto kept = [&](PictureCache& from) {
    int same = 0;
    for (int slot = 0; slot < kSlots; ++slot)
      same += from.picture(set, 0, slot, small_config()) == from.picture(set, 0, slot, small_config());
    return same;
  };
  EXPECT_EQ(kept(cache), 8);
  EXPECT_EQ(kept(tiny), 3);
}

// Each of another run: nothing in memory, the folder's entries alone.
TEST_F(BatchTest, TheStoreServesOtherRunsAndNoticesEditedPictures) {
  const DataSet data = one_set();
  DataConfig config = small_config();
  config.loader.cache_folder = (folder_ / "store").string();
  const SampleSpec spec = spec_of(Slots(2));
  const auto counts = [&](const DataConfig& own) {
    const auto store = open_store(own);
    PictureCache cache(1 << 20, store);
    const Batch batch = make_batch(data, std::span(&spec, 1), own, &cache), plain = make(data, spec, own);
    EXPECT_TRUE(at::equal(batch.colour, plain.colour));
    EXPECT_TRUE(at::equal(batch.alpha, plain.alpha));
    return std::pair(store->found(), store->missed());
  };
  using Counts = std::pair<std::int64_t, std::int64_t>;
  EXPECT_EQ(counts(config), Counts(0, 8));
  EXPECT_EQ(counts(config), Counts(8, 0));
  DataConfig smaller = config;
  smaller.height = 24;
  EXPECT_EQ(counts(smaller), Counts(0, 8));
  // Edited in place, without a change of name, size or time.
  const fs::path path = data.view_set(0)->folder / "090.png";
  const auto time = fs::last_write_time(path);
  write_png(path, test::render_tiny_vehicle(*data.view_set(0)->frame_at(2)->camera, 77));
  fs::last_write_time(path, time);
  EXPECT_EQ(counts(config), Counts(7, 1));
  EXPECT_EQ(counts(config), Counts(8, 0));
}

TEST_F(BatchTest, TrainingSamplesArePure) {
  test::write_tiny_data_set(folder_.path(), 5);
  const DataSet data = open_data_set(folder_.path(), "train");
  const DataConfig config = small_config();
  std::set<std::int64_t> sets;
  for (std::int64_t i = 30; i < 33; ++i) {
    const SampleSpec a = training_sample(data, config, 8, i), b = training_sample(data, config, 8, i);
    EXPECT_EQ(a.set, b.set);
    EXPECT_EQ(a.targets, b.targets);
    EXPECT_EQ(a.augmentation.mirror, b.augmentation.mirror);
    EXPECT_EQ(a.sample, i);
    EXPECT_TRUE((a.references & a.targets).none());
    sets.insert(a.set);
  }
  EXPECT_EQ(sets.size(), 3U);  // an epoch
}

TEST_F(BatchTest, EvaluationSamplesAreFixedAndEven) {
  test::write_tiny_set(folder_ / "tiny");
  const ViewSet set = read_view_set(folder_ / "tiny");
  const DataSet data{folder_.path(), std::vector<ViewSet>(24, set)};
  const auto list = evaluation_samples(data, small_config(), 1), again = evaluation_samples(data, small_config(), 1);
  ASSERT_EQ(list.size(), 72U);
  std::map<std::size_t, std::array<int, 8>> of_count;
  for (std::size_t i = 0; i < list.size(); ++i) {
    EXPECT_EQ(list[i].sample, static_cast<std::int64_t>(i));
    EXPECT_EQ(list[i].targets, again[i].targets);
    EXPECT_FALSE(list[i].augmentation.mirror || list[i].augmentation.background || list[i].augmentation.colour);
    EXPECT_EQ(list[i].set, static_cast<std::int64_t>(i / 3));
    for (std::size_t s = 0; s < 8; ++s) of_count[list[i].targets.count()][s] += list[i].targets[s] ? 1 : 0;
  }
  for (const auto& [count, slots] : of_count) {
    for (const int n : slots) EXPECT_NEAR(n, 3.0 * static_cast<double>(count), 1) << count;
  }
  EXPECT_EQ(evaluation_samples(data, small_config(), 1, 4).size(), 288U);
}

// Depth of targets at the model's size, from a set twice as large; mirrored as its picture is.
TEST_F(BatchTest, TargetsHaveDepthWhereItIsAskedFor) {
  const DataSet plain = one_set();
  ViewSet set = *plain.view_set(0);
  cv::Mat values(set.height, set.width, CV_16U, cv::Scalar(0));
  for (int y = 0; y < set.height; ++y)
    for (int x = 0; x < set.width; ++x) values.at<std::uint16_t>(y, x) = static_cast<std::uint16_t>(100 * x + y);
  ASSERT_TRUE(cv::imwrite((set.folder / "depth.png").string(), values));
  set.depth_scale = 1000;
  for (Frame& frame : set.frames) frame.depth_file_path = "depth.png";
  write_transforms(set);
  const DataSet data(folder_.path(), {read_view_set(set.folder)});
  SampleSpec spec = spec_of(Slots(0b00010000));
  EXPECT_FALSE(make(data, spec).depth.defined());
  spec.depth = true;
  DataConfig config = small_config();
  config.width = set.width / 2;
  config.height = set.height / 2;
  const at::Tensor depth = make(data, spec, config).depth;
  const int row = set.height / 4;
  for (int x = 0; x < set.width / 2; ++x)
    EXPECT_NEAR(depth[0][4][0][row][x].item<float>(), 0.1 * (2 * x + 1) + 0.001 * (2 * row + 1), 1e-5) << x;
  EXPECT_EQ(depth[0][0].abs().max().item<float>(), 0) << "a reference";
  spec.augmentation.mirror = true;
  EXPECT_TRUE(make(data, spec, config).depth[0][4].equal(depth[0][4].flip(2)));

  const DataContent plain_content = content_of(data), with_depth = content_of(data, {.depth = true});
  cv::imwrite((set.folder / "depth.png").string(), cv::Mat(values.rows, values.cols, CV_8U, cv::Scalar(9)));
  EXPECT_EQ(difference(plain_content, content_of(data)), "") << "a run that does not read depth goes on";
  EXPECT_NE(difference(with_depth, content_of(data, {.depth = true})), "");
  expect_error(ExitCode::runtime, {"is not a grey picture of 16 bits"}, [&] { make(data, spec, config); });
  write_file_atomic(set.folder / "depth.png", "no picture");
  expect_error(ExitCode::runtime, {"depth.png"}, [&] { make(data, spec, config); });
  set.depth_scale = 0;
  write_transforms(set);
  const DataSet unscaled(folder_.path(), {read_view_set(set.folder)});
  expect_error(ExitCode::runtime, {"has no depth_scale of the set"}, [&] { make(unscaled, spec, config); });
  config.depth = true;
  expect_error(ExitCode::runtime, {"has no depth_scale of the set"}, [&] { require_depth(unscaled, config); });
  require_depth(data, config);
  set.depth_scale = 1000;
  set.cameras_estimated = true;
  const DataSet estimated(folder_.path(), {set});
  expect_error(ExitCode::runtime, {"its cameras are an estimate"}, [&] { require_depth(estimated, config); });
  for (Frame& frame : set.frames) frame.depth_file_path.clear();
  EXPECT_FALSE(transforms_to_json(set).contains("depth_scale")) << "of no depth picture";
}

}  // namespace
}  // namespace spinfill

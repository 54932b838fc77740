// SPDX-License-Identifier: Apache-2.0
#include "data/identity/reference_identity.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <cmath>

#include "core/files/files.h"
#include "core/files/json.h"
#include "core/side_by_side.h"
#include "data/batches/make_batch.h"
#include "data/identity/vehicle_crop.h"
#include "data/pictures/picture.h"
#include "data/sets/set_pictures.h"
#include "data/sets/view_set_reader.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill {
namespace {

using test::expect_error;

// The tiny network of tests/fixtures/metrics/make_identity.py: six numbers of 16×12 px.
DataConfig told_by_network() {
  DataConfig config;
  config.width = 48;
  config.height = 32;
  config.identity.model = test::fixture("metrics/identity.onnx").string();
  config.identity.width = 16;
  config.identity.height = 12;
  config.identity.mean = {.48, .45, .40};
  config.identity.std = {.22, .23, .25};
  return config;
}

std::shared_ptr<const IdentityModel> network() {
  return IdentityModel::load(told_by_network().identity, "data.identity");
}

SampleSpec given(Slots references, Augmentation augmentation = {}) {
  SampleSpec spec;
  spec.references = references;
  spec.targets = ~references;
  spec.augmentation = augmentation;
  return spec;
}

class ReferenceIdentity : public testing::Test {
 protected:
  DataSet one_set(const test::TinySetOptions& options = {}) {
    test::write_tiny_set(folder_ / options.id, options);
    return {folder_.path(), {read_view_set(folder_ / options.id)}};
  }
  static at::Tensor vector_of(const DataSet& data, const SampleSpec& spec,
                              const DataConfig& config = told_by_network()) {
    return make_batch(data, std::span(&spec, 1), config).identity[0];
  }
  // The picture of a slot, changed.
  void paint(const DataSet& data, int slot) const {
    const auto set = data.view_set(0);
    cv::Mat picture = read_masked_picture(*set, *set->frame_at(slot));
    for (auto pixel = picture.begin<cv::Vec4b>(); pixel != picture.end<cv::Vec4b>(); ++pixel)
      std::swap((*pixel)[0], (*pixel)[2]);
    write_png(set->folder / set->frame_at(slot)->file_path, picture);
  }
  test::TemporaryFolder folder_;
};

// Box, white ground, mean and length in plain loops.
TEST_F(ReferenceIdentity, IsTheMeanOfTheReferencesEmbeddings) {
  const DataSet data = one_set();
  const auto set = data.view_set(0);
  const auto net = network();
  EXPECT_EQ(net->dimensions(), 6);
  std::vector<double> sum(6);
  for (const int slot : {1, 4, 6}) {
    const cv::Mat rgba = read_masked_picture(*set, *set->frame_at(slot));
    int left = rgba.cols, right = -1, top = rgba.rows, bottom = -1;
    for (int y = 0; y < rgba.rows; ++y) {
      for (int x = 0; x < rgba.cols; ++x) {
        if (rgba.at<cv::Vec4b>(y, x)[3] < 128) continue;
        left = std::min(left, x), right = std::max(right, x), top = std::min(top, y), bottom = std::max(bottom, y);
      }
    }
    const int across = static_cast<int>(std::lround(0.04 * (right - left + 1))),
              down = static_cast<int>(std::lround(0.04 * (bottom - top + 1)));
    left = std::max(0, left - across), right = std::min(rgba.cols - 1, right + across);
    top = std::max(0, top - down), bottom = std::min(rgba.rows - 1, bottom + down);
    at::Tensor crop = at::empty({3, bottom - top + 1, right - left + 1}, at::kFloat);
    for (int y = top; y <= bottom; ++y) {
      for (int x = left; x <= right; ++x) {
        for (int c = 0; c < 3; ++c) {
          const auto& pixel = rgba.at<cv::Vec4b>(y, x);
          const double alpha = pixel[3] / 255.0, value = alpha * pixel[c] / 255.0 + 1 - alpha;
          crop[c][y - top][x - left] = std::round(255 * value) / 255;
        }
      }
    }
    const Embedding embedding = net->embedding(crop);
    double square = 0;
    for (const double value : embedding) square += value * value;
    for (std::size_t i = 0; i < 6; ++i) sum[i] += embedding[i] / std::sqrt(square);
  }
  double square = 0;
  for (const double value : sum) square += value * value;
  const at::Tensor vector = vector_of(data, given(Slots(0b01010010)));
  ASSERT_EQ(vector.numel(), 6);
  for (std::size_t i = 0; i < 6; ++i)
    EXPECT_NEAR(vector[static_cast<std::int64_t>(i)].item<double>(), sum[i] / std::sqrt(square), 1e-6);
  EXPECT_TRUE(at::equal(set_identity(*net, *set), vector_of(data, given(Slots(0b11111110) | Slots(1)))));
}

// Nothing of what is asked for is known.
TEST_F(ReferenceIdentity, ComesFromTheReferencesAlone) {
  const DataSet data = one_set();
  const at::Tensor before = vector_of(data, given(Slots(0b01010010)));
  for (const int target : {0, 2, 3, 5, 7}) paint(data, target);
  EXPECT_TRUE(at::equal(vector_of(data, given(Slots(0b01010010))), before));
  paint(data, 4);
  const at::Tensor after = vector_of(data, given(Slots(0b01010010)));
  EXPECT_GT((after - before).abs().max().item<double>(), 1e-3);
}

// Of one vehicle the same, however its sample is augmented, fitted and put into a batch.
TEST_F(ReferenceIdentity, DependsOnNoAugmentationNorSize) {
  const DataSet data = one_set();
  const Slots references(0b00010010);
  const at::Tensor plain = vector_of(data, given(references));
  Augmentation strong;
  strong.mirror = true;
  strong.background = std::array<float, 3>{.1F, .9F, .3F};
  strong.colour = colour_map(1.1, 0.9, 0.8, 0.02);
  EXPECT_TRUE(at::equal(vector_of(data, given(mirrored_slots(references), strong)), plain));
  DataConfig larger = told_by_network();
  larger.width = 96;
  larger.height = 64;
  EXPECT_TRUE(at::equal(vector_of(data, given(references), larger), plain));
  SampleSpec framed = given(references);
  SlotFits fits;
  for (Letterbox& own : fits) {
    own = fit(48, 32, 48, 32);
    own.scale = 1.3;
  }
  framed.fits = std::make_shared<const SlotFits>(fits);
  EXPECT_TRUE(at::equal(vector_of(data, framed), plain));
}

TEST_F(ReferenceIdentity, IsUnknownWithoutReferences) {
  const DataSet data = one_set();
  const auto set = data.view_set(0);
  for (const int slot : {2, 3})
    write_png(set->folder / set->frame_at(slot)->file_path, cv::Mat(32, 48, CV_8UC4, cv::Scalar(9, 9, 9, 100)));
  // No reference; references of which no mask covers anything; one that shows the vehicle beside these; none wanted.
  std::vector<SampleSpec> specs = {given({}), given(Slots(0b00001100)), given(Slots(0b00001101)), given(Slots(1))};
  const Batch batch = make_batch(data, specs, told_by_network());
  EXPECT_EQ(batch.identity.sizes(), (at::IntArrayRef{4, 6}));
  for (const std::int64_t unknown : {0, 1}) {
    EXPECT_FALSE(batch.identity_known[unknown].item<bool>());
    EXPECT_EQ(batch.identity[unknown].abs().max().item<float>(), 0);
  }
  EXPECT_TRUE(batch.identity_known[2].item<bool>());
  EXPECT_TRUE(at::equal(batch.identity[2], batch.identity[3]));
  for (SampleSpec& spec : specs) spec.identity = false;
  EXPECT_FALSE(make_batch(data, specs, told_by_network()).identity.defined());
  EXPECT_EQ(batch.one(2).identity_known.sizes(), at::IntArrayRef{1});
}

// The network has the last word, and says so.
TEST_F(ReferenceIdentity, StatedVectorsAreNotUsed) {
  const DataSet stating = one_set({.id = "a", .identity = {1, 2, 3}});
  const at::Tensor vector = vector_of(stating, given(Slots(3)));
  EXPECT_EQ(vector.numel(), 6);
  const DataSet plain = one_set({.id = "b"});
  EXPECT_TRUE(at::equal(vector_of(plain, given(Slots(3))), vector)) << "the same pictures";
  testing::internal::CaptureStderr();
  tell_of_stated_identities(plain, told_by_network().identity);
  tell_of_stated_identities(stating, {});
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  testing::internal::CaptureStderr();
  tell_of_stated_identities(stating, told_by_network().identity);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr("a: identity_file_path is not used"));
}

TEST_F(ReferenceIdentity, IsComputedOnceAndKeptByContent) {
  const DataSet data = one_set();
  const fs::path where = folder_ / "store";
  const auto made = [&](std::int64_t found) {
    DataConfig config = told_by_network();
    config.loader.cache_folder = where.string();
    const auto store = open_store(config);
    PictureCache cache(0, store);
    std::vector<at::Tensor> vectors;
    for (int epoch = 0; epoch < 3; ++epoch) {
      for (const int slot : {1, 4, 6}) vectors.push_back(cache.embedding(*data.view_set(0), 0, slot, config));
    }
    EXPECT_EQ(store->found(), found);
    EXPECT_EQ(store->missed(), 3 - found) << "each is asked for once";
    return vectors;
  };
  const std::vector<at::Tensor> first = made(0), again = made(3);
  for (std::size_t i = 0; i < first.size(); ++i) EXPECT_TRUE(at::equal(first[i], again[i]));
  paint(data, 4);
  const std::vector<at::Tensor> painted = made(2);
  EXPECT_TRUE(at::equal(painted[0], first[0]));
  EXPECT_FALSE(at::equal(painted[1], first[1]));
  // Another input of the same network is another entry.
  DataConfig other = told_by_network();
  other.identity.colours = ColourOrder::bgr;
  ContentStore store(where, std::uint64_t{1} << 30);
  view_embedding(*IdentityModel::load(other.identity, "data.identity"), *data.view_set(0),
                 *data.view_set(0)->frame_at(1), &store);
  EXPECT_EQ(store.found(), 0);
}

TEST_F(ReferenceIdentity, ThreadsMayAskAtOnce) {
  const DataSet data = one_set();
  PictureCache cache(1 << 20);
  const std::vector<SampleSpec> specs(2, given(Slots(0b01010010)));
  const auto made = side_by_side(8, [&](std::size_t) { return make_batch(data, specs, told_by_network(), &cache); });
  for (const Batch& batch : made) EXPECT_TRUE(at::equal(batch.identity, made.front().identity));
  EXPECT_EQ(network(), network()) << "a process holds it once";
}

TEST_F(ReferenceIdentity, WrongNetworksAreOneLine) {
  const DataSet data = one_set();
  const auto refused = [&](const std::vector<std::string>& texts, const std::function<void(IdentityConfig&)>& change) {
    DataConfig config = told_by_network();
    change(config.identity);
    expect_error(ExitCode::runtime, texts, [&] { vector_of(data, given(Slots(3)), config); });
  };
  refused({"data.identity.model", "nowhere.onnx", "no such file"}, [](auto& c) { c.model = "nowhere.onnx"; });
  refused({"data.identity.width"}, [](auto& c) { c.width = 31; });
  refused({"2 outputs"}, [](auto& c) { c.model = test::fixture("metrics/identity_two_outputs.onnx").string(); });
  write_file_atomic(folder_ / "damaged.onnx", read_file(told_by_network().identity.model).substr(0, 300));
  refused({"damaged.onnx"}, [&](auto& c) { c.model = (folder_ / "damaged.onnx").string(); });
  const at::Tensor one = at::tensor({1.0F, 0.0F});
  expect_error(ExitCode::runtime, {"car-7", "cancel"}, [&] { identity_of({one, at::Tensor(), -one}, "car-7"); });
  EXPECT_FALSE(identity_of({at::Tensor()}, "car-7").defined());
  EXPECT_EQ(unfit_for(6, *network()), "");
  EXPECT_THAT(unfit_for(5, *network()), testing::HasSubstr("identity_dim is 5"));
}

}  // namespace
}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "model/sampling/unseen.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "model/sampling/generate.h"
#include "model/tiny.h"
#include "support/support.h"

namespace spinfill {
namespace {

using at::indexing::Slice;
using test::max_difference;

constexpr std::int64_t kHeight = 32, kWidth = 48;

// A vehicle that fills rows 4 to 28, columns 6 to 42 of every view, all of it shown.
Batch shown_batch(const std::string& slots) {
  Batch batch = test::make_batch({slots}, kHeight, kWidth);
  PriorMaps& priors = batch.priors;
  priors.silhouette.zero_();
  priors.silhouette.index_put_({Slice(), Slice(), Slice(), Slice(4, 28), Slice(6, 42)}, at::tensor(1.F));
  priors.warped_confidence = priors.silhouette * 0.9;
  priors.mirrored_confidence.zero_();
  priors.flipped_validity.zero_();
  return batch;
}

// No reference shows these pixels of view v.
void hide(Batch& batch, std::int64_t v, Slice rows, Slice columns) {
  batch.priors.warped_confidence.index_put_({0, v, 0, rows, columns}, at::tensor(0.F));
}

UnseenPlaces places_of(const Batch& batch, const ModelConfig& model = test::tiny_config(), std::int64_t step = 4) {
  const ViewLayout layout = make_view_layout(batch.is_reference, batch.is_target);
  return unseen_places(batch, layout.target_rows, model, model.pixel_factor, step);
}

TEST(Unseen, IsWhereNoReferenceShowsTheHull) {
  Batch batch = shown_batch("rrtrtrrt");
  hide(batch, 4, Slice(8, 16), Slice(20, 30));
  const UnseenPlaces places = places_of(batch);
  ASSERT_EQ(places.weight.sizes(), (std::vector<std::int64_t>{3, 1, kHeight / 2, kWidth / 2}));
  EXPECT_EQ(places.weight[0].max().item<float>(), 0);
  EXPECT_EQ(places.weight[2].max().item<float>(), 0);
  const at::Tensor weight = places.weight[1][0];
  EXPECT_EQ(weight.index({Slice(4, 8), Slice(10, 15)}).min().item<float>(), 1);  // latents are two pixels wide
  EXPECT_EQ(weight.index({Slice(11, 16)}).max().item<float>(), 0);
  EXPECT_EQ(weight.index({Slice(), Slice(0, 7)}).max().item<float>(), 0);
  // The window holds them all, begins and ends at multiples, and leaves the two others out.
  const TargetWindows& windows = places.windows;
  ASSERT_EQ(windows.count(), 1);
  EXPECT_EQ(windows.which[0].item<std::int64_t>(), 1);
  EXPECT_EQ(windows.rows[0].item<std::int64_t>() % 4, 0);
  EXPECT_EQ(windows.columns[0].item<std::int64_t>() % 4, 0);
  EXPECT_NEAR(windows.of(places.weight).sum().item<double>(), weight.sum().item<double>(), 1e-4);
  EXPECT_LT(windows.height * windows.width, 3 * kHeight / 2 * kWidth / 2 * 0.35);  // of all three views
}

TEST(Unseen, LeavesOutSpecksMirrorViewsAndWhatTheOtherSideShows) {
  Batch batch = shown_batch("rrrrtrrr");
  hide(batch, 4, Slice(8, 10), Slice(6, 42));
  EXPECT_EQ(places_of(batch).windows.count(), 0);
  hide(batch, 4, Slice(8, 20), Slice(20, 30));
  EXPECT_EQ(places_of(batch).windows.count(), 1);
  Batch other = batch;
  other.priors.mirrored_confidence = batch.priors.silhouette * 0.9;
  EXPECT_EQ(places_of(other).windows.count(), 0);
  Batch flipped = batch;
  flipped.priors.flipped_validity = at::ones_like(batch.priors.flipped_validity);
  ModelConfig model = test::tiny_config();
  model.prior_image = PriorImage::mirror_or_prior;
  EXPECT_EQ(places_of(flipped, model).windows.count(), 0);
  model.prior_image = PriorImage::prior;
  EXPECT_EQ(places_of(flipped, model).windows.count(), 1);
}

TEST(Unseen, IsEverythingWithoutReferences) {
  const UnseenPlaces places = places_of(shown_batch("tt------"));
  EXPECT_EQ(places.weight.min().item<float>(), 1);
  EXPECT_EQ(places.windows.count(), 2);
  EXPECT_EQ(places.windows.height, kHeight / 2);
  EXPECT_EQ(places.windows.width, kWidth / 2);
}

TEST(TargetWindows, PutBackWhatTheyTook) {
  TargetWindows windows;
  windows.which = at::tensor({0, 2}, at::kLong);
  windows.rows = at::tensor({1, 3}, at::kLong);
  windows.columns = at::tensor({4, 0}, at::kLong);
  windows.height = 2;
  windows.width = 3;
  const at::Tensor maps = test::random_normal({3, 2, 5, 7}, 1);
  const at::Tensor parts = windows.of(maps);
  EXPECT_TRUE(parts[1].equal(maps.index({2, Slice(), Slice(3, 5), Slice(0, 3)})));
  const at::Tensor changed = windows.put(maps, parts + 1);
  EXPECT_TRUE(windows.of(changed).equal(parts + 1));
  EXPECT_NEAR((changed - maps).sum().item<double>(), 2 * 2 * 2 * 3, 1e-4);
  EXPECT_TRUE(windows.of(at::ones({3, 1, 1, 1})).equal(at::ones({2, 1, 1, 1})));
}

// What a plan counts: whole views, the most there can be.
TEST(Unseen, IsEverythingWithoutMemory) {
  const UnseenPlaces places = places_of(shown_batch("rrtrtrrr").to(at::kMeta));
  EXPECT_EQ(places.windows.count(), 2);
  EXPECT_EQ(places.windows.height, kHeight / 2);
  EXPECT_EQ(places.windows.width, kWidth / 2);
  EXPECT_TRUE(places.weight.is_meta());
}

struct UnseenCase {
  explicit UnseenCase(OutputForm output = OutputForm::prior_residual) {
    ModelConfig config = test::tiny_config();
    config.output = output;
    config.blend = output == OutputForm::prior_residual;
    denoiser = std::make_unique<Denoiser>(config, 1);
    test::randomise(*denoiser);
    batch = shown_batch("rrtrtrrr");
    hide(batch, 4, Slice(8, 18), Slice(14, 26));
  }
  at::Tensor run(SampledPlaces places, std::int64_t steps, std::uint64_t seed = 4, Solver solver = Solver::dpmpp_2m,
                 TargetFields* fields = nullptr) const {
    SamplerConfig config;
    config.places = places;
    config.steps = steps;
    config.solver = solver;
    return generate(*denoiser, batch, config, seed, {}, fields);
  }
  std::unique_ptr<Denoiser> denoiser;
  Batch batch;
};

class UnseenOf : public testing::TestWithParam<OutputForm> {};
INSTANTIATE_TEST_SUITE_P(Outputs, UnseenOf, testing::Values(OutputForm::prior_residual, OutputForm::sources),
                         [](const auto& output) {
                           return output.param == OutputForm::sources ? "sources" : "residual";
                         });

// A window as large as the view is the view.
TEST_P(UnseenOf, WholeWindowsAreTheViews) {
  const at::NoGradGuard no_grad;
  const UnseenCase c(GetParam());
  const Conditioning whole = c.denoiser->condition(c.batch);
  TargetWindows windows;
  windows.which = at::tensor({0, 1}, at::kLong);
  windows.rows = windows.columns = at::zeros({2}, at::kLong);
  windows.height = kHeight / 2;
  windows.width = kWidth / 2;
  const Conditioning same = condition_windows(whole, windows, 2);
  const ReferenceCache cache = c.denoiser->encode_references(whole);
  const at::Tensor x = test::random_normal({2, c.denoiser->config().state_channels(), kHeight / 2, kWidth / 2}, 2);
  const at::Tensor sigma = at::full({2}, 0.3);
  SourceFields fields, fields_of_windows;
  const at::Tensor d = c.denoiser->denoise(x, sigma, whole, cache, &fields);
  EXPECT_TRUE(c.denoiser->denoise(x, sigma, same, cache, &fields_of_windows).equal(d));
  if (fields.picture.defined()) EXPECT_TRUE(fields_of_windows.picture.equal(fields.picture));
}

// What surrounds a window is held: seen places are the one-step regression to the bit, for every solver and draw.
TEST_P(UnseenOf, SamplesThereAndRegressesElsewhere) {
  const UnseenCase c(GetParam());
  const at::Tensor once = c.run(SampledPlaces::everywhere, 1);
  const UnseenPlaces places = places_of(c.batch, c.denoiser->config(), 2);
  const at::Tensor weight = places.weight[1][0].repeat_interleave(2, 0).repeat_interleave(2, 1);
  for (const Solver solver : {Solver::euler, Solver::heun, Solver::dpmpp_2m}) {
    TargetFields fields;
    const at::Tensor made = c.run(SampledPlaces::unseen, 4, 4, solver, &fields);
    EXPECT_TRUE(made[0][2].equal(once[0][2])) << name_of(solver);
    const at::Tensor change = (made[0][4] - once[0][4]).abs().amax(0);
    EXPECT_EQ(change.masked_fill(weight > 0, 0).max().item<float>(), 0) << name_of(solver);
    EXPECT_GT(change.masked_fill(weight < 1, 0).mean().item<float>(), 1e-4) << name_of(solver);
    EXPECT_EQ(fields.correction.defined(), GetParam() == OutputForm::sources);
    const at::Tensor other = c.run(SampledPlaces::unseen, 4, 5, solver);
    EXPECT_GT(max_difference(other, made), 1e-4) << name_of(solver);
    EXPECT_TRUE(other[0][2].equal(made[0][2]));
  }
}

TEST(Unseen, SeenPlacesMayTakeTheSecondStep) {
  UnseenCase c;
  SamplerConfig config;
  config.steps = 2;
  const at::Tensor twice = generate(*c.denoiser, c.batch, config, 4);
  config.places = SampledPlaces::unseen;
  config.seen_steps = 2;
  config.steps = 5;
  std::int64_t done = 0;
  const at::Tensor made = generate(*c.denoiser, c.batch, config, 4, [&](std::int64_t n, std::int64_t all) {
    done = n;
    EXPECT_EQ(all, 6);
  });
  EXPECT_EQ(done, 6);
  EXPECT_TRUE(made[0][2].equal(twice[0][2]));
  EXPECT_TRUE(made[0][4].narrow(1, 28, 4).equal(twice[0][4].narrow(1, 28, 4)));
  EXPECT_GT(max_difference(made[0][4], twice[0][4]), 1e-4);
}

// Normals are sampled where pictures are; of views one after another (here 2 comes first) each holds what it shows.
TEST(Unseen, HoldsNormalsAndSequentialViewsToo) {
  ModelConfig model = test::tiny_config();
  model.normals = true;
  Denoiser denoiser(model, 1);
  test::randomise(denoiser);
  UnseenCase c;
  c.batch.normals = test::random_uniform(c.batch.colour.sizes(), 77) * 2 - 1;
  c.batch.normals_given = c.batch.is_reference.to(at::kFloat);
  const Batch given = c.batch;
  c.batch.normals_given = at::Tensor();  // the references' come first, then two steps of what is seen, then the rest
  SamplerConfig counted;
  counted.steps = 3;
  counted.places = SampledPlaces::unseen;
  counted.seen_steps = 2;
  std::int64_t done = 0;
  generate(denoiser, c.batch, counted, 4, [&](std::int64_t n, std::int64_t all) {
    done = n;
    EXPECT_EQ(all, 3 + 1 + 3);
  });
  EXPECT_EQ(done, 3 + 1 + 3);
  c.batch = given;
  for (const SamplingMode mode : {SamplingMode::joint, SamplingMode::sequential}) {
    SamplerConfig config;
    config.mode = mode;
    TargetFields once, sampled;
    const at::Tensor pictures = generate(denoiser, c.batch, config, 4, {}, &once);
    config.steps = 3;
    config.places = SampledPlaces::unseen;
    const at::Tensor made = generate(denoiser, c.batch, config, 4, {}, &sampled);
    EXPECT_TRUE(made[0][2].equal(pictures[0][2])) << name_of(mode);
    EXPECT_TRUE(sampled.normals[0][2].equal(once.normals[0][2])) << name_of(mode);
    EXPECT_GT(max_difference(made[0][4], pictures[0][4]), 1e-4) << name_of(mode);
    EXPECT_GT(max_difference(sampled.normals[0][4], once.normals[0][4]), 1e-4) << name_of(mode);
  }
}

TEST(Unseen, NothingUnseenIsOneStep) {
  UnseenCase c;
  c.batch = shown_batch("rrtrtrrr");
  SamplerConfig config;
  config.places = SampledPlaces::unseen;
  config.steps = 6;
  std::int64_t last = 0, total = 0;
  const at::Tensor made = generate(*c.denoiser, c.batch, config, 4, [&](std::int64_t done, std::int64_t all) {
    last = done;
    total = all;
  });
  EXPECT_TRUE(made.equal(c.run(SampledPlaces::everywhere, 1)));
  EXPECT_EQ(last, 6);
  EXPECT_EQ(total, 6);
}

TEST(Unseen, DoesNotDependOnTheRestOfTheBatch) {
  const UnseenCase c;
  Batch two = test::make_batch({"rrtrtrrr", "r-t-t--t"}, kHeight, kWidth);
  SamplerConfig config;
  config.places = SampledPlaces::unseen;
  config.steps = 3;
  const at::Tensor together = generate(*c.denoiser, two, config, 4);
  for (std::int64_t b : {0, 1}) EXPECT_TRUE(together[b].equal(generate(*c.denoiser, two.one(b), config, 4)[0]));
}

TEST(Unseen, GuidanceActsInTheWindows) {
  ModelConfig model = test::tiny_config();
  model.dropout = {0.1, 0.1, 0.1};
  const Denoiser denoiser(model, 1);
  Denoiser copy = denoiser;
  test::randomise(copy);
  UnseenCase c;
  SamplerConfig config;
  config.places = SampledPlaces::unseen;
  config.steps = 3;
  const at::Tensor plain = generate(denoiser, c.batch, config, 4);
  config.guidance = 2;
  config.guidance_far = 3;
  config.guidance_max = 10;  // not at the regression
  const at::Tensor guided = generate(denoiser, c.batch, config, 4);
  EXPECT_TRUE(guided[0][2].equal(plain[0][2]));
  EXPECT_GT(max_difference(guided[0][4], plain[0][4]), 1e-4);
}

TEST(Unseen, SaysWhatItNeeds) {
  UnseenCase c;
  SamplerConfig config;
  config.places = SampledPlaces::unseen;
  config.steps = 3;
  config.cache = false;
  test::expect_error(ExitCode::usage, {"sampler.places", "cache"}, [&] { generate(*c.denoiser, c.batch, config, 4); });
  config.cache = true;
  config.sigma_max = 5;
  test::expect_error(ExitCode::usage, {"sampler.places", "sigma_max"},
                     [&] { generate(*c.denoiser, c.batch, config, 4); });
  config.sigma_max = 0;
  ModelConfig model = test::tiny_config();
  model.output = OutputForm::edm;
  model.blend = false;
  const Denoiser edm(model, 1);
  test::expect_error(ExitCode::usage, {"sampler.places", "edm"}, [&] { generate(edm, c.batch, config, 4); });
}

}  // namespace
}  // namespace spinfill

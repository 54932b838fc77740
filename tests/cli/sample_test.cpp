// SPDX-License-Identifier: Apache-2.0
// `spinfill sample`: vehicles without a photograph.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ATen/ATen.h>

#include <opencv2/core.hpp>

#include "core/tensors/safetensors.h"
#include "data/pictures/picture.h"
#include "data/pictures/xmp.h"
#include "data/sets/view_set_reader.h"
#include "support/program_suite.h"

namespace spinfill {
namespace {

using ::testing::HasSubstr;

class Sample : public test::ProgramSuite<Sample> {
 public:
  static void fill() {
    test::write_tiny_data_set(*folder_ / "data", 6);
    write_config(
        "steps: 6, batch_sets: 2, micro_batch_sets: 2, regression_share: 0, checkpoint_every: 6, validate_every: 6, "
        "validation_sets: 1, sample_grids: 0, log_every: 1, threads: 1");
    const auto result = shell(train("free",
                                    " --set data.references=[0,3] --set model.output=edm --set model.identity_dim=4 "
                                    "--set model.identity_tokens=2 --set sampler.steps=3 --set loss.mode=diffusion"));
    ASSERT_EQ(result.exit_code, 0) << result.output;
    for (const auto& [name, value] : {std::pair("a", 1.0F), {"b", -1.0F}, {"wide", 2.0F}})
      write_safetensors(*folder_ / (std::string(name) + ".safetensors"),
                        {{"identity", at::full({name[0] == 'w' ? 5 : 4}, value)}});
  }
};

TEST_F(Sample, MakesEightViewsOfEachVehicle) {
  auto result = spinfill("sample --model free --out made --count 2 --category suv --seed 3");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("2 vehicles made up"));
  for (const char* id : {"vehicle-000", "vehicle-001"}) {
    const ViewSet set = read_view_set(*folder_ / "made" / id);
    EXPECT_EQ(set.frames.size(), 8u);
    EXPECT_EQ(set.category, "suv");
    EXPECT_TRUE(set.states_cameras());
    EXPECT_THAT(xmp_of(read_file(*folder_ / "made" / id / "045.png")), HasSubstr("TrainedAlgorithmicMedia"));
    EXPECT_TRUE(fs::exists(*folder_ / "made" / id / "spin.html"));
    EXPECT_EQ(read_json(*folder_ / "made" / id / "transforms.json").at("frames").at(3).at("generated"), true);
  }
  const auto picture = [&](const std::string& file) { return read_file(*folder_ / file); };
  EXPECT_NE(picture("made/vehicle-000/090.png"), picture("made/vehicle-001/090.png"));
  ASSERT_EQ(spinfill("sample --model free --out again --count 1 --category suv --seed 3").exit_code, 0);
  EXPECT_EQ(picture("again/vehicle-000/090.png"), picture("made/vehicle-000/090.png"));
  EXPECT_EQ(spinfill("sample --model free --out made --count 1").exit_code, 2) << "exists";
  EXPECT_EQ(spinfill("sample --model free --out made --count 1 --replace").exit_code, 0);
}

// Ends are those of the two identities, with the same noise; what lies between is like neither.
TEST_F(Sample, InterpolatesBetweenIdentities) {
  const auto made = [&](const std::string& out, const std::string& more) {
    const auto result = spinfill("sample --model free --out " + out + " " + more);
    EXPECT_EQ(result.exit_code, 0) << result.output;
    return *folder_ / out;
  };
  const auto view = [](const fs::path& folder, const char* id) { return read_file(folder / id / "000.png"); };
  const fs::path way = made("way", "--identity a.safetensors --identity-to b.safetensors --count 3");
  const fs::path first = made("first", "--identity a.safetensors --count 1");
  const fs::path last = made("last", "--identity b.safetensors --count 1");
  EXPECT_EQ(view(way, "vehicle-000"), view(first, "vehicle-000"));
  EXPECT_EQ(view(way, "vehicle-002"), view(last, "vehicle-000"));
  EXPECT_NE(view(way, "vehicle-001"), view(way, "vehicle-000"));
  EXPECT_NE(view(way, "vehicle-001"), view(way, "vehicle-002"));
}

TEST_F(Sample, RefusesWhatCannotBe) {
  const auto expect = [&](const std::string& more, const std::string& text) {
    const auto result = spinfill("sample --out never " + more);
    EXPECT_EQ(result.exit_code, 2) << more << ": " << result.output;
    EXPECT_THAT(result.output, HasSubstr(text)) << more;
  };
  expect("--model free --identity wide.safetensors", "5 numbers: this model takes 4");
  expect("--model free --identity a.safetensors --identity-to b.safetensors --count 1", "at least 2");
  expect("--model free --identity-to b.safetensors", "--identity");
  expect("--model free --count 0", "--count");
  expect("--model nowhere", "nowhere");
  ASSERT_EQ(shell(train("given", "")).exit_code, 0);
  expect("--model given", "never trained without a given view");
  EXPECT_FALSE(fs::exists(*folder_ / "never"));
}

}  // namespace
}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "metrics/protocol_file.h"

#include "core/files/files.h"
#include "metrics/report.h"
#include "support/examples.h"

namespace spinfill {
namespace {

class ProtocolFileTest : public ::testing::Test {
 protected:
  ProtocolFile read(const std::string& yaml) {
    write_file_atomic(folder_ / "p.yaml", yaml);
    return read_protocol_file(folder_ / "p.yaml");
  }
  test::TemporaryFolder folder_;
};

TEST_F(ProtocolFileTest, EveryStoredOneIsRead) {
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator(test::fixture("../../configs/protocol"))) {
    const ProtocolFile file = read_protocol_file(entry.path());
    EXPECT_EQ(file.at == ScoredAt::photo, entry.path().stem() == "photo" || !file.given.empty());
    ++count;
  }
  EXPECT_EQ(count, 4U);
}

TEST_F(ProtocolFileTest, StatesWhatOptionsWould) {
  const ProtocolFile file =
      read("references: [1, 5]\nsubsets: 7\nsubset_seed: 9\nbackground: [0, 0.5, 1]\ncameras: estimated\n");
  DataConfig data;
  EvaluationConfig evaluation;
  file.apply(data, evaluation);
  EXPECT_EQ(data.references, (std::vector<std::int64_t>{1, 5}));
  EXPECT_EQ(data.background, (std::vector<double>{0, 0.5, 1}));
  EXPECT_EQ(data.cameras, CameraSource::estimated);
  EXPECT_EQ(evaluation.subsets, 7);
  EXPECT_EQ(evaluation.subset_seed, 9);
  const Json json = to_json(file);
  EXPECT_EQ(json["subsets"], 7);
  EXPECT_EQ(json["split"], "test");
  read("given: [45, 135]\n").apply(data, evaluation);
  EXPECT_EQ(evaluation.given, (std::vector<std::int64_t>{45, 135}));
}

TEST_F(ProtocolFileTest, WrongOnesAreOneLine) {
  const auto refuses = [&](const std::string& yaml, const std::vector<std::string>& texts) {
    test::expect_error(ExitCode::usage, texts, [&] { read(yaml); });
  };
  refuses("subset: 3\n", {"p.yaml:1", "did you mean 'subsets'"});
  refuses("at: phone\n", {"p.yaml:1", "photo"});
  refuses("missing: [9]\n", {"p.yaml:1", "missing"});
  refuses("missing: []\n", {"missing and references are both empty"});
  refuses("at: photo\nbackground: [0, 0, 0]\n", {"white"});
  refuses("given: [40]\n", {"given", "primary azimuths"});
  refuses("given: [0, 90, 90]\n", {"given", "different"});
  refuses("given: [0, 45, 90, 135, 180, 225, 270, 315]\n", {"up to seven"});
  refuses("lpips: resnet\n", {"squeeze"});
}

// The report says which one was followed; what it states stands there by itself, so it does not part reports.
TEST_F(ProtocolFileTest, StandsInTheReport) {
  Protocol protocol;
  protocol.stated = to_json(read("subsets: 7\n"));
  const Json with = report_to_json(
                 evaluate(example_model(0.2), batches_of({example_batch({0}, {{1}})}), protocol, nullptr)),
             without = report_to_json(
                 evaluate(example_model(0.2), batches_of({example_batch({0}, {{1}})}), Protocol(), nullptr));
  EXPECT_EQ(with["protocol"]["stated"]["subsets"], 7);
  EXPECT_FALSE(without["protocol"].contains("stated"));
  EXPECT_EQ(report_to_json(report_from_json(with, "r"))["protocol"], with["protocol"]);
  EXPECT_EQ(unlike(with["protocol"], without["protocol"]), "");
  ASSERT_EQ(differences(with["protocol"], without["protocol"]).size(), 1U);
}

}  // namespace
}  // namespace spinfill

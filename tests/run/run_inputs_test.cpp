// SPDX-License-Identifier: Apache-2.0
#include "run/run_inputs.h"

#include <gtest/gtest.h>

#include "support/support.h"

namespace spinfill {
namespace {

RunInputs example() {
  return {
      {2, "ids", {{"a", "1"}, {"b", "2"}}}, DataContent{1, "old", {{"c", "3"}}}, "weights", "lpips", "", "", "network"};
}

TEST(RunInputs, AreReadAsTheyWereWritten) {
  const test::TemporaryFolder run;
  EXPECT_FALSE(read_run_inputs(run.path()).has_value());
  write_run_inputs(run.path(), example());
  require_same_inputs(example(), *read_run_inputs(run.path()), run.path());
  RunInputs plain = example();
  plain.replay.reset();
  plain.init_from = plain.lpips = "";
  write_run_inputs(run.path(), plain);
  require_same_inputs(plain, *read_run_inputs(run.path()), run.path());
  write_file_atomic(run_inputs_path(run.path()), R"({"format": 1, "data": {"vehicles": "two"}})");
  test::expect_error(ExitCode::runtime, {"inputs.json"}, [&] { read_run_inputs(run.path()); });
  write_file_atomic(run_inputs_path(run.path()), R"({"format": 2})");
  test::expect_error(ExitCode::runtime, {"inputs.json", "version"}, [&] { read_run_inputs(run.path()); });
}

TEST(RunInputs, SayInWhatTheyDiffer) {
  const auto refused = [](const std::vector<std::string>& texts, const std::function<void(RunInputs&)>& change) {
    RunInputs now = example();
    change(now);
    test::expect_error(ExitCode::usage, texts, [&] { require_same_inputs(example(), now, "run"); });
  };
  refused({"run", "data.path", "3 vehicles instead of 2"}, [](RunInputs& i) { i.data.vehicles = 3; });
  refused({"data.path", "'b'"}, [](RunInputs& i) { i.data.sets["b"] = "x"; });
  refused({"data.path", "other ids"}, [](RunInputs& i) { i.data.ids_sha256 = "x"; });
  refused({"data.replay.path", "'c'"}, [](RunInputs& i) { i.replay->sets["c"] = "x"; });
  refused({"data.replay.path"}, [](RunInputs& i) { i.replay.reset(); });
  refused({"train.init_from", "other", "weights"}, [](RunInputs& i) { i.init_from = "other"; });
  refused({"evaluation.lpips.weights"}, [](RunInputs& i) { i.lpips = "other"; });
  refused({"data.identity.model", "another", "network"}, [](RunInputs& i) { i.identity = "another"; });
  refused({"data.identity.model"}, [](RunInputs& i) { i.identity = ""; });
  // Gone is not changed.
  RunInputs gone = example();
  gone.init_from = "";
  require_same_inputs(example(), gone, "run");
}

}  // namespace
}  // namespace spinfill

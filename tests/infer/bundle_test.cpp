// SPDX-License-Identifier: Apache-2.0
#include "infer/bundle.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "core/files/json.h"
#include "core/files/sha256.h"
#include "core/random.h"
#include "infer/bundle_export.h"
#include "infer/score_card.h"
#include "infer/small_model.h"
#include "model/denoiser/weights.h"
#include "support/mutate.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::equal_weights;
using test::expect_error;
using test::small_model;
using test::TemporaryFolder;

class Bundles : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    shared_ = new TemporaryFolder;
    export_bundle(small_model(), *shared_ / "bundle");
  }
  static void TearDownTestSuite() { delete shared_; }
  // A copy to damage.
  fs::path copy() const {
    const fs::path to = folder_.path() / fmt::format("copy-{}", copies_++);
    fs::copy(*shared_ / "bundle", to, fs::copy_options::recursive);
    return to;
  }
  // Changes the manifest and gives it a fitting hash again, so that the checks behind the hash are reached.
  static void edit(const fs::path& bundle, const std::function<void(Json&)>& change) {
    Json manifest = read_json(bundle / "manifest.json");
    change(manifest);
    manifest.erase("sha256");
    manifest["sha256"] = sha256_hex(manifest.dump());
    write_json_atomic(bundle / "manifest.json", manifest);
  }
  static void rehash(const fs::path& bundle, const std::string& file) {
    edit(bundle, [&](Json& m) {
      m["files"][file] = {{"bytes", fs::file_size(bundle / file)}, {"sha256", sha256_file(bundle / file)}};
    });
  }
  static std::string flipped(std::string bytes, std::size_t at) {
    bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
    return bytes;
  }
  static inline TemporaryFolder* shared_ = nullptr;
  TemporaryFolder folder_;
  mutable int copies_ = 0;
};

TEST_F(Bundles, HoldTheSourceToTheLastBitInFp32) {
  const LoadedModel source = small_model(), bundle = load_bundle(*shared_ / "bundle");
  EXPECT_TRUE(equal_weights(source.denoiser, bundle.denoiser));
  EXPECT_EQ(to_json(bundle.config.model), to_json(source.config.model));
  EXPECT_EQ(bundle.config.data.path, "") << "no path of the training machine travels along";
  EXPECT_EQ(bundle.provenance["source"], "bundle");
  EXPECT_EQ(bundle.provenance["weights_sha256"], source.provenance["weights_sha256"]);
  for (const ParityReport& report : verify_bundle(*shared_ / "bundle")) {
    EXPECT_LE(report.agreement.max_abs, 1e-6) << report.name;
    EXPECT_LE(report.delivered.max_abs, kDeliveredTolerance) << report.name;
  }
  const Json manifest = read_manifest(*shared_ / "bundle");
  EXPECT_EQ(manifest["parity"]["cases"].size(), 2u);
  EXPECT_EQ(manifest["parity"]["cases"][0]["from_source"]["max_abs"], 0.0);
}

TEST_F(Bundles, HalfPrecisionIsSmallerAndStaysClose) {
  const auto whole = fs::file_size(*shared_ / "bundle/model.safetensors");
  for (const auto& [stored, most] : {std::pair{BundleDtype::fp16, 0.01}, std::pair{BundleDtype::bf16, 0.05}}) {
    const std::string dtype = name_of(stored);
    const fs::path out = folder_ / dtype;
    const ExportResult result = export_bundle(small_model(), out, {stored, {}, "test", false});
    EXPECT_LT(fs::file_size(out / "model.safetensors"), 0.6 * static_cast<double>(whole)) << dtype;
    for (const Json& item : result.manifest["parity"]["cases"]) {
      const Json& from = item["from_source"];
      EXPECT_GT(from["max_abs"], 0.0) << "the parity pictures do not feel the rounding";
      EXPECT_LT(from["max_abs"], most) << dtype << " " << item.dump();
      EXPECT_NEAR(from["psnr_source"].get<double>(), from["psnr_bundle"].get<double>(), 0.05);
      RecordProperty(fmt::format("{}_{}_db", dtype, item["name"].get<std::string>()), from["agreement_db"].dump());
      fmt::print("{} {}: {}\n", dtype, item["name"].get<std::string>(), from.dump());
    }
    EXPECT_EQ(load_bundle(out).denoiser.dtype(), at::kFloat);
    EXPECT_NO_THROW(verify_bundle(out));
  }
}

TEST_F(Bundles, ParityFeelsEveryTensor) {
  // Two condition tokens: with one alone the softmax over it is 1 whatever its key.
  LoadedModel model = small_model();
  model.config.model.identity_dim = 4;
  model.denoiser = Denoiser(model.config.model, 1);
  for (const auto& [name, parameter] : model.denoiser.parameters()) {
    const at::NoGradGuard no_grad;
    if (name == "unet.conv_out.weight") at::Tensor(parameter).fill_(0.01).select(1, 0).fill_(-0.03);
  }
  const Batch batch = parity_batch(make_parity_inputs(model), model, "test");
  const ParityCase parity = parity_cases()[1];
  const at::Tensor before = run_parity_case(model.denoiser, batch, parity);
  const at::NoGradGuard no_grad;
  int unfelt = 0;
  std::string names;
  for (const auto& [name, parameter] : model.denoiser.parameters()) {
    at::Tensor weight = parameter;
    const at::Tensor kept = weight.clone();
    weight.add_(0.3 * at::ones_like(weight).cumsum(-1).remainder(3));
    if (at::equal(run_parity_case(model.denoiser, batch, parity), before)) {
      ++unfelt;
      names += name + " ";
    }
    weight.copy_(kept);
  }
  // Null vectors stand in for conditions that the fixture does not drop.
  EXPECT_LE(unfelt, 4) << names;
}

TEST_F(Bundles, NameWhatIsDamaged) {
  for (const char* file : {"model.safetensors", "parity/inputs.safetensors", "parity/outputs.safetensors"}) {
    const std::string bytes = read_file(*shared_ / "bundle" / file);
    fs::path bundle = copy();
    for (const std::size_t at : {std::size_t{0}, std::size_t{9}, bytes.size() / 2, bytes.size() - 1}) {
      write_file_atomic(bundle / file, flipped(bytes, at));
      expect_error(ExitCode::runtime, {file, "hash"}, [&] { load_bundle(bundle); });
    }
    write_file_atomic(bundle / file, bytes.substr(0, bytes.size() - 1));
    expect_error(ExitCode::runtime, {file, "bytes"}, [&] { load_bundle(bundle); });
    write_file_atomic(bundle / file, "");
    expect_error(ExitCode::runtime, {file, "0 bytes"}, [&] { load_bundle(bundle); });
    fs::remove(bundle / file);
    expect_error(ExitCode::runtime, {file, "missing"}, [&] { load_bundle(bundle); });
  }
  const fs::path bundle = copy();
  fs::remove(bundle / "manifest.json");
  expect_error(ExitCode::usage, {"manifest.json"}, [&] { load_bundle(bundle); });
  write_file_atomic(bundle / "manifest.json", "{\"format\": ");
  expect_error(ExitCode::runtime, {"manifest.json:1", "JSON"}, [&] { load_bundle(bundle); });
  write_file_atomic(bundle / "manifest.json", "[]");
  expect_error(ExitCode::runtime, {"manifest.json", "not a spinfill bundle"}, [&] { load_bundle(bundle); });
}

TEST_F(Bundles, NameWhatIsWrongBehindFittingHashes) {
  const auto refuses = [&](const std::vector<std::string>& texts, const std::function<void(Json&)>& change) {
    const fs::path bundle = copy();
    edit(bundle, change);
    expect_error(ExitCode::runtime, texts, [&] { load_bundle(bundle); });
  };
  refuses({"manifest.json", "version 2"}, [](Json& m) { m["version"] = 2; });
  refuses({"manifest.json", "not a spinfill bundle"}, [](Json& m) { m["format"] = "zip"; });
  refuses({"manifest.json", "'files'"}, [](Json& m) { m.erase("files"); });
  refuses({"manifest.json", "'files'"}, [](Json& m) { m["files"]["../../etc/passwd"] = Json::object(); });
  refuses({"manifest.json", "config"}, [](Json& m) { m.erase("config"); });
  refuses({"manifest.json", "widht"}, [](Json& m) { m["config"]["data"]["widht"] = 5; });
  refuses({"manifest.json", "width"}, [](Json& m) { m["config"]["data"]["width"] = -5; });
  refuses({"model.safetensors", "do not fit"}, [](Json& m) { m["config"]["model"]["cross_attention_dim"] = 32; });
  refuses({"model.safetensors", "do not fit"}, [](Json& m) {
    m["config"]["model"]["block_out_channels"] = {16, 32, 4096};
    m["config"]["model"]["attention_levels"] = {0, 1, 0};
  });
  refuses({"model.safetensors", "fp16"}, [](Json& m) { m["dtype"] = "fp16"; });
  refuses({"manifest.json", "provenance"}, [](Json& m) { m["provenance"] = 3; });

  const fs::path bundle = copy();
  TensorMap tensors = read_safetensors(bundle / "model.safetensors").tensors;
  const std::string first = tensors.begin()->first;
  const at::Tensor kept = tensors[first].clone();
  tensors[first] = at::full_like(kept, std::nan(""));
  write_safetensors(bundle / "model.safetensors", tensors);
  rehash(bundle, "model.safetensors");
  expect_error(ExitCode::runtime, {"model.safetensors", "not finite", first}, [&] { load_bundle(bundle); });
  tensors.erase(first);
  tensors["extra"] = kept;
  write_safetensors(bundle / "model.safetensors", tensors);
  rehash(bundle, "model.safetensors");
  expect_error(ExitCode::runtime, {"model.safetensors", "missing", first, "unexpected", "extra"},
               [&] { load_bundle(bundle); });
}

TEST_F(Bundles, VerificationNoticesAnotherModel) {
  const fs::path bundle = copy();
  write_safetensors(bundle / "model.safetensors", small_model(2).denoiser.state());
  rehash(bundle, "model.safetensors");
  EXPECT_NO_THROW(load_bundle(bundle));
  expect_error(ExitCode::check_failed, {"one-step", "do not use"}, [&] { verify_bundle(bundle); });

  const fs::path other = copy();
  TensorMap inputs = read_safetensors(other / "parity/inputs.safetensors").tensors;
  inputs["intrinsics"] = inputs["intrinsics"].narrow(1, 0, 4).clone();
  write_safetensors(other / "parity/inputs.safetensors", inputs);
  rehash(other, "parity/inputs.safetensors");
  expect_error(ExitCode::runtime, {"inputs.safetensors", "intrinsics", "[2,4,4]"}, [&] { verify_bundle(other); });
}

TEST_F(Bundles, NoChangeOfTheManifestGoesUnnoticed) {
  const std::string good = read_file(*shared_ / "bundle/manifest.json");
  const Json meant = parse_json(good, "good");
  const fs::path bundle = copy();
  Random random(5, 0, Stream::test);
  int refused = 0;
  for (int round = 0; round < 300; ++round) {
    const std::string bytes = test::mutate(good, random);
    try {
      if (parse_json(bytes, "changed") == meant) continue;  // white space
    } catch (const Error&) {
    }
    write_file_atomic(bundle / "manifest.json", bytes);
    try {
      load_bundle(bundle);
      ADD_FAILURE() << "round " << round << " went unnoticed";
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
      ++refused;
    }
  }
  EXPECT_GT(refused, 200);
}

TEST_F(Bundles, ExportLeavesNothingBehindWhenItFails) {
  expect_error(ExitCode::usage, {"exists already"}, [&] { export_bundle(small_model(), *shared_ / "bundle"); });
  LoadedModel broken = small_model();
  {
    const at::NoGradGuard no_grad;
    broken.denoiser.parameters().front().second.fill_(std::nan(""));
  }
  EXPECT_THROW(export_bundle(broken, folder_ / "broken"), Error);
  LoadedModel huge = small_model();
  {
    const at::NoGradGuard no_grad;
    huge.denoiser.parameters().front().second.fill_(1e6);
  }
  expect_error(ExitCode::runtime, {"beyond the range", "bf16"}, [&] {
    export_bundle(huge, folder_ / "huge", {BundleDtype::fp16, {}, "test", false});
  });
  EXPECT_TRUE(fs::is_empty(folder_.path())) << "something was left";
}

TEST_F(Bundles, ExportKilledMidwayLeavesNoBundleOrAWholeOne) {
  using namespace std::chrono_literals;
  int whole = 0, none = 0;
  test::write_small_run(folder_ / "run", {10}, 10);
  for (int round = 0; round < 6; ++round) {
    const fs::path out = folder_ / fmt::format("out-{}", round);
    const pid_t child = ::fork();
    if (child == 0) {
      const std::string program = test::program(), run = (folder_ / "run").string(), to = out.string();
      ::freopen("/dev/null", "w", stderr);
      ::execl(program.c_str(), program.c_str(), "export", "--run", run.c_str(), "--out", to.c_str(), nullptr);
      ::_exit(127);
    }
    ::usleep(static_cast<useconds_t>(200000 + 220000 * round));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    if (fs::exists(out)) {
      EXPECT_NO_THROW(verify_bundle(out));
      ++whole;
    } else {
      ++none;
    }
  }
  fmt::print("killed: {} times nothing, {} times whole\n", none, whole);
}

TEST_F(Bundles, ScoresTravelOnlyWithTheWeightsTheyBelongTo) {
  Json report = {{"protocol", {{"background", "white"}}},
                 {"model", {{"weights_sha256", "abc"}, {"step", 3}}},
                 {"overall", {{"psnr", 27.25}}}};
  write_json_atomic(folder_ / "metrics.json", report);
  const ExportResult result =
      export_bundle(small_model(), folder_ / "scored", {BundleDtype::fp32, folder_ / "metrics.json", "test", false});
  EXPECT_EQ(read_manifest(folder_ / "scored")["provenance"]["evaluation"]["overall"]["psnr"], 27.25);
  report["model"]["weights_sha256"] = "other";
  write_json_atomic(folder_ / "metrics.json", report);
  expect_error(ExitCode::check_failed, {"metrics.json", "other weights"}, [&] {
    export_bundle(small_model(), folder_ / "wrong", {BundleDtype::fp32, folder_ / "metrics.json", "test", false});
  });
  EXPECT_FALSE(fs::exists(folder_ / "wrong"));
}

// A score never travels without the conditions that it was measured under.
TEST_F(Bundles, CardQuotesScoresUnderTheirConditions) {
  Json manifest = {{"provenance", {{"training", {{"validation_psnr", 24.5}}}}}};
  EXPECT_EQ(score_card(manifest),
            std::vector<std::string>{"validation: PSNR 24.50; conditions not told (an older report)"});
  Json& provenance = manifest["provenance"];
  provenance["training"]["validation_conditions"] = "targets' true cameras, hull of 64 voxels";
  provenance["evaluation"] = {{"protocol",
                               {{"cameras", "targets' true cameras"},
                                {"conditions", "targets' true cameras, hull of 64 voxels"},
                                {"lpips_net", "vgg"},
                                {"split", "test"},
                                {"images", 6},
                                {"vehicles", 2},
                                {"width", 96},
                                {"height", 64},
                                {"sampler", "one step"}}},
                              {"overall", {{"psnr", 27.25}, {"lpips", 0.05}, {"ssim", nullptr}}}};
  std::vector<std::string> card = score_card(manifest);
  ASSERT_EQ(card.size(), 3U);
  EXPECT_EQ(card[0], "validation: PSNR 24.50; targets' true cameras, hull of 64 voxels");
  EXPECT_EQ(card[1],
            "scored: PSNR 27.25, LPIPS-vgg 0.0500; 6 views of 2 vehicles, split test, 96×64 px; targets' true cameras, "
            "hull of 64 voxels; sampler one step");
  EXPECT_NE(card[2].find("data.cameras=estimated"), std::string::npos) << "not the conditions of use";
  provenance["evaluation"]["protocol"]["samples"] = 4;
  EXPECT_NE(score_card(manifest)[1].find("96×64 px, means over 4 samples; "), std::string::npos);
  provenance["evaluation"]["protocol"]["cameras"] = "cameras estimated from the references";
  EXPECT_EQ(score_card(manifest).size(), 2U);
  for (const Json& broken : {Json(3), Json::array(), Json{{"overall", 1}, {"protocol", {{"split", 7}}}}}) {
    provenance["evaluation"] = broken;
    EXPECT_NO_THROW(score_card(manifest));
  }
}

TEST_F(Bundles, CommandExportsAndChecks) {
  test::write_small_run(folder_ / "run", {10, 20}, 10);
  const std::string program = test::program(), run = (folder_ / "run").string(), out = (folder_ / "out").string();
  auto result = test::run_command(fmt::format("{} export --run {} --out {} --dtype fp16", program, run, out));
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_NE(result.output.find("reloaded and checked"), std::string::npos) << result.output;
  EXPECT_EQ(read_manifest(out)["provenance"]["training"]["step"], 10);
  result = test::run_command(fmt::format("{} export --check {}", program, out));
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(test::run_command(fmt::format("{} export --run {} --out {}", program, run, out)).exit_code, 2) << "exists";
  EXPECT_EQ(
      test::run_command(fmt::format("{} export --run {} --out {} --replace --checkpoint latest", program, run, out))
          .exit_code,
      0);
  EXPECT_EQ(read_manifest(out)["provenance"]["training"]["step"], 20);
  EXPECT_EQ(test::run_command(fmt::format("{} export --run {}", program, run)).exit_code, 2);
  write_file_atomic(fs::path(out) / "model.safetensors", "x");
  EXPECT_EQ(test::run_command(fmt::format("{} export --check {}", program, out)).exit_code, 3);
}

}  // namespace
}  // namespace spinfill

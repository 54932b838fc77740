// SPDX-License-Identifier: Apache-2.0
// docs/weights.md, command by command: initial weights from a folder of diffusers, a training, and back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/tensors/safetensors.h"
#include "support/program_suite.h"

namespace spinfill {
namespace {

using testing::HasSubstr;

class WeightsPage : public test::ProgramSuite<WeightsPage> {
 public:
  static void fill() {
    test::write_tiny_data_set(*folder_ / "data", 6);
    write_config("steps: 2, batch_sets: 1, micro_batch_sets: 1, validate_every: 0, checkpoint_every: 2, threads: 1");
  }

 protected:
  test::CommandResult expect(int code, const std::string& arguments) {
    auto result = spinfill(arguments);
    EXPECT_EQ(result.exit_code, code) << arguments << "\n" << result.output;
    return result;
  }
};

TEST_F(WeightsPage, ThereAndBack) {
  ASSERT_EQ(shell(train("runs/first")).exit_code, 0);
  auto result = expect(0, "export --run runs/first --weights raw --checkpoint latest --format diffusers --out folder");
  EXPECT_THAT(result.output, HasSubstr("from_pretrained"));
  result = expect(0, "import-weights folder --print-config");
  EXPECT_THAT(result.output, HasSubstr("  block_out_channels: [16, 16]\n"));

  result = expect(0, "import-weights folder --config folder/spinfill.yaml --out back.safetensors");
  EXPECT_THAT(result.output, HasSubstr("unet.mid_block"));
  EXPECT_THAT(result.output, HasSubstr("train.init_from=back.safetensors"));
  const Safetensors back = read_safetensors(*folder_ / "back.safetensors");
  const Safetensors run = read_safetensors(*folder_ / "runs/first/checkpoints/step-2/weights.safetensors");
  ASSERT_EQ(back.tensors.size(), run.tensors.size());
  for (const auto& [name, tensor] : run.tensors) EXPECT_TRUE(at::equal(back.tensors.at(name), tensor)) << name;
  const Json provenance = parse_json(back.metadata.at("provenance"), "provenance");
  EXPECT_EQ(provenance["files"][0]["sha256"],
            sha256_file(*folder_ / "folder/unet/diffusion_pytorch_model.safetensors"));
  EXPECT_EQ(back.metadata.at("provenance").find(folder_->path().string()), std::string::npos) << "no path travels";

  // Its own file is replaced, no other; and a training begins with it.
  result = expect(0, "import-weights folder --config folder/spinfill.yaml --out back.safetensors --json");
  const Json report = parse_json(result.output.substr(result.output.find('{')), "report");
  EXPECT_EQ(report["tensors"].size(), run.tensors.size());
  EXPECT_EQ(report["keys"]["loaded"], run.tensors.size());
  ASSERT_EQ(shell(train("runs/second", "--set train.init_from=back.safetensors")).exit_code, 0);
}

TEST_F(WeightsPage, WrongUseIsOneLine) {
  ASSERT_EQ(shell(train("runs/third")).exit_code, 0);
  expect(0, "export --run runs/third --format diffusers --out third");
  write_file_atomic(*folder_ / "mine.safetensors", "mine");
  write_file_atomic(*folder_ / "model.ckpt", "pickle");
  for (const auto& [code, arguments, text] : std::vector<std::tuple<int, std::string, std::string>>{
           {2, "import-weights", "source"},
           {2, "import-weights third", "--config and --out"},
           {2, "import-weights third --config tiny.yaml --out mine.safetensors", "mine.safetensors"},
           {2, "import-weights third --config tiny.yaml --out third", "not a plain file"},
           {2, "import-weights third --config tiny.yaml --out o.safetensors --set model.attention_heads=4",
            "model.attention_heads is 4, the source has 2"},
           {2, "import-weights model.ckpt --config tiny.yaml --out o.safetensors", "pickle"},
           {2, "import-weights data --config tiny.yaml --out o.safetensors", "unet/config.json"},
           {3, "import-weights third --config tiny.yaml --out none/o.safetensors", "none"},
           {2, "export --run runs/third --format onnx --out o", "--format"},
           {2, "export --run runs/third --format diffusers --out third", "third"},
           {2, "export --run runs/third --format diffusers --metrics m.json --out o", "--metrics"}}) {
    const auto result = expect(code, arguments);
    EXPECT_THAT(result.output, HasSubstr(text)) << arguments;
    EXPECT_EQ(std::ranges::count(result.output, '\n'), 1) << result.output;
  }
  EXPECT_EQ(read_file(*folder_ / "mine.safetensors"), "mine");
  EXPECT_FALSE(fs::exists(*folder_ / "o.safetensors"));
}

}  // namespace
}  // namespace spinfill

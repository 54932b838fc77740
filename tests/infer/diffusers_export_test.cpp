// SPDX-License-Identifier: Apache-2.0
#include "infer/diffusers_export.h"

#include <ATen/ATen.h>

#include "core/files/json.h"
#include "core/tensors/safetensors.h"
#include "infer/small_model.h"
#include "model/diffusers/unet_import.h"
#include "support/support.h"

namespace spinfill {
namespace {

using test::expect_error;
using test::small_model;

class DiffusersExport : public ::testing::Test {
 protected:
  fs::path out() const { return folder_ / "out"; }
  test::TemporaryFolder folder_;
};

// tests/fixtures/infer/make_diffusers_export.py loaded such a folder with diffusers, which found no key missing or
// unexpected, and stored the config that it saves again and its keys.
TEST_F(DiffusersExport, IsTheFolderThatDiffusersReads) {
  export_diffusers(small_model(), out());
  const Json stored = read_json(test::fixture("infer/diffusers_export.json"));
  const Json config = read_json(out() / "unet/config.json");
  for (const auto& [key, value] : config.items()) {
    if (key != "_diffusers_version") EXPECT_EQ(value, stored["config"].value(key, Json("absent"))) << key;
  }
  Json keys = Json::object();
  for (const auto& [name, tensor] : read_safetensors(out() / "unet/diffusion_pytorch_model.safetensors").tensors)
    keys[name] = tensor.sizes().vec();
  EXPECT_EQ(nlohmann::json(keys), nlohmann::json(stored["keys"]));
  for (const char* name : {"spinfill.safetensors", "spinfill.yaml", "provenance.json", "README.md"})
    EXPECT_TRUE(fs::exists(out() / name)) << name;
}

TEST_F(DiffusersExport, ComesBackBitForBit) {
  const LoadedModel model = small_model();
  export_diffusers(model, out());
  const auto config = load_config<RunConfig>(out() / "spinfill.yaml");
  EXPECT_EQ(to_json(config.model), to_json(model.config.model));
  const ImportedWeights back = import_unet(read_unet_source(out()), config.model, 99);
  const TensorMap state = model.denoiser.state();
  ASSERT_EQ(back.state.size(), state.size());
  for (const auto& [name, tensor] : state) EXPECT_TRUE(at::equal(back.state.at(name), tensor)) << name;
  for (const ImportedKey& key : back.keys) EXPECT_EQ(key.fate, KeyFate::loaded) << key.name;
  // And once more: what is exported of what was imported is the same file.
  LoadedModel again = small_model(2);
  for (const auto& [name, tensor] : again.denoiser.state()) at::Tensor(tensor).copy_(back.state.at(name));
  export_diffusers(again, folder_ / "again");
  for (const char* file : {"unet/diffusion_pytorch_model.safetensors", "unet/config.json", "spinfill.safetensors"})
    EXPECT_EQ(read_file(out() / file), read_file(folder_ / "again" / file)) << file;
}

TEST_F(DiffusersExport, HalfPrecisionAndReplacing) {
  ExportOptions options;
  options.dtype = BundleDtype::fp16;
  export_diffusers(small_model(), out(), options);
  for (const auto& [name, tensor] : read_safetensors(out() / "unet/diffusion_pytorch_model.safetensors").tensors)
    EXPECT_EQ(tensor.scalar_type(), at::kHalf) << name;
  expect_error(ExitCode::usage, {"out"}, [&] { export_diffusers(small_model(), out()); });
  options.replace = true;
  export_diffusers(small_model(), out(), options);
}

// A conditioner of other categories is new where it differs, and said to be.
TEST_F(DiffusersExport, AnotherConditionerIsReported) {
  export_diffusers(small_model(), out());
  ModelConfig config = small_model(1, 0.02, 9).config.model;
  const ImportedWeights read = import_unet(read_unet_source(out()), config, 99);
  int made_new = 0;
  for (const ImportedKey& key : read.keys) {
    if (key.fate != KeyFate::made_new) continue;
    ++made_new;
    EXPECT_EQ(key.name, "conditioner.category_embedding");
    EXPECT_NE(key.note.find("another shape"), std::string::npos);
  }
  EXPECT_EQ(made_new, 1);
}

}  // namespace
}  // namespace spinfill

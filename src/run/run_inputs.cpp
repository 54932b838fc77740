// SPDX-License-Identifier: Apache-2.0
#include "run/run_inputs.h"

#include "core/error.h"

namespace spinfill {
namespace {

constexpr int kInputsFormat = 1;

Json or_null(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}
std::string or_empty(const Json& json) {
  return json.is_null() ? std::string() : json.get<std::string>();
}

}  // namespace

fs::path run_inputs_path(const fs::path& run) {
  return run / "inputs.json";
}

void write_run_inputs(const fs::path& run, const RunInputs& inputs) {
  write_json_atomic(run_inputs_path(run), {{"format", kInputsFormat},
                                           {"data", to_json(inputs.data)},
                                           {"replay", inputs.replay ? to_json(*inputs.replay) : Json()},
                                           {"init_from_sha256", or_null(inputs.init_from)},
                                           {"loss_lpips_sha256", or_null(inputs.lpips)},
                                           {"autoencoder_sha256", or_null(inputs.autoencoder)},
                                           {"teacher_sha256", or_null(inputs.teacher)},
                                           {"identity_sha256", or_null(inputs.identity)}});
}

std::optional<RunInputs> read_run_inputs(const fs::path& run) {
  const fs::path path = run_inputs_path(run);
  if (!fs::exists(path)) return std::nullopt;
  const Json json = read_json(path);
  try {
    if (json.at("format") != kInputsFormat) fail("{}: is of another version of spinfill", path.string());
    RunInputs inputs;
    inputs.data = content_from_json(json.at("data"));
    if (!json.at("replay").is_null()) inputs.replay = content_from_json(json["replay"]);
    inputs.init_from = or_empty(json.at("init_from_sha256"));
    inputs.lpips = or_empty(json.at("loss_lpips_sha256"));
    inputs.autoencoder = or_empty(json.value("autoencoder_sha256", Json()));  // older runs have none
    inputs.teacher = or_empty(json.value("teacher_sha256", Json()));
    inputs.identity = or_empty(json.value("identity_sha256", Json()));
    return inputs;
  } catch (const Json::exception& error) {
    fail("{}: a field is missing or of the wrong type ({}): put the file back as the training wrote it", path.string(),
         error.what());
  }
}

void require_same_inputs(const RunInputs& before, const RunInputs& now, const fs::path& run) {
  const auto refuse = [&](const std::string& what) {
    fail_usage("{}: resumed with {}: give what it was started with, wherever that lies now, or start a new run",
               run.string(), what);
  };
  if (const std::string what = difference(before.data, now.data); !what.empty())
    refuse("another data set at data.path, of " + what);
  if (before.replay.has_value() != now.replay.has_value()) refuse("another data.replay.path");
  if (before.replay) {
    if (const std::string what = difference(*before.replay, *now.replay); !what.empty())
      refuse("another data set at data.replay.path, of " + what);
  }
  const auto compare = [&](const std::string& then, const std::string& hash, const char* key) {
    if (then == hash) return;
    refuse(
        fmt::format("other weights at {} (SHA-256 {}… instead of {}…)", key, hash.substr(0, 12), then.substr(0, 12)));
  };
  if (!before.init_from.empty() && !now.init_from.empty()) compare(before.init_from, now.init_from, "train.init_from");
  compare(before.lpips, now.lpips, "evaluation.lpips.weights");
  compare(before.autoencoder, now.autoencoder, "model.autoencoder_from");
  compare(before.teacher, now.teacher, "distill.teacher");
  compare(before.identity, now.identity, "data.identity.model");
}

}  // namespace spinfill

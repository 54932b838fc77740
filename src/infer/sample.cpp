// SPDX-License-Identifier: Apache-2.0
#include "infer/sample.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

#include <opencv2/core.hpp>

#include "core/error.h"
#include "core/files/atomic_folder.h"
#include "core/files/json.h"
#include "data/batches/make_batch.h"
#include "data/identity/reference_identity.h"
#include "data/pictures/letterbox.h"
#include "data/pictures/picture.h"
#include "data/pictures/xmp.h"
#include "data/sets/identity.h"
#include "data/sets/view_set_reader.h"
#include "data/sets/view_set_writer.h"
#include "infer/matte.h"
#include "infer/runner.h"
#include "pages/contact_sheet.h"
#include "pages/spin_page.h"

namespace spinfill {
namespace {

bool knows_no_references(const DataConfig& data) {
  if (!data.references.empty()) return std::ranges::find(data.references, 0) != data.references.end();
  return std::ranges::find(data.missing, Batch::kViews) != data.missing.end();
}

void check(const LoadedModel& model, const SampleOptions& options) {
  if (!knows_no_references(model.config.data))
    fail_usage(
        "{} was never trained without a given view: train it with 0 among data.references, or 8 among data.missing",
        describe(model));
  for (const at::Tensor* identity : {&options.identity, &options.identity_to}) {
    if (!identity->defined()) continue;
    if (model.config.model.identity_dim == 0) fail_usage("{} takes no identity (model.identity_dim)", describe(model));
    if (identity->numel() != model.config.model.identity_dim)
      fail_usage("an identity of {} numbers: this model takes {}", identity->numel(), model.config.model.identity_dim);
  }
  if (options.identity_to.defined() && !options.identity.defined())
    fail_usage("an identity to end with needs one to begin with");
  if (options.identity_to.defined() && options.count < 2)
    fail_usage("a way from one identity to another has at least 2 vehicles, not {}", options.count);
}

// A set without a single picture, every primary view of it asked for.
ViewSet empty_set(const LoadedModel& model, const SampleOptions& options, std::int64_t number) {
  const DataConfig& data = model.config.data;
  ViewSet set;
  set.id = fmt::format("vehicle-{:03}", number);
  set.category = options.category.empty() ? "unknown" : options.category;
  set.source = fmt::format("made up by {}", describe(model));
  set.width = static_cast<int>(data.width);
  set.height = static_cast<int>(data.height);
  for (int slot = 0; slot < kSlots; ++slot) {
    Frame frame;
    frame.azimuth_deg = azimuth_of(slot);
    frame.camera = turntable_camera(data.turntable.turntable, frame.azimuth_deg, set.width, set.height);
    frame.file_path = fmt::format("{:03}.png", azimuth_of(slot));
    set.frames.push_back(std::move(frame));
  }
  return set;
}

Batch batch_of(const LoadedModel& model, const ViewSet& set, const SampleOptions& options, std::int64_t number) {
  ViewSet without_pictures = set;
  without_pictures.missing = std::move(without_pictures.frames);
  without_pictures.frames.clear();
  const DataSet data{{}, {without_pictures}};
  SampleSpec spec;
  spec.targets.set();
  spec.sample = options.identity_to.defined() ? 0 : number;
  spec.cameras =
      std::make_shared<const SetCameras>(described_cameras(without_pictures, model.config.data.turntable.turntable));
  PictureCache cache(0, nullptr, model.identity);
  Batch batch = make_batch(data, {&spec, 1}, model.config.data, &cache);
  if (options.identity.defined()) {
    const double share =
        options.identity_to.defined() ? static_cast<double>(number) / static_cast<double>(options.count - 1) : 0;
    const at::Tensor& to = options.identity_to.defined() ? options.identity_to : options.identity;
    batch.identity = ((1 - share) * options.identity + share * to).to(at::kFloat).unsqueeze(0);
    batch.identity_known = at::Tensor();
  }
  batch = batch.to(model.denoiser.device()).known_to(model.config.model.categories);
  batch.priors = compute_priors(batch.prior_inputs(), model.config.data.priors);
  return batch;
}

void write_vehicle(const fs::path& folder, ViewSet set, const at::Tensor& rgba) {  // [8,4,H,W] premultiplied
  make_folder(folder);
  set.folder = folder;
  SpinPage page{set.category == "unknown" ? set.id : fmt::format("{} ({})", set.id, set.category), {}};
  for (std::size_t v = 0; v < set.frames.size(); ++v) {
    const Frame& frame = set.frames[v];
    const cv::Mat picture = straight(mat_of(rgba[static_cast<std::int64_t>(v)]));
    std::string bytes = with_xmp(encode_png(picture), machine_made_xmp());
    write_file_atomic(folder / frame.file_path, bytes);
    page.frames.push_back({frame.azimuth_deg, true, false, std::move(bytes), picture, {}, {}});
  }
  Json root = transforms_to_json(set);
  root["cameras"] = "turntable";
  for (Json& frame : root["frames"]) frame["generated"] = true;
  write_json_atomic(folder / "transforms.json", root);
  write_png(folder / "contact_sheet.png", contact_sheet(page.frames, std::clamp(set.width, 160, 480)));
  write_file_atomic(folder / "spin.html", spin_page(page));
}

}  // namespace

std::vector<std::string> sample_vehicles(const LoadedModel& model, const fs::path& out, const SampleOptions& options) {
  const at::NoGradGuard no_grad;
  check(model, options);
  AtomicFolder folder(OutputFolder{out, "sample", options.replace, options.inputs});
  std::vector<std::string> ids;
  std::int64_t before = 0, done = 0;
  for (std::int64_t number = 0; number < options.count; ++number) {
    before = done;
    const SamplerProgress counted = [&](std::int64_t evaluated, std::int64_t total) {
      done = before + evaluated;
      if (options.progress) options.progress(done, total * options.count);
    };
    const ViewSet set = empty_set(model, options, number);
    const Batch batch = batch_of(model, set, options, number);
    const Matted made =
        generate_matted(model.denoiser, batch, model.config.data.priors, options.sampler, options.seed, counted);
    if (!at::isfinite(made.rgba).all().item<bool>()) fail("{}: the model gave numbers that are not finite", set.id);
    write_vehicle(folder.path() / set.id, set, made.rgba.to(at::kFloat));
    ids.push_back(set.id);
  }
  folder.commit();
  return ids;
}

at::Tensor read_identity_of(const LoadedModel& model, const fs::path& file) {
  if (fs::is_directory(file)) {
    if (!model.identity)
      fail_usage("{}: {} has no network that computes an identity (data.identity): name a safetensors file",
                 file.string(), describe(model));
    const at::Tensor vector = set_identity(*model.identity, read_view_set(file));
    if (!vector.defined()) fail("{}: shows no vehicle to compute an identity of", file.string());
    return vector;
  }
  ViewSet set;
  set.folder = file.parent_path();
  set.identity_file_path = file.filename().string();
  return read_identity(set);
}

}  // namespace spinfill

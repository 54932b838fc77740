// SPDX-License-Identifier: Apache-2.0
#include "synth/synth.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <memory>
#include <mutex>
#include <thread>

#include "core/error.h"
#include "core/files/atomic_folder.h"
#include "core/files/files.h"
#include "core/files/json.h"
#include "core/log.h"
#include "core/progress.h"
#include "core/random.h"
#include "data/sets/categories.h"
#include "synth/check_meshes.h"
#include "synth/import/import.h"
#include "synth/render_set.h"
#include "synth/vehicles/vehicle.h"

namespace spinfill::synth {
namespace {

// One set to render: of a generated vehicle, or of a model file.
struct Job {
  std::string id;
  std::size_t vehicle;  // all sets of a vehicle go into one split
};

constexpr std::array kSplitNames = {"train", "val", "test"};

// Vehicles of each split by its share; one that rounding leaves without any takes one of the largest, val before test.
std::array<std::size_t, 3> split_counts(const std::array<double, 3>& shares, std::size_t vehicles) {
  const double total = shares[0] + shares[1] + shares[2];
  const auto share = [&](std::size_t k) {
    return static_cast<std::size_t>(std::lround(static_cast<double>(vehicles) * shares[k] / total));
  };
  // Train gets what rounding leaves over, unless its share is 0.
  const std::size_t test = shares[0] + shares[1] > 0 ? share(2) : vehicles;
  const std::size_t val = shares[0] > 0 ? std::min(share(1), vehicles - test) : vehicles - test;
  std::array<std::size_t, 3> counts = {vehicles - test - val, val, test};
  for (std::size_t k = 0; k < 3; ++k) {
    const auto largest = std::ranges::max_element(counts);
    if (!(shares[k] > 0) || counts[k] > 0 || *largest < 2) continue;
    --*largest;
    ++counts[k];
  }
  return counts;
}

Json splits_of(const std::vector<Job>& jobs, std::size_t vehicles, const SynthOptions& options) {
  std::vector<std::size_t> order(vehicles);
  for (std::size_t i = 0; i < vehicles; ++i) order[i] = i;
  Random random(options.seed, 0, Stream::order);
  for (std::size_t i = vehicles; i > 1; --i) {
    std::swap(order[i - 1], order[static_cast<std::size_t>(random.integer(static_cast<std::int64_t>(i)))]);
  }
  const std::array<std::size_t, 3> counts = split_counts(options.splits, vehicles);
  std::vector<int> split(vehicles);
  for (std::size_t i = 0; i < vehicles; ++i) split[order[i]] = i < counts[2] ? 2 : i < counts[2] + counts[1] ? 1 : 0;
  std::vector<std::string> ids[3];
  for (const auto& job : jobs) ids[split[job.vehicle]].push_back(job.id);
  Json json;
  for (std::size_t k = 0; k < 3; ++k) {
    if (ids[k].empty()) {
      if (options.splits[k] > 0)
        log_info("splits.json has no split '{}': too few {} ({})", kSplitNames[k],
                 options.meshes.empty() ? "vehicles" : "models", vehicles);
      continue;
    }
    std::sort(ids[k].begin(), ids[k].end());
    json[kSplitNames[k]] = ids[k];
  }
  return json;
}

// What a thread renders next: a drawn vehicle, or a model that it keeps while it is wanted.
class Source {
 public:
  Source(const SynthOptions& options, std::vector<MeshFile> meshes) : options_(options), meshes_(std::move(meshes)) {}

  std::size_t vehicles() const { return meshes_.empty() ? static_cast<std::size_t>(options_.sets) : meshes_.size(); }
  std::vector<Job> jobs() const {
    std::vector<Job> jobs;
    const auto sets = static_cast<std::size_t>(options_.sets);
    for (std::size_t i = 0; i < sets; ++i) {
      if (meshes_.empty()) {
        jobs.push_back({fmt::format("synth-{:06d}", i), i});
        continue;
      }
      const std::size_t vehicle = i * meshes_.size() / sets;
      jobs.push_back(
          {sets == meshes_.size() ? meshes_[vehicle].id : fmt::format("{}-{:05d}", meshes_[vehicle].id, i), vehicle});
    }
    return jobs;
  }
  struct Loaded {
    std::size_t vehicle = ~std::size_t{0};
    std::unique_ptr<Model> model;
  };
  // `index`: of the set.
  const Model& load(std::size_t vehicle, std::size_t index, Loaded& loaded) const {
    if (options_.variants > 0) {  // read again: variants of variants would depend on which came before
      std::unique_ptr<ImportedModel> model = read(vehicle);
      Random random(options_.seed, index, Stream::details);
      vary(*model, random);
      loaded.model = std::move(model);
      return *loaded.model;
    }
    if (loaded.model != nullptr && loaded.vehicle == vehicle) return *loaded.model;
    loaded.vehicle = vehicle;
    if (meshes_.empty()) {
      const auto& categories = options_.categories.empty() ? kCategories : options_.categories;
      Random random(options_.seed, vehicle, Stream::vehicle);
      const auto k = static_cast<std::size_t>(random.integer(static_cast<std::int64_t>(categories.size())));
      VehicleDesign design = draw_design(categories[k], random);
      if (options_.look == Look::photo) {
        Random details(options_.seed, vehicle, Stream::details);
        add_photo_details(design, details);
      }
      loaded.model = std::make_unique<Vehicle>(std::move(design));
      return *loaded.model;
    }
    loaded.model = read(vehicle);
    return *loaded.model;
  }

 private:
  std::unique_ptr<ImportedModel> read(std::size_t vehicle) const {
    return import_mesh(meshes_[vehicle], {options_.meshes, options_.up, options_.front}).model;
  }

  const SynthOptions& options_;
  std::vector<MeshFile> meshes_;
};

// The models of the folder. One category given names them all; several choose among those found.
std::vector<MeshFile> chosen_meshes(const SynthOptions& options) {
  std::vector<MeshFile> meshes = find_meshes(options.meshes);
  if (options.categories.size() == 1) {
    for (auto& mesh : meshes) mesh.category = options.categories[0];
  } else if (options.categories.size() > 1) {
    std::erase_if(meshes, [&](const MeshFile& mesh) {
      return std::find(options.categories.begin(), options.categories.end(), mesh.category) == options.categories.end();
    });
    if (meshes.empty())
      fail_usage("--categories {}: no model of these in {}", fmt::join(options.categories, ","),
                 options.meshes.string());
  }
  if (options.sets > 0 && static_cast<std::size_t>(options.sets) < meshes.size())
    meshes.resize(static_cast<std::size_t>(options.sets));
  return meshes;
}

}  // namespace

std::string make_sets(const SynthOptions& given) {
  SynthOptions options = given;
  options.check();
  options.render.contrast = options.look == Look::photo;
  const OutputFolder out{options.out, "synth", options.replace, {options.meshes, options.environments}};
  check_output_folder(out);
  const std::vector<NamedEnvironment> environments =
      options.environments.empty() ? std::vector<NamedEnvironment>() : read_environments(options.environments);
  std::vector<MeshFile> meshes;
  std::vector<LeftOut> left_out;
  if (!options.meshes.empty()) {
    meshes = chosen_meshes(options);
    left_out = check_meshes(options, meshes);
    const auto models = static_cast<std::int64_t>(meshes.size());
    if (options.sets == 0) options.sets = models * std::max<std::int64_t>(1, options.variants);
  }
  const std::string about = fmt::format("spinfill synth{}, seed {}{}", options.meshes.empty() ? "" : " --meshes",
                                        options.seed, options.look == Look::photo ? ", photo look" : "");
  const std::string licence = options.meshes.empty() ? "CC0-1.0" : options.licence;
  const Source source(options, std::move(meshes));
  const std::vector<Job> jobs = source.jobs();
  AtomicFolder folder(out);
  Progress progress("synth", options.sets, "sets");
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::int64_t done = 0;
  std::exception_ptr error;
  const auto work = [&] {
    try {
      Source::Loaded loaded;
      for (std::size_t i = next++; i < jobs.size(); i = next++) {
        render_set(source.load(jobs[i].vehicle, i, loaded), {jobs[i].id, about, licence}, i, options, environments,
                   folder.path() / jobs[i].id);
        const std::lock_guard lock(mutex);
        progress.update(++done);
      }
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!error) error = std::current_exception();
      next = jobs.size();
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::int64_t i = 0; i < std::min<std::int64_t>(options.thread_count(), options.sets); ++i)
      threads.emplace_back(work);
  }
  if (error) std::rethrow_exception(error);
  progress.finish();
  write_json_atomic(folder.path() / "splits.json", splits_of(jobs, source.vehicles(), options));
  std::string list, names;
  for (const LeftOut& model : left_out) {
    list += model.why + "\n";
    names += (names.empty() ? "" : ", ") + model.file;
  }
  if (!left_out.empty()) write_file_atomic(folder.path() / kLeftOutFile, list);
  folder.commit();
  if (left_out.empty()) return {};
  return fmt::format("{}: {} sets of {} models; {} left out ({}): {}", options.out.string(), options.sets,
                     source.vehicles(), left_out.size(), kLeftOutFile, names);
}

}  // namespace spinfill::synth

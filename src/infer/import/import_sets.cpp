// SPDX-License-Identifier: Apache-2.0
#include "infer/import/import_sets.h"

#include <algorithm>
#include <exception>
#include <map>

#include "core/error.h"
#include "core/files/atomic_folder.h"
#include "core/log.h"
#include "core/statistics.h"
#include "data/scenes/scene_folder.h"
#include "data/sets/picture_names.h"
#include "data/sets/view_set_reader.h"
#include "data/spins/stabilise.h"
#include "infer/import/scene_set.h"
#include "infer/walkaround.h"

namespace spinfill {
namespace {

struct Source {
  fs::path path;
  std::optional<Scene> scene;  // none: photographs alone
  std::string id;
};

// Of a source without cameras.
void require_photographs(const fs::path& source, const ImportOptions& options) {
  if (options.front_deg || options.up != SceneUp::automatic)
    fail_usage("{}: has no cameras, of which --front and --up speak: import it without them", source.string());
  // A folder of vehicles is a likely slip.
  const FolderListing listing = list_pictures(source);
  if (listing.folders.empty() || !listing.pictures.empty() || !listing.other_endings.empty()) return;
  fail_usage("{}: holds folders ({}) and no pictures: a source is one vehicle's folder, so give {}/*", source.string(),
             first_names(listing.folders), source.string());
}

// The name of the folder that a source is.
std::string id_of(const fs::path& folder) {
  std::error_code error;
  std::string name = fs::weakly_canonical(folder, error).filename().string();
  if (!is_valid_id(name))
    fail_usage("{}: the folder's name cannot be a vehicle's id (1 to 128 printable characters): rename it",
               folder.string());
  return name;
}

class Importer {
 public:
  explicit Importer(const ImportOptions& options)
      : options_(options), models_(options.segmenter, options.azimuth_model) {}

  // The set's folder exists; what is in it after an error is of no use.
  void import(const Source& source, const fs::path& folder, ImportedSet& set) {
    set.kind = source.scene ? source.scene->kind : "photographs";
    if (source.scene)
      import_scene(*source.scene, folder, set);
    else
      import_photographs(source.path, folder, set);
    label(folder, set);
    DataCheckOptions check;
    check.allow_missing_views = true;
    set.problems = check_data(folder, check).problems;
  }

 private:
  void import_scene(const Scene& scene, const fs::path& folder, ImportedSet& set) {
    SceneSetOptions how;
    how.up = options_.up;
    how.front_deg = options_.front_deg;
    how.least_views = options_.least_views;
    how.looked_at = looking(set.id);
    SceneSet made = write_scene_set(scene, models_, folder, how);
    set.front = {{"from", made.front.from}, {"confidence", rounded(made.front.confidence, 3)}};
    if (made.front.symmetry_deg) set.front["symmetry_deg"] = rounded(*made.front.symmetry_deg, 2);
    set.report = std::move(made.report);
    tell(set.report);
  }

  void import_photographs(const fs::path& photographs, const fs::path& folder, ImportedSet& set) {
    WalkaroundOptions how;
    how.segmenter = options_.segmenter;
    how.order = options_.order;
    how.links = options_.links;
    how.least_views = options_.least_views;
    how.looked_at = looking(set.id);
    set.report = prepare_walkaround(photographs, models_.azimuths(), folder, how);
    const ViewSet views = read_view_set(folder);
    const Stabilisation stabilisation = stabilise_set(views);
    write_stabilised(views, stabilisation, folder);
    set.stabilisation = to_json(stabilisation);
    for (const auto* list : {&stabilisation.warnings, &stabilisation.notes})
      for (const std::string& note : *list) log_warning("{}: {}", set.id, note);
  }

  std::function<void(std::int64_t, std::int64_t)> looking(const std::string& id) const {
    if (!options_.progress) return {};
    return [this, id](std::int64_t done, std::int64_t total) { options_.progress(id, done, total); };
  }

  void label(const fs::path& folder, const ImportedSet& set) const {
    Json root = read_json(folder / "transforms.json");
    const auto put = [&](const char* name, const std::string& value) {
      if (!value.empty()) root[name] = value;
    };
    put("category", options_.category);
    put("source", options_.source);
    put("licence", options_.licence);
    root["imported"] = {{"from", set.kind}};
    if (!set.front.is_null()) root["imported"]["front"] = set.front;
    write_json_atomic(folder / "transforms.json", root);
  }

  const ImportOptions& options_;
  ImportModels models_;
};

void refuse_one_name_twice(const std::vector<Source>& sources) {
  std::map<std::string, fs::path> seen;
  for (const Source& source : sources) {
    if (source.id.empty()) continue;
    const auto [first, fresh] = seen.emplace(source.id, source.path);
    if (!fresh)
      fail_usage("{} and {}: both would become the set {}: rename one of the folders", first->second.string(),
                 source.path.string(), source.id);
  }
}

}  // namespace

std::int64_t Import::refused() const {
  return std::ranges::count_if(sets, [](const ImportedSet& set) { return !set.refused.empty(); });
}

Import import_sets(const ImportOptions& options) {
  AtomicFolder out(OutputFolder{options.out, "data import", options.replace, options.sources});
  Import imported;
  std::exception_ptr first_error;
  const auto refuse = [&](ImportedSet& set, const Error& error) {
    if (!first_error) first_error = std::current_exception();
    set.refused = error.what();
    if (options.sources.size() > 1) log_warning("{}", error.what());
  };
  // Descriptions first: what is wrong with them is told before anything is cut out.
  std::vector<Source> sources;
  for (const fs::path& path : options.sources) {
    Source& source = sources.emplace_back(Source{path, {}, {}});
    imported.sets.emplace_back().source = path;
    try {
      source.scene = read_scene(path, options.links);
      if (!source.scene) require_photographs(path, options);
      source.id = id_of(source.scene ? source.scene->folder : path);
    } catch (const Error& error) {
      refuse(imported.sets.back(), error);
    }
  }
  refuse_one_name_twice(sources);
  Importer importer(options);
  for (std::size_t i = 0; i < sources.size(); ++i) {
    ImportedSet& set = imported.sets[i];
    if (!set.refused.empty()) continue;
    set.id = sources[i].id;
    const fs::path folder = out.path() / set.id;
    try {
      make_folder(folder);
      importer.import(sources[i], folder, set);
    } catch (const Error& error) {
      refuse(set, error);
      fs::remove_all(folder);
    }
  }
  if (imported.refused() == std::ssize(imported.sets)) std::rethrow_exception(first_error);
  out.commit();
  return imported;
}

Json to_json(const Import& imported) {
  Json sets = Json::array();
  for (const ImportedSet& set : imported.sets) {
    Json row = {{"source", set.source.string()}, {"id", set.refused.empty() ? Json(set.id) : Json()}};
    if (!set.refused.empty()) {
      row["refused"] = set.refused;
    } else {
      row["kind"] = set.kind;
      if (!set.front.is_null()) row["front"] = set.front;
      if (!set.stabilisation.is_null()) row["stabilisation"] = set.stabilisation;
      row.update(to_json(set.report));
      row["problems"] = Json::array();
      for (const DataProblem& problem : set.problems) row["problems"].push_back(to_line(problem));
    }
    sets.push_back(std::move(row));
  }
  return {{"sets", std::move(sets)}};
}

}  // namespace spinfill

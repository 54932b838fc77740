// SPDX-License-Identifier: Apache-2.0
#include "synth/check_meshes.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

#include "core/error.h"
#include "core/files/atomic_folder.h"
#include "core/files/files.h"
#include "core/log.h"
#include "core/progress.h"
#include "synth/axes_sheet.h"
#include "synth/import/import.h"

namespace spinfill::synth {
namespace {

struct Problem {
  ExitCode code;
  std::string text;  // empty: none
};

// The folder of pictures of doubtful models, beside the output: OUT-axes, made when the first is drawn. It replaces one
// of an earlier try, and takes another name where something else has this one.
class AxesSheets {
 public:
  explicit AxesSheets(const fs::path& out) : out_(fs::absolute(out).lexically_normal()) {
    if (!out_.has_filename()) out_ = out_.parent_path();
  }
  fs::path draw(const MeshFile& mesh, const fs::path& meshes, const std::vector<Axes>& readings) {
    const fs::path to = [&] {
      const std::lock_guard lock(mutex_);
      if (!folder_) open();
      return folder_->path();
    }();
    return place_ / write_axes_sheet(mesh, meshes, readings, to).filename();
  }
  void commit() {
    if (folder_) folder_->commit();
  }

 private:
  void open() {
    for (int n = 1;; ++n) {
      place_ = out_.string() + "-axes" + (n > 1 ? fmt::format("-{}", n) : "");
      try {
        folder_.emplace(OutputFolder{place_, "synth (axes)", true});
        return;
      } catch (const Error& taken) {
        if (n == 100 || taken.code() != ExitCode::usage) throw;
      }
    }
  }
  fs::path out_, place_;
  std::mutex mutex_;
  std::optional<AtomicFolder> folder_;
};

std::string readings_of(const std::vector<Axes>& readings) {
  std::string text;
  for (const Axes& reading : readings)
    text += fmt::format("{}--front {} --up {}", text.empty() ? "" : " or ", axis_name(reading.front),
                        axis_name(reading.up));
  return text;
}

Problem check_mesh(const MeshFile& mesh, const SynthOptions& options, AxesSheets& sheets) {
  try {
    const Imported imported = import_mesh(mesh, {options.meshes, options.up, options.front});
    if (imported.doubt.empty()) {
      const std::string paint =
          options.variants > 0 ? "; " + paint_report(find_body_paint(*imported.model)) : std::string();
      log_info("{}{}", imported.report, paint);
      return {};
    }
    const fs::path sheet = sheets.draw(mesh, options.meshes, imported.readings);
    return {ExitCode::usage,
            fmt::format("{}: {}; look at {} and give {} (for this model alone: \"{}\" in {})", mesh.path.string(),
                        imported.doubt, sheet.string(), readings_of(imported.readings),
                        mesh.path.lexically_relative(options.meshes).generic_string(),
                        (options.meshes / kAxesFile).string())};
  } catch (const Error& problem) {
    return {problem.code(), problem.what()};
  } catch (const std::bad_alloc&) {
    return {ExitCode::runtime, mesh.path.string() + ": too large for the memory of this machine"};
  } catch (const std::exception& problem) {
    return {ExitCode::runtime, fmt::format("{}: {}", mesh.path.string(), problem.what())};
  }
}

std::vector<Problem> check_all(const SynthOptions& options, const std::vector<MeshFile>& meshes) {
  std::vector<Problem> problems(meshes.size());
  Progress progress("models", static_cast<std::int64_t>(meshes.size()), "read");
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::int64_t done = 0;
  AxesSheets sheets(options.out);
  const auto work = [&] {
    for (std::size_t i = next++; i < meshes.size(); i = next++) {
      problems[i] = check_mesh(meshes[i], options, sheets);
      const std::lock_guard lock(mutex);
      progress.update(++done);
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < std::min<std::size_t>(options.thread_count(), meshes.size()); ++i)
      threads.emplace_back(work);
  }
  sheets.commit();
  return problems;
}

}  // namespace

std::vector<LeftOut> check_meshes(const SynthOptions& options, std::vector<MeshFile>& meshes) {
  const std::vector<Problem> problems = check_all(options, meshes);
  std::vector<LeftOut> out;
  std::vector<MeshFile> good;
  ExitCode code = ExitCode::usage;
  for (std::size_t i = 0; i < meshes.size(); ++i) {
    if (problems[i].text.empty()) {
      good.push_back(meshes[i]);
      continue;
    }
    out.push_back({meshes[i].path.lexically_relative(options.meshes).generic_string(), problems[i].text});
    if (problems[i].code != ExitCode::usage) code = ExitCode::runtime;
  }
  if (out.empty()) return out;
  if (meshes.size() == 1 || (out.size() == 1 && !options.skip_bad)) throw Error(code, out[0].why);
  for (const LeftOut& model : out) log_warning("{}", model.why);
  if (good.empty()) throw Error(code, fmt::format("none of the {} models can be used: see above", meshes.size()));
  if (!options.skip_bad) {
    throw Error(code,
                fmt::format("{} of {} models cannot be used (see above); nothing was rendered: mend them, or leave "
                            "them out by --skip-bad",
                            out.size(), meshes.size()));
  }
  meshes = std::move(good);
  return out;
}

}  // namespace spinfill::synth

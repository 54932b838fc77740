// SPDX-License-Identifier: Apache-2.0
#include "synth/synth.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <memory>
#include <mutex>
#include <numbers>
#include <set>
#include <thread>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "core/files/atomic_folder.h"
#include "core/files/json.h"
#include "core/log.h"
#include "core/progress.h"
#include "core/signals.h"
#include "data/sets/categories.h"
#include "data/sets/view_set_writer.h"
#include "synth/import.h"
#include "synth/orientation.h"
#include "synth/vehicle.h"

namespace spinfill::synth {
namespace {

// The whole output is synced once, when the folder is renamed into place.
void write_plain(const fs::path& path, const void* data, std::size_t size) {
  FILE* file = std::fopen(path.c_str(), "wb");
  const bool ok = file != nullptr && std::fwrite(data, 1, size, file) == size;
  const bool closed = file != nullptr && std::fclose(file) == 0;
  if (!ok || !closed) fail("{}: cannot be written: {}", path.string(), std::strerror(errno));
}

void write_picture(const fs::path& path, const cv::Mat& picture) {
  std::vector<std::uint8_t> bytes;
  if (!cv::imencode(".png", picture, bytes, {cv::IMWRITE_PNG_COMPRESSION, 3}))
    fail("{}: cannot be encoded", path.string());
  write_plain(path, bytes.data(), bytes.size());
}

cv::Mat depth_picture(const cv::Mat& depth) {
  cv::Mat out;
  depth.convertTo(out, CV_16U, kDepthScale);
  return out;
}

// Normals in [−1, 1] become 1 … 65535 (32768 is 0); pixels off the vehicle are 0. Stored as RGB.
cv::Mat normal_picture(const cv::Mat& normal) {
  cv::Mat out(normal.size(), CV_16UC3);
  for (int y = 0; y < normal.rows; ++y) {
    for (int x = 0; x < normal.cols; ++x) {
      const auto& n = normal.at<cv::Vec3f>(y, x);
      auto& to = out.at<cv::Vec3w>(y, x);
      const bool none = n == cv::Vec3f(0, 0, 0);
      for (int c = 0; c < 3; ++c) {  // OpenCV writes BGR
        to[2 - c] = none ? 0 : static_cast<std::uint16_t>(std::lround(32768 + 32767 * std::clamp(n[c], -1.0f, 1.0f)));
      }
    }
  }
  return out;
}

// One set to render: of a generated vehicle, or of a model file.
struct Job {
  std::string id;
  std::size_t vehicle;  // sets of one vehicle never part
};

Json splits_of(const std::vector<Job>& jobs, std::size_t vehicles, const SynthOptions& options) {
  std::vector<std::size_t> order(vehicles);
  for (std::size_t i = 0; i < vehicles; ++i) order[i] = i;
  Random random(options.seed, 0, Stream::order);
  for (std::size_t i = vehicles; i > 1; --i) {
    std::swap(order[i - 1], order[static_cast<std::size_t>(random.integer(static_cast<std::int64_t>(i)))]);
  }
  const double total = options.splits[0] + options.splits[1] + options.splits[2];
  const auto share = [&](double part) {
    return static_cast<std::size_t>(std::lround(static_cast<double>(vehicles) * part / total));
  };
  // Train keeps what rounding leaves over, unless nothing is wanted there.
  const std::size_t test = options.splits[0] + options.splits[1] > 0 ? share(options.splits[2]) : vehicles;
  const std::size_t val = options.splits[0] > 0 ? std::min(share(options.splits[1]), vehicles - test) : vehicles - test;
  std::vector<int> split(vehicles);
  for (std::size_t i = 0; i < vehicles; ++i) split[order[i]] = i < test ? 2 : i < test + val ? 1 : 0;
  std::vector<std::string> ids[3];
  for (const auto& job : jobs) ids[split[job.vehicle]].push_back(job.id);
  Json json;
  const char* names[3] = {"train", "val", "test"};
  for (int k = 0; k < 3; ++k) {
    std::sort(ids[k].begin(), ids[k].end());
    json[names[k]] = ids[k];
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
  const Model& load(std::size_t vehicle, Loaded& loaded) {
    if (loaded.model != nullptr && loaded.vehicle == vehicle) return *loaded.model;
    loaded.vehicle = vehicle;
    if (meshes_.empty()) {
      const auto& categories = options_.categories.empty() ? kCategories : options_.categories;
      Random random(options_.seed, vehicle, Stream::vehicle);
      const auto k = static_cast<std::size_t>(random.integer(static_cast<std::int64_t>(categories.size())));
      loaded.model = std::make_unique<Vehicle>(draw_design(categories[k], random));
      return *loaded.model;
    }
    Imported imported = import_mesh(meshes_[vehicle], {options_.meshes, options_.up, options_.front});
    const std::lock_guard lock(mutex_);
    if (reported_.insert(vehicle).second) log_info("{}", imported.report);
    loaded.model = std::move(imported.model);
    return *loaded.model;
  }

 private:
  const SynthOptions& options_;
  std::vector<MeshFile> meshes_;
  std::mutex mutex_;
  std::set<std::size_t> reported_;
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

int SynthOptions::picture_height() const {
  return height > 0 ? height : std::max(8, 8 * static_cast<int>(std::lround(width * 2.0 / 3.0 / 8.0)));
}

void SynthOptions::check() const {
  const auto range = [](const char* name, const Range& r, double low, double high) {
    if (!(r.low >= low && r.high <= high && r.low <= r.high)) {
      fail_usage("--{} {},{}: low,high within {} … {} is needed", name, r.low, r.high, low, high);
    }
  };
  if (out.empty()) fail_usage("--out: a folder is needed");
  if (sets < (meshes.empty() ? 1 : 0) || sets > 10'000'000) fail_usage("--sets {}: 1 … 10000000 is allowed", sets);
  if (width < 16 || width > 8192) fail_usage("--size {}: 16 … 8192 px is allowed", width);
  if (height != 0 && (height < 16 || height > 8192)) fail_usage("--height {}: 16 … 8192 px is allowed", height);
  if (threads < 0 || threads > 1024) fail_usage("--threads {}: 1 … 1024 is allowed, 0 for all processors", threads);
  if (views < 1 || views > 360) fail_usage("--views {}: 1 … 360 is allowed", views);
  const auto jitter = [](const char* name, double value, double most, const char* unit) {
    if (!(value >= 0 && value <= most)) fail_usage("--{}-jitter {}: 0 … {}{} is allowed", name, value, most, unit);
  };
  jitter("azimuth", azimuth_jitter, 20, " degrees");
  jitter("elevation", elevation_jitter, 20, " degrees");
  jitter("scale", scale_jitter, 0.5, "");
  jitter("shift", shift_jitter, 0.3, "");
  jitter("roll", roll_jitter, 20, " degrees");
  range("elevation", elevation, -10, 60);
  range("focal", focal, 0.5, 20);
  range("fill", fill, 0.1, 0.97);
  if (render.samples < 1 || render.samples > 1024) fail_usage("--samples {}: 1 … 1024 is allowed", render.samples);
  if (render.edge_samples < 1 || render.edge_samples > 4096)
    fail_usage("--edge-samples {}: 1 … 4096 is allowed", render.edge_samples);
  for (const double share : splits) {
    if (!(share >= 0 && share <= 1e6))
      fail_usage("--splits {},{},{}: three shares ≥ 0 are needed", splits[0], splits[1], splits[2]);
  }
  if (splits[0] + splits[1] + splits[2] <= 0) fail_usage("--splits: at least one share must be above 0");
  for (const auto& [name, text] : {std::pair{"--up", up}, std::pair{"--front", front}}) {
    if (text != "auto" && !is_axis(text)) fail_usage("{} {}: auto, x, -x, y, -y, z or -z is needed", name, text);
  }
  if (meshes.empty() && (up != "auto" || front != "auto")) fail_usage("--up and --front are for --meshes");
  if (meshes.empty()) {
    for (const auto& category : categories) {
      if (std::find(kCategories.begin(), kCategories.end(), category) == kCategories.end()) {
        fail_usage("--categories {}: not one of {}", category, fmt::join(kCategories, ", "));
      }
    }
  }
}

Camera Rig::camera(std::size_t view, int width, int height) const {
  Turntable own = turntable;
  own.elevation_deg += views[view].elevation_deg;
  return reframed(turntable_camera(own, views[view].azimuth_deg, width, height), views[view].framing);
}

Rig draw_rig(const Model& model, const Box& frame, const SynthOptions& options, Random& random) {
  Rig rig;
  rig.turntable.elevation_deg = random.uniform(options.elevation.low, options.elevation.high);
  rig.turntable.focal = random.uniform(options.focal.low, options.focal.high);
  const double fill = random.uniform(options.fill.low, options.fill.high);
  rig.views.resize(static_cast<std::size_t>(options.views));
  for (int i = 0; i < options.views; ++i) {
    const double jitter = options.azimuth_jitter * random.uniform(-1, 1);
    rig.views[static_cast<std::size_t>(i)].azimuth_deg = std::fmod(360.0 * i / options.views + jitter + 360, 360);
  }
  for (Rig::View& view : rig.views) {
    view.elevation_deg = options.elevation_jitter * random.uniform(-1, 1);
    view.framing.scale = 1 + options.scale_jitter * random.uniform(-1, 1);
    view.framing.shift_x = options.shift_jitter * random.uniform(-1, 1);
    view.framing.shift_y = options.shift_jitter * random.uniform(-1, 1);
    view.framing.roll = options.roll_jitter * std::numbers::pi / 180 * random.uniform(-1, 1);
  }
  // Every 7th vertex is enough to know the extent to a fraction of a pixel; small parts are taken whole.
  std::vector<Eigen::Vector3d> points;
  const Vec3 centre = frame.centre();
  const float scale = frame.size().maxCoeff();
  for (const auto& part : model.parts) {
    const std::size_t step = part.mesh.position.size() > 40000 ? 7 : 1;
    for (std::size_t i = 0; i < part.mesh.position.size(); i += step) {
      points.push_back(((part.mesh.position[i] - centre) / scale).cast<double>());
    }
  }
  const int width = options.width, height = options.picture_height();
  const auto fits = [&](double distance) {
    Rig tried = rig;
    tried.turntable.distance = distance;
    for (std::size_t view = 0; view < rig.views.size(); ++view) {
      const Camera camera = tried.camera(view, width, height);
      const Eigen::Matrix3d camera_from_vehicle = camera.vehicle_from_camera.block<3, 3>(0, 0).transpose();
      const Eigen::Vector3d eye = camera.vehicle_from_camera.block<3, 1>(0, 3);
      double left = 1e9, right = -1e9, top = 1e9, bottom = -1e9;
      for (const auto& p : points) {
        const Eigen::Vector3d q = camera_from_vehicle * (p - eye);
        if (q.z() > -0.05) return false;
        const double u = camera.cx - camera.fl_x * q.x() / q.z(), v = camera.cy + camera.fl_y * q.y() / q.z();
        left = std::min(left, u);
        right = std::max(right, u);
        top = std::min(top, v);
        bottom = std::max(bottom, v);
      }
      const double margin = 2.25;
      if (right - left > fill * width || left < margin || right > width - margin || top < margin ||
          bottom > height - margin)
        return false;
    }
    return true;
  };
  double near = 0.5, far = 2;
  while (!fits(far)) {
    far *= 1.5;
    if (far > 1e4) fail("the model cannot be brought into a picture of {} × {} px", width, height);
  }
  for (int i = 0; i < 22; ++i) {
    const double middle = (near + far) / 2;
    (fits(middle) ? far : near) = middle;
  }
  rig.turntable.distance = far;
  return rig;
}

void render_set(const Model& model, const std::string& id, const std::string& source, const std::string& licence,
                std::uint64_t index, const SynthOptions& options, const fs::path& folder) {
  const Box box = bounding_box(model);
  Random camera_random(options.seed, index, Stream::camera), light_random(options.seed, index, Stream::rendering);
  const Rig rig = draw_rig(model, box, options, camera_random);
  const Studio studio(light_random);
  const std::uint64_t noise = light_random.bits64();
  const int width = options.width, height = options.picture_height();
  make_folder(folder);
  if (options.render.geometry) {
    make_folder(folder / "depth");
    make_folder(folder / "normal");
  }
  if (options.masks) make_folder(folder / "mask");
  Renderer renderer(model, box);
  Json frames = Json::array();
  const bool framed = options.scale_jitter > 0 || options.shift_jitter > 0;  // else the intrinsics are the set's
  Camera camera;
  for (std::size_t i = 0; i < rig.views.size(); ++i) {
    camera = rig.camera(i, width, height);
    const Picture picture = renderer.render(camera, studio, options.render, noise + i);
    const auto slot = static_cast<int>(std::lround(360.0 * static_cast<double>(i) / options.views));
    const std::string name = fmt::format("{:03d}.png", slot);
    cv::Mat bgra;
    cv::cvtColor(picture.rgba, bgra, cv::COLOR_RGBA2BGRA);
    write_picture(folder / name, bgra);
    Frame frame;
    frame.file_path = name;
    frame.azimuth_deg = rig.views[i].azimuth_deg;
    if (options.azimuth_jitter > 0) frame.stated_azimuth_deg = 360.0 * static_cast<double>(i) / options.views;
    frame.camera = camera;
    if (options.masks) {
      cv::Mat alpha;
      cv::extractChannel(picture.rgba, alpha, 3);
      write_picture(folder / "mask" / name, alpha);
      frame.mask_file_path = "mask/" + name;
    }
    if (options.render.geometry) {
      write_picture(folder / "depth" / name, depth_picture(picture.depth));
      write_picture(folder / "normal" / name, normal_picture(picture.normal));
      frame.depth_file_path = "depth/" + name;
      frame.normal_file_path = "normal/" + name;
    }
    frames.push_back(frame_to_json(frame, framed, FrameKeys::camera_after_azimuth));
  }
  Json json;
  json["camera_model"] = "PINHOLE";
  json["w"] = width;
  json["h"] = height;
  if (!framed) put_intrinsics(json, camera);
  json["id"] = id;
  json["category"] = model.category;
  json["source"] = source;
  json["licence"] = licence;
  if (options.render.geometry) json["depth_scale"] = kDepthScale;
  json["frames"] = frames;
  const std::string text = json.dump(1) + "\n";
  write_plain(folder / "transforms.json", text.data(), text.size());
}

void make_sets(const SynthOptions& given) {
  SynthOptions options = given;
  options.check();
  std::vector<MeshFile> meshes;
  if (!options.meshes.empty()) {
    meshes = chosen_meshes(options);
    if (options.sets == 0) options.sets = static_cast<std::int64_t>(meshes.size());
  }
  const std::string about = options.meshes.empty() ? fmt::format("spinfill synth, seed {}", options.seed)
                                                   : fmt::format("spinfill synth --meshes, seed {}", options.seed);
  const std::string licence = options.meshes.empty() ? "CC0-1.0" : options.licence;
  Source source(options, std::move(meshes));
  const std::vector<Job> jobs = source.jobs();
  AtomicFolder folder(options.out, options.replace);
  Progress progress("synth", options.sets, "sets");
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::int64_t done = 0;
  std::exception_ptr error;
  StopSignals stop;
  const auto work = [&] {
    try {
      Source::Loaded loaded;
      for (std::size_t i = next++; i < jobs.size(); i = next++) {
        if (StopSignals::requested()) return;
        render_set(source.load(jobs[i].vehicle, loaded), jobs[i].id, about, licence, i, options,
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
  const int most =
      options.threads > 0 ? options.threads : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  {
    std::vector<std::jthread> threads;
    for (std::int64_t i = 0; i < std::min<std::int64_t>(most, options.sets); ++i) threads.emplace_back(work);
  }
  if (error) std::rethrow_exception(error);
  if (done < options.sets) fail("stopped by a signal after {} of {} sets; nothing was written", done, options.sets);
  progress.finish();
  write_json_atomic(folder.path() / "splits.json", splits_of(jobs, source.vehicles(), options));
  folder.commit();
}

}  // namespace spinfill::synth

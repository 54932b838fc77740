// SPDX-License-Identifier: Apache-2.0
// What the priors cost and what they are worth: milliseconds per set by stage, and the PSNR of each view's prior image
// when that view alone is missing, beside copying the nearest view and flipping the mirror view.
//
//   benchmark_priors --data DIR [--size 96x64] [--missing 1] [--grid 64] [--sets 20] [--pictures DIR] [--no-mirror]
//                    [--no-plan-box]
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <map>
#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "core/files/files.h"
#include "data/pictures/picture.h"
#include "data/priors/prior_image.h"
#include "data/priors/priors.h"
#include "data/sets/view_set.h"
#include "data/sets/view_set_reader.h"
#include "geometry/hull/plan_box.h"
#include "geometry/hull/ray_march.h"
#include "geometry/hull/visual_hull.h"
#include "geometry/hull/warp.h"

namespace spinfill {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  std::string data, size = "96x64", pictures;
  int missing = 1, sets = 20;
  PriorConfig config;
  Turntable turntable;
};

// One set's eight views as a batch of eight samples; sample i lacks the views i … i + missing − 1.
struct Sample {
  PriorInputs inputs;
  at::Tensor is_target;  // [B,V]
};

at::Tensor premultiplied(const cv::Mat& rgba, int width, int height) {
  cv::Mat floats, small;
  rgba.convertTo(floats, CV_32FC4, 1 / 255.0);
  floats.forEach<cv::Vec4f>([](cv::Vec4f& p, const int*) {
    for (int c = 0; c < 3; ++c) p[c] *= p[3];
  });
  cv::resize(floats, small, {width, height}, 0, 0, cv::INTER_AREA);
  return at::from_blob(small.data, {height, width, 4}, at::kFloat).permute({2, 0, 1}).clone();
}

Sample load(const ViewSet& set, int width, int height, const Arguments& arguments) {
  constexpr int V = 8;
  const at::Tensor background = at::full({V, 3}, 0.5);
  std::vector<at::Tensor> colour, alpha, pose, intrinsics;
  std::vector<double> azimuth;
  for (int slot = 0; slot < V; ++slot) {
    const Frame* frame = set.frame_at(slot);
    if (frame == nullptr) fail("{}: slot {} is missing", set.id, slot);
    const at::Tensor picture = premultiplied(read_picture(set.folder / frame->file_path), width, height);
    alpha.push_back(picture.narrow(0, 3, 1));
    colour.push_back(picture.narrow(0, 0, 3) + (1 - alpha.back()) * 0.5);
    const Camera camera = frame->camera ? resized(*frame->camera, width, height)
                                        : turntable_camera(arguments.turntable, frame->azimuth_deg, width, height);
    const Eigen::Matrix<double, 4, 4, Eigen::RowMajor> rows = camera.vehicle_from_camera;
    pose.push_back(at::from_blob(const_cast<double*>(rows.data()), {4, 4}, at::kDouble).clone());
    intrinsics.push_back(at::tensor({camera.fl_x, camera.fl_y, camera.cx, camera.cy}, at::kDouble));
    azimuth.push_back(frame->azimuth_deg);
  }
  const auto repeat = [](const std::vector<at::Tensor>& views) {
    at::Tensor all = at::stack(views).unsqueeze(0);
    std::vector<std::int64_t> shape(all.sizes().begin(), all.sizes().end());
    shape[0] = V;
    return all.expand(shape).contiguous();
  };
  Sample out;
  out.is_target = at::zeros({V, V}, at::kBool);
  for (int i = 0; i < V; ++i)
    for (int k = 0; k < arguments.missing; ++k) out.is_target[i][(i + k * 3) % V] = true;
  out.inputs = {repeat(colour),
                repeat(alpha),
                background,
                out.is_target.logical_not(),
                repeat(pose),
                repeat(intrinsics),
                at::tensor(azimuth).to(at::kDouble).expand({V, V}).contiguous()};
  return out;
}

// Per view: the reference nearest in azimuth (the smaller slot on a tie); or the flipped mirror view where given.
at::Tensor nearest(const PriorInputs& in) {
  at::Tensor out = at::empty_like(in.colour);
  for (std::int64_t b = 0; b < in.colour.size(0); ++b)
    for (std::int64_t v = 0; v < in.colour.size(1); ++v) {
      double best = 1e9;
      for (std::int64_t r = 0; r < in.colour.size(1); ++r) {
        const double off =
            std::abs(std::remainder(in.azimuth_deg[b][v].item<double>() - in.azimuth_deg[b][r].item<double>(), 360));
        if (in.is_reference[b][r].item<bool>() && off < best - 1e-9) {
          best = off;
          out[b][v] = in.colour[b][r];
        }
      }
    }
  return out;
}

struct Mean {
  double sum = 0;
  int count = 0;
  void add(double value) { sum += value, ++count; }
  double value() const { return count == 0 ? NAN : sum / count; }
};

double psnr(const at::Tensor& a, const at::Tensor& b, const at::Tensor& weight) {
  const double mse = ((a - b).square().mean(0, true) * weight).sum().item<double>() / weight.sum().item<double>();
  return -10 * std::log10(std::max(mse, 1e-10));
}

cv::Mat to_picture(const at::Tensor& chw) {
  const at::Tensor bytes = (chw.expand({3, chw.size(1), chw.size(2)}).clamp(0, 1) * 255)
                               .round()
                               .to(at::kByte)
                               .permute({1, 2, 0})
                               .contiguous();
  return cv::Mat(static_cast<int>(chw.size(1)), static_cast<int>(chw.size(2)), CV_8UC3, bytes.data_ptr()).clone();
}

// One column per target: truth, prior image, warped, mirrored, their confidences, silhouette, normal, error × 2.
void write_grid(const fs::path& path, const Sample& sample, const PriorMaps& maps, const at::Tensor& prior) {
  std::vector<cv::Mat> columns;
  for (std::int64_t b = 0; b < 8; ++b) {
    const std::int64_t v = b;
    std::vector<cv::Mat> cells;
    for (const at::Tensor& picture :
         {sample.inputs.colour[b][v], prior[b][v], maps.warped[b][v], maps.mirrored[b][v], maps.warped_confidence[b][v],
          maps.mirrored_confidence[b][v], maps.silhouette[b][v], (maps.normal[b][v] + 1) / 2,
          (prior[b][v] - sample.inputs.colour[b][v]).abs() * 2})
      cells.push_back(to_picture(picture));
    columns.emplace_back();
    cv::vconcat(cells, columns.back());
  }
  cv::Mat grid;
  cv::hconcat(columns, grid);
  write_png(path, grid);
}

// Processor time of this thread: it stays right on a busy machine.
class Stopwatch {
 public:
  double lap() {
    const double now = milliseconds(), passed = now - last_;
    last_ = now;
    return passed;
  }

 private:
  static double milliseconds() {
    timespec t{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * 1e3 + t.tv_nsec * 1e-6;
  }
  double last_ = milliseconds();
};

void time_stages(const PriorInputs& in, const PriorConfig& config, std::map<std::string, Mean>& stages) {
  const at::NoGradGuard no_grad;
  const std::int64_t B = in.colour.size(0), V = in.colour.size(1), H = in.colour.size(3), W = in.colour.size(4);
  Stopwatch watch;
  const References references =
      gather_references(in.colour, in.alpha, in.background, in.is_reference, in.vehicle_from_camera, in.intrinsics);
  HullOptions options;
  options.grid = config.grid, options.mirror = config.mirror, options.plan_box = false;
  const Hull plain = carve_hull(references, options);
  stages["1 hull"].add(watch.lap() / B);
  fit_plan_box(plain, references, options.uncovered);
  stages["2 plan box"].add(watch.lap() / B);
  const Surface surface = march(plain, in.vehicle_from_camera, in.intrinsics, H, W);
  stages["3 march"].add(watch.lap() / B);
  const at::Tensor depths = reference_maps(surface, references, V, H, W);
  warp_colour(surface, plain.slack(), references, depths, false, {});
  warp_colour(surface, plain.slack(), references, depths, true, {});
  stages["4 warp"].add(watch.lap() / B);
  const PriorMaps maps = compute_priors(in, config);
  stages["all, with plan box and maps"].add(watch.lap() / B);
  prior_image(maps, in.background);
  stages["prior image"].add(watch.lap() / B);
}

int run(const Arguments& arguments) {
  int width = 0, height = 0;
  if (std::sscanf(arguments.size.c_str(), "%dx%d", &width, &height) != 2) fail_usage("--size must be WxH");
  at::set_num_threads(1);
  std::map<std::string, Mean> full, foreground, stages;
  std::map<int, std::map<std::string, Mean>> by_slot;
  int done = 0;
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(arguments.data))
    if (fs::exists(entry.path() / "transforms.json")) folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  for (const auto& folder : folders) {
    if (done == arguments.sets) break;
    const ViewSet set = read_view_set(folder);
    const Sample sample = load(set, width, height, arguments);
    time_stages(sample.inputs, arguments.config, stages);
    const PriorMaps maps = compute_priors(sample.inputs, arguments.config);
    const at::Tensor prior = prior_image(maps, sample.inputs.background);
    const std::map<std::string, at::Tensor> methods = {
        {"nearest", nearest(sample.inputs)},
        {"mirror", at::where(maps.flipped_validity > 0.5, maps.flipped, nearest(sample.inputs))},
        {"prior", prior},
        {"mirror-or-prior", mirror_or_prior_image(maps, sample.inputs.background)}};
    std::string line = fmt::format("{:20}", set.id);
    for (std::int64_t b = 0; b < 8; ++b)
      for (std::int64_t v = 0; v < 8; ++v) {
        if (!sample.is_target[b][v].item<bool>()) continue;
        const at::Tensor truth = sample.inputs.colour[b][v], alpha = sample.inputs.alpha[b][v];
        for (const auto& [name, picture] : methods) {
          const double score = psnr(picture[b][v], truth, at::ones_like(alpha));
          full[name].add(score);
          foreground[name].add(psnr(picture[b][v], truth, alpha));
          by_slot[static_cast<int>(v)][name].add(score);
        }
        const at::Tensor mask = maps.silhouette[b][v];
        full["IoU"].add((at::minimum(mask, alpha).sum() / at::maximum(mask, alpha).sum()).item<double>());
        by_slot[static_cast<int>(v)]["IoU"].add(
            (at::minimum(mask, alpha).sum() / at::maximum(mask, alpha).sum()).item<double>());
        if (arguments.missing == 1) line += fmt::format(" {:5.1f}", psnr(prior[b][v], truth, at::ones_like(alpha)));
      }
    fmt::print("{}\n", line);
    if (!arguments.pictures.empty()) {
      fs::create_directories(arguments.pictures);
      write_grid(fs::path(arguments.pictures) / (set.id + ".png"), sample, maps, prior);
    }
    ++done;
  }
  for (const auto& [name, mean] : full)
    fmt::print("{:16} full {:6.3f}  foreground {:6.2f}\n", name, mean.value(), foreground[name].value());
  for (const auto& [slot, scores] : by_slot) {
    fmt::print("{:3}°", slot * 45);
    for (const auto& [name, mean] : scores) fmt::print("  {} {:.3f}", name, mean.value());
    fmt::print("\n");
  }
  for (const auto& [name, mean] : stages) fmt::print("{:28} {:7.1f} ms per set\n", name, mean.value());
  return 0;
}

}  // namespace
}  // namespace spinfill

int main(int argc, char** argv) {
  CLI::App app("Cost and worth of the prior maps");
  spinfill::Arguments arguments;
  bool no_mirror = false, no_plan_box = false;
  app.add_option("--data", arguments.data, "Folder of complete view sets")->required();
  app.add_option("--size", arguments.size, "WxH px");
  app.add_option("--missing", arguments.missing, "Missing views per sample");
  app.add_option("--grid", arguments.config.grid, "Voxels along the length");
  app.add_option("--sets", arguments.sets, "Sets at most");
  app.add_option("--pictures", arguments.pictures, "Folder for picture grids");
  app.add_option("--focal", arguments.turntable.focal, "Turntable's focal length (sets without cameras)");
  app.add_option("--distance", arguments.turntable.distance, "Turntable's distance (sets without cameras)");
  app.add_option("--elevation", arguments.turntable.elevation_deg, "Turntable's elevation (sets without cameras)");
  app.add_flag("--no-mirror", no_mirror);
  app.add_flag("--no-plan-box", no_plan_box);
  CLI11_PARSE(app, argc, argv);
  arguments.config.mirror = !no_mirror;
  arguments.config.plan_box = !no_plan_box;
  try {
    return spinfill::run(arguments);
  } catch (const spinfill::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return static_cast<int>(error.code());
  }
}

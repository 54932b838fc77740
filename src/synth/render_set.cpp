// SPDX-License-Identifier: Apache-2.0
#include "synth/render_set.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <optional>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "core/error.h"
#include "core/files/files.h"
#include "core/random.h"
#include "data/pictures/normal_picture.h"
#include "data/sets/view_set_writer.h"
#include "synth/render/studio.h"
#include "synth/rig.h"

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

// Writes the view's pictures and names them in its frame.
void write_pictures(const Picture& picture, const std::string& name, const SynthOptions& options,
                    const fs::path& folder, Frame& frame) {
  cv::Mat bgra;
  cv::cvtColor(picture.rgba, bgra, cv::COLOR_RGBA2BGRA);
  write_picture(folder / name, bgra);
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
}

}  // namespace

void render_set(const Model& model, const SetLabel& label, std::uint64_t index, const SynthOptions& options,
                const std::vector<NamedEnvironment>& environments, const fs::path& folder) {
  const Box box = bounding_box(model);
  Random camera_random(options.seed, index, Stream::camera), light_random(options.seed, index, Stream::rendering);
  const Rig rig = draw_rig(model, box, options, camera_random);
  const Studio studio(light_random);
  const std::uint64_t noise = light_random.bits64();
  std::optional<EnvironmentLight> surroundings;
  if (!environments.empty()) {
    Random random(options.seed, index, Stream::surroundings);
    surroundings.emplace(environments, random);
  }
  const Light& light = surroundings ? static_cast<const Light&>(*surroundings) : studio;
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
    const std::string name = fmt::format("{:03d}.png", std::lround(360.0 * static_cast<double>(i) / options.views));
    Frame frame;
    frame.file_path = name;
    frame.azimuth_deg = rig.views[i].azimuth_deg;
    if (options.azimuth_jitter > 0) frame.stated_azimuth_deg = 360.0 * static_cast<double>(i) / options.views;
    frame.camera = camera;
    write_pictures(renderer.render(camera, light, options.render, noise + i), name, options, folder, frame);
    frames.push_back(frame_to_json(frame, framed));
  }
  Json json;
  json["camera_model"] = "PINHOLE";
  json["w"] = width;
  json["h"] = height;
  if (!framed) put_intrinsics(json, camera);
  json["id"] = label.id;
  json["category"] = model.category;
  json["source"] = label.source + (surroundings ? ", light " + surroundings->description() : "");
  json["licence"] = label.licence;
  if (options.render.geometry) json["depth_scale"] = kDepthScale;
  json["frames"] = frames;
  const std::string text = json.dump(1) + "\n";
  write_plain(folder / "transforms.json", text.data(), text.size());
}

}  // namespace spinfill::synth

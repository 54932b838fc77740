// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace spinfill::synth {

// A user's own 3D models: OBJ, glTF (.gltf, .glb) and Collada (.dae), found in a folder and below it, sorted by path.
struct MeshFile {
  std::filesystem::path path;
  std::string id;        // from the path below the folder: "gazebo-suv"
  std::string category;  // a known category named in the path, else the first folder's or the file's name
  std::string up = "auto", front = "auto";  // from the folder's axes.json
};
// Exit 2 where there is none, or where axes.json, {"below/the/folder.obj": {"front": "-y", "up": "z"}}, is wrong.
std::vector<MeshFile> find_meshes(const std::filesystem::path& folder);
inline constexpr const char* kAxesFile = "axes.json";

std::string lower(std::string text);

}  // namespace spinfill::synth

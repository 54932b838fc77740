// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace spinfill::synth {

// %XX replaced by the byte it stands for; whatever is no such escape stays.
std::string percent_decoded(std::string_view text);
// The bytes of "data:MEDIA;base64,TEXT" (or percent-encoded without base64); nothing where the text is no data URI.
// Exit 3 for text that is not base64; `where` begins the message.
std::optional<std::string> data_uri_bytes(std::string_view uri, const std::string& where);

// The files that a model names: buffers, material libraries, textures. Nothing outside `top` is opened.
struct ModelFiles {
  std::filesystem::path model, top;

  // The file that the model names, relative to its own folder: as written, with %XX decoded, and without regard to the
  // case of letters. '\' separates folders as '/' does. Nothing where there is none. Exit 3: it lies outside `top`.
  std::optional<std::filesystem::path> find(const std::string& named) const;
  // As find(), else a file of that name in the usual folders (textures, materials/textures, images …) from the model's
  // folder up to `top`. Exit 3, with the folders searched, where there is none.
  std::filesystem::path find_texture(const std::string& named) const;
};

}  // namespace spinfill::synth

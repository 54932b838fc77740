// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace spinfill {

struct EmbedPage {
  std::string title;          // plain text
  int width = 0, height = 0;  // of the pictures, px
  std::string picture;        // file of the view to show where no script runs
  std::string film, gif;      // files of one turn; empty: not made
};

// How a spin is put into another page, each way shown and as text to copy: a frame around spin.html, and what needs no
// script: the film, the GIF, or one picture that leads to spin.html. The files lie beside it.
std::string embed_page(const EmbedPage& page);

}  // namespace spinfill

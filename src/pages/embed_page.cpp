// SPDX-License-Identifier: Apache-2.0
#include "pages/embed_page.h"

#include <fmt/format.h>

#include "pages/html.h"
#include "pages/template.h"

namespace spinfill {
namespace {

// A way of showing it: as it looks, and its text.
std::string way(const std::string& heading, const std::string& words, const std::string& html) {
  return fmt::format(
      "<section>\n<h2>{}</h2>\n<p>{}</p>\n<div class=\"shown\">{}</div>\n<pre tabindex=\"0\">{}</pre>\n</section>\n",
      heading, words, html, html_escaped(html));
}

}  // namespace

std::string embed_page(const EmbedPage& page) {
  const std::string title = html_escaped(page.title),
                    size = fmt::format("aspect-ratio: {} / {}", page.width, page.height);
  std::string ways = way(
      "To turn by hand",
      "Add <code>#embed&amp;spin</code> in place of <code>#embed</code> to let it turn by itself until it is touched, "
      "<code>&amp;view=135</code> to begin at another view.",
      fmt::format("<iframe src=\"spin.html#embed\" title=\"{}: turn it\" loading=\"lazy\" allowtransparency "
                  "style=\"width: 100%; {}; border: 0\"></iframe>",
                  title, size));
  if (!page.film.empty())
    ways += way("A film, without any script", "It starts by itself, without sound, and goes on for ever.",
                fmt::format("<video src=\"{}\" poster=\"{}\" autoplay loop muted playsinline "
                            "style=\"width: 100%; {}\" aria-label=\"{}, turning\"></video>",
                            html_escaped(page.film), html_escaped(page.picture), size, title));
  if (!page.gif.empty())
    ways += way(
        "A picture that turns, for mails and old pages", "A GIF; larger than the film and of 256 colours.",
        fmt::format("<img src=\"{}\" alt=\"{}, turning\" style=\"max-width: 100%\">", html_escaped(page.gif), title));
  ways += way("A picture that leads to the spin", "Where neither scripts nor frames are wanted.",
              fmt::format("<a href=\"spin.html\"><img src=\"{}\" alt=\"{}: turn it\" style=\"width: 100%; {}\"></a>",
                          html_escaped(page.picture), title, size));
  return filled_template("embed.html", {{"TITLE", title}, {"WAYS", std::move(ways)}});
}

}  // namespace spinfill

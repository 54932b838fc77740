// SPDX-License-Identifier: Apache-2.0
#include "pages/history_page.h"

#include <fmt/format.h>

#include "metrics/evaluation.h"
#include "metrics/report.h"
#include "pages/html.h"
#include "pages/score_tables.h"
#include "pages/svg_chart.h"
#include "pages/template.h"

namespace spinfill {
namespace {

constexpr std::size_t kListed = 60;

const Json* score_of(const Json& night, std::size_t metric) {
  const auto found = night["overall"].find(kMetricNames[metric]);
  return found != night["overall"].end() && found->is_number() ? &*found : nullptr;
}

// The score, dashed the ends of its interval.
std::string chart(const std::vector<Json>& nights, std::size_t metric) {
  std::vector<ChartLine> lines = {{"score", {}, 0}, {"95 % interval", {}, 1, true}, {"95 % interval", {}, 1, true}};
  for (std::size_t i = 0; i < nights.size(); ++i) {
    const Json* score = score_of(nights[i], metric);
    if (score == nullptr) continue;
    const auto night = static_cast<double>(i + 1);
    lines[0].points.emplace_back(night, score->get<double>());
    const Json intervals = nights[i]["overall"].value("intervals", Json::object());
    const Json interval = intervals.is_object() ? intervals.value(kMetricNames[metric], Json()) : Json();
    if (!interval.is_array() || interval.size() != 2 || !interval[0].is_number() || !interval[1].is_number()) continue;
    for (std::size_t end : {0U, 1U}) lines[1 + end].points.emplace_back(night, interval[end].get<double>());
  }
  std::erase_if(lines, [](const ChartLine& line) { return line.points.empty(); });
  return svg_chart(kMetricLabels[metric], lines, false, "night");
}

std::string text_of(const Json& night, const char* key) {
  const Json value = night.value(key, Json());
  return value.is_string() ? html_escaped(value.get<std::string>()) : "–";
}

std::string model_name(const Json& night) {
  const Json model = night.value("model", Json::object());
  if (!model.is_object()) return "–";
  std::string name = text_of(model, "name");
  if (model.contains("step") && model["step"].is_number_integer())
    name += fmt::format(", step {}", model["step"].get<std::int64_t>());
  return name;
}

}  // namespace

std::string history_page(const std::vector<Json>& nights) {
  const Json& last = nights.back();
  const bool bad = last["regressed"].get<bool>();
  std::string body = fmt::format("<p class=\"verdict{}\">{}, {}: {}</p>\n", bad ? " bad" : "", text_of(last, "time"),
                                 model_name(last), bad ? "worse" : "not worse");
  std::vector<std::size_t> shown;
  for (std::size_t k = 0; k < kMetrics; ++k) {
    if (score_of(last, k) != nullptr && (is_head(k) || plain_metric(k) == kSilhouetteIou)) shown.push_back(k);
  }
  body += "<div class=\"curves\">\n";
  for (const std::size_t k : shown) body += chart(nights, k);
  body += "</div>\n";
  std::string head = "<th>night</th><th>model</th>", rows;
  for (const std::size_t k : shown) head += fmt::format("<th>{}</th>", kMetricLabels[k]);
  head += "<th></th>";
  for (std::size_t i = nights.size(); i-- > (nights.size() > kListed ? nights.size() - kListed : 0);) {
    const Json& night = nights[i];
    const bool worse = night["regressed"].get<bool>();
    rows +=
        fmt::format("<tr><td>{} <small>{}</small></td><td>{}</td>", i + 1, text_of(night, "time"), model_name(night));
    for (const std::size_t k : shown) {
      const Json* score = score_of(night, k);
      const Json verdict = night["verdicts"].value(kMetricNames[k], Json());
      rows += fmt::format("<td>{} <small>{}</small></td>", score != nullptr ? score_text(k, score->get<double>()) : "–",
                          verdict.is_string() ? html_escaped(verdict.get<std::string>()) : "");
    }
    rows += fmt::format("<td{}>{}</td></tr>\n", worse ? " class=\"bad\"" : "", worse ? "worse" : "");
  }
  body += "<h2>Nights, the last first</h2>\n" + wide_table("", head, rows);
  return filled_template("page.html",
                         {{"GENERATOR", "spinfill compare --history"}, {"TITLE", "Nights"}, {"BODY", std::move(body)}});
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "metrics/comparison.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>
#include <tuple>

#include <fmt/ranges.h>

#include "core/config/config.h"
#include "core/error.h"
#include "core/text.h"
#include "metrics/report.h"
#include "metrics/report_sets.h"

namespace spinfill {
namespace {

// A value stored and read back may differ in the last digit; a limit reached exactly holds.
constexpr double kTolerance = 1e-9;
constexpr std::int64_t kMostVehicles = 100000;  // nobody has more: no number is told

using Key = std::tuple<std::string, std::int64_t, std::int64_t>;  // vehicle, sample, azimuth

struct Image {
  Key key;
  std::string category;
  std::int64_t missing = 0;
  std::vector<std::string> places;  // groups that it belongs to
  std::array<std::optional<double>, kMetrics> scores;
  std::string prediction_sha256;
};

struct Report {
  Json protocol;
  bool keeps_predictions = false;
  std::string predictions_sha256;  // empty in old reports
  std::vector<Image> images;       // by key
  std::set<std::string> categories;
  std::optional<SetDistances> sets = {};  // of the model
};

class Reader {
 public:
  Reader(const Json& value, const std::string& name) : value_(value), name_(name) {}

  Report read() {
    if (!value_.is_object() || !value_.contains("protocol") || !value_.contains("images"))
      fail("{}: not a report of spinfill evaluate: no protocol or images", name_);
    Report report{value_["protocol"], false, {}, {}, {}};
    read_predictions(report);
    if (value_.contains("sets")) report.sets = report_sets_from_json(value_["sets"], name_ + ": sets").front();
    if (!report.protocol.is_object()) fail("{}: protocol: not an object", name_);
    const Json& images = value_["images"];
    if (!images.is_array() || images.empty()) fail("{}: images: not a list with an entry for each target view", name_);
    for (std::size_t i = 0; i < images.size(); ++i) {
      where_ = fmt::format("{}: images[{}]", name_, i);
      report.images.push_back(image(images[i], report));
    }
    std::ranges::sort(report.images, {}, &Image::key);
    const auto twice = std::ranges::adjacent_find(report.images, {}, &Image::key);
    if (twice != report.images.end()) fail("{}: {} is there twice", name_, told(twice->key));
    return report;
  }

  static std::string told(const Key& key) {
    return fmt::format("{}, sample {}, {}°", std::get<0>(key), std::get<1>(key), std::get<2>(key));
  }

 private:
  const Json& field(const Json& image, const char* name) const {
    const auto found = image.find(name);
    if (found == image.end()) fail("{}.{}: missing", where_, name);
    return *found;
  }
  std::string text(const Json& image, const char* name) const {
    const Json& value = field(image, name);
    if (!value.is_string()) fail("{}.{}: not a text", where_, name);
    return value.get<std::string>();
  }
  std::int64_t integer(const Json& image, const char* name) const {
    const Json& value = field(image, name);
    if (!value.is_number_integer()) fail("{}.{}: not an integer", where_, name);
    return value.get<std::int64_t>();
  }
  void read_predictions(Report& report) const {
    const Json stated = value_.value("predictions", Json());
    if (!stated.is_object()) return;
    report.keeps_predictions = stated.value("kept", Json()) == true;
    if (const Json hash = stated.value("sha256", Json()); hash.is_string()) report.predictions_sha256 = hash;
  }
  Image image(const Json& value, Report& report) const {
    if (!value.is_object()) fail("{}: not an object", where_);
    Image out{{text(value, "id"), integer(value, "sample"), integer(value, "azimuth_deg")},
              text(value, "category"),
              integer(value, "missing"),
              {"overall"},
              {},
              value.contains("prediction_sha256") ? text(value, "prediction_sha256") : ""};
    report.categories.insert(out.category);
    out.places.push_back(fmt::format("by_missing {}", out.missing));
    out.places.push_back("by_case " + text(value, "case"));
    out.places.push_back(fmt::format("by_azimuth {}", integer(value, "azimuth_deg")));
    out.places.push_back("by_category " + out.category);
    for (std::size_t k = 0; k < kMetrics; ++k) {
      const auto found = value.find(kMetricNames[k]);
      if (found == value.end() || found->is_null()) continue;
      if (!found->is_number() || !std::isfinite(found->get<double>()) || std::abs(found->get<double>()) > 1e5)
        fail("{}.{}: not a score", where_, kMetricNames[k]);
      out.scores[k] = found->get<double>();
    }
    return out;
  }

  const Json& value_;
  const std::string& name_;
  std::string where_;
};

// How much worse `after` is; positive is worse.
double worsening(std::size_t metric, double difference) {
  return higher_is_better(metric) ? -difference : difference;
}

void judge(Effect& effect, std::size_t metric, bool limits_alone) {
  const double difference = effect.difference.vehicles > 0 ? effect.difference.mean : *effect.after - *effect.before;
  const double drop = worsening(metric, difference);
  const bool beyond = effect.limit && drop > *effect.limit + kTolerance;
  const Estimate& d = effect.difference;
  const bool same = d.interval && d.mean == 0 && d.deviation == 0;
  if (d.excludes_zero()) {
    effect.verdict = drop > 0 ? Verdict::worse : Verdict::better;
  } else if (same || (d.interval && effect.limit && (*d.interval)[0] >= -*effect.limit - kTolerance &&
                      (*d.interval)[1] <= *effect.limit + kTolerance)) {
    effect.verdict = Verdict::equal;
  } else if (d.interval && d.deviation > 0) {
    std::int64_t needed = vehicles_needed(d.deviation, d.mean);
    if (effect.limit && *effect.limit > std::abs(d.mean))
      needed = std::min(needed, vehicles_needed(d.deviation, *effect.limit - std::abs(d.mean)));
    if (needed <= kMostVehicles) effect.more_vehicles = std::max<std::int64_t>(1, needed - d.vehicles);
  }
  effect.regressed = beyond && (limits_alone || effect.verdict == Verdict::worse);
}

class Comparer {
 public:
  Comparer(const Report& before, const Report& after, const CompareOptions& options)
      : before_(before), after_(after), options_(options), limits_(options.limits.value_or(DropLimits{})) {
    auto other = after_.images.begin();
    for (const Image& image : before_.images) {
      while (other != after_.images.end() && other->key < image.key) ++other;
      if (other == after_.images.end() || other->key != image.key) continue;
      const auto& [id, sample, azimuth] = image.key;
      pairs_.push_back({id, image.category, sample, azimuth, image.missing, image.scores, other->scores,
                        image.prediction_sha256, other->prediction_sha256});
      first_of_pair_.push_back(&image);
    }
  }

  const std::vector<ComparedImage>& images() const { return pairs_; }

  std::vector<ComparedGroup> groups() {
    std::vector<std::string> places;
    for (const char* kind : {"overall", "by_missing", "by_case", "by_azimuth", "by_category"}) {
      std::set<std::string, ByNumber> of_kind;
      for (const Report* report : {&before_, &after_})
        for (const Image& image : report->images)
          for (const std::string& place : image.places)
            if (place.starts_with(kind)) of_kind.insert(place);
      places.insert(places.end(), of_kind.begin(), of_kind.end());
    }
    std::vector<ComparedGroup> out;
    for (const std::string& place : places) out.push_back(group(place));
    return out;
  }

 private:
  // "by_azimuth 45" before "by_azimuth 135".
  struct ByNumber {
    static std::int64_t number(const std::string& place) {
      std::int64_t value = -1;
      const char *from = place.data() + place.find(' ') + 1, *end = place.data() + place.size();
      return std::from_chars(from, end, value).ptr == end ? value : -1;
    }
    bool operator()(const std::string& a, const std::string& b) const {
      return std::pair(number(a), a) < std::pair(number(b), b);
    }
  };
  static bool belongs(const Image& image, const std::string& place) {
    return std::ranges::find(image.places, place) != image.places.end();
  }
  static std::optional<double> mean(const Report& report, const std::string& place, std::size_t k,
                                    std::int64_t& images) {
    double sum = 0;
    std::int64_t count = 0;
    images = 0;
    for (const Image& image : report.images) {
      if (!belongs(image, place)) continue;
      ++images;
      if (!image.scores[k]) continue;
      sum += *image.scores[k];
      ++count;
    }
    return count > 0 ? std::optional(sum / static_cast<double>(count)) : std::nullopt;
  }
  Limits limits_of(const std::string& place) const {
    const std::string kind = "by_category ";
    if (place.starts_with(kind)) {
      const auto found = limits_.categories.find(place.substr(kind.size()));
      if (found != limits_.categories.end()) {
        Limits limits = found->second;
        for (std::size_t k = 0; k < kMetrics; ++k)
          if (!limits[k]) limits[k] = limits_.overall[k];
        return limits;
      }
    }
    return limits_.overall;
  }
  // Those of a group that both have.
  std::vector<const ComparedImage*> paired_in(const std::string& place) const {
    std::vector<const ComparedImage*> out;
    for (std::size_t i = 0; i < pairs_.size(); ++i)
      if (belongs(*first_of_pair_[i], place)) out.push_back(&pairs_[i]);
    return out;
  }
  ComparedGroup group(const std::string& place) const {
    ComparedGroup out;
    out.place = place;
    const std::vector<const ComparedImage*> paired = paired_in(place);
    const Limits limits = limits_of(place);
    for (std::size_t k = 0; k < kMetrics; ++k) {
      Effect& effect = out.effects[k];
      effect.before = mean(before_, place, k, out.before);
      effect.after = mean(after_, place, k, out.after);
      if (!effect.before || !effect.after) continue;
      effect.limit = limits[k];
      VehicleSums sums;
      for (const ComparedImage* image : paired) {
        if (!image->before[k] || !image->after[k]) continue;
        VehicleSum& vehicle = sums[image->id];
        vehicle.sum += *image->after[k] - *image->before[k];
        ++vehicle.images;
      }
      effect.difference = estimate_mean(sums);
      judge(effect, k, options_.limits_alone);
    }
    return out;
  }

  const Report &before_, &after_;
  const CompareOptions& options_;
  DropLimits limits_;
  std::vector<ComparedImage> pairs_;
  std::vector<const Image*> first_of_pair_;
};

bool has(const Report& report, std::size_t metric) {
  return std::ranges::any_of(report.images, [&](const Image& image) { return image.scores[metric].has_value(); });
}

void check_limits(const CompareOptions& options, const Report& before, const Report& after, Comparison& result) {
  const Limits limits = options.limits.value_or(DropLimits{}).overall;
  const auto lacks = [&](std::size_t k) -> const std::string* {
    if (!has(before, k)) return &result.before_name;
    return has(after, k) ? nullptr : &result.after_name;
  };
  for (std::size_t k = 0; k < kMetrics; ++k) {
    const std::string* lacking = limits[k] ? lacks(k) : nullptr;
    if (lacking == nullptr) continue;
    if (options.limits) fail_usage("--max-drop {}: {} has no {} overall", kMetricNames[k], *lacking, kMetricNames[k]);
    result.notes.push_back(fmt::format("{} is not checked: {} has none", kMetricNames[k], *lacking));
  }
  if (!options.limits) return;
  for (const auto& [category, own] : options.limits->categories) {
    for (const auto& [report, name] :
         {std::pair{&before, &result.before_name}, std::pair{&after, &result.after_name}}) {
      if (!report->categories.contains(category))
        fail_usage("--max-drop {}:…: {} has no vehicle of that category; there are {}", category, *name,
                   fmt::join(report->categories, ", "));
    }
    for (std::size_t k = 0; k < kMetrics; ++k) {
      const std::string* lacking = own[k] ? lacks(k) : nullptr;
      if (lacking != nullptr)
        fail_usage("--max-drop {}:{}: {} has no {}", category, kMetricNames[k], *lacking, kMetricNames[k]);
    }
  }
}

void note_protocols(const Report& before, const Report& after, const CompareOptions& options, Comparison& result) {
  if (const std::string different = unlike(before.protocol, after.protocol);
      !different.empty() && !options.allow_different_protocol) {
    fail_usage("{} and {} were not measured alike: {}; evaluate both alike, or pass --allow-different-protocol",
               result.before_name, result.after_name, different);
  }
  for (const Difference& difference : differences(before.protocol, after.protocol)) {
    result.notes.push_back(fmt::format("{}: protocol.{} is {}",
                                       difference.moves_numbers ? "not measured alike" : "the two differ",
                                       difference.key, difference.text));
  }
  if (!before.protocol.contains("cameras") && !after.protocol.contains("cameras")) {
    result.notes.push_back(
        "neither report says which cameras the targets had, and they may have been estimated from the targets "
        "themselves: evaluate both again");
  }
}

// Nothing can differ but what was measured otherwise.
void note_same_predictions(const Report& before, const Report& after, Comparison& result) {
  if (!before.predictions_sha256.empty() && before.predictions_sha256 == after.predictions_sha256)
    result.notes.push_back("both hold the same pictures, to the last bit");
}

// They are no scores of images, so that nothing tells by pairs what is chance.
void note_sets(const Report& before, const Report& after, Comparison& result) {
  if (!before.sets || !after.sets) return;
  const auto kid = [](const SetDistances& sets) {
    return sets.kid_interval ? fmt::format("{} ({})", kid_text(sets), kid_interval_text(sets)) : kid_text(sets);
  };
  result.notes.push_back(fmt::format(
      "as sets of {} and {} pictures, which no limit judges: FID {:.4f} → {:.4f}, KID {} → {}", before.sets->images,
      after.sets->images, before.sets->fid, after.sets->fid, kid(*before.sets), kid(*after.sets)));
}

// Views and scores that only one of them has are in its means and in no difference.
void note_unpaired(const Report& before, const Report& after, Comparison& result) {
  const auto pairs = std::ssize(result.images);
  for (const auto& [report, name] : {std::pair{&before, &result.before_name}, std::pair{&after, &result.after_name}}) {
    if (const auto alone = std::ssize(report->images) - pairs; alone > 0 && pairs > 0)
      result.notes.push_back(fmt::format("{} target views are only in {}", alone, *name));
  }
  for (std::size_t k = 0; k < kMetrics; ++k) {
    const auto lack = [&](const auto& scores, const auto& others) {
      return std::ranges::count_if(
          result.images, [&](const ComparedImage& image) { return !(image.*scores)[k] && (image.*others)[k]; });
    };
    for (const auto& [count, name] :
         {std::pair{lack(&ComparedImage::before, &ComparedImage::after), &result.before_name},
          std::pair{lack(&ComparedImage::after, &ComparedImage::before), &result.after_name}}) {
      if (count > 0 && count < pairs)
        result.notes.push_back(fmt::format("{} views have no {} in {}", count, kMetricNames[k], *name));
    }
  }
}

std::string as_regression(const std::string& place, std::size_t k, const Effect& effect) {
  const double drop =
      worsening(k, effect.difference.vehicles > 0 ? effect.difference.mean : *effect.after - *effect.before);
  std::string line = fmt::format("{}: {} {} by {:.4f}, allowed {}", place, kMetricNames[k],
                                 higher_is_better(k) ? "fell" : "rose", drop, *effect.limit);
  if (const auto& interval = effect.difference.interval)
    line += fmt::format(" (95 % interval {:.4f} to {:.4f})", worsening(k, (*interval)[higher_is_better(k) ? 1 : 0]),
                        worsening(k, (*interval)[higher_is_better(k) ? 0 : 1]));
  return line;
}

// Reports at the model's size have a part of the metrics; the lesser ones are shown where they are checked.
std::vector<std::size_t> shown_metrics(const Comparison& result, const CompareOptions& options) {
  const DropLimits limits = options.limits.value_or(DropLimits{});
  std::vector<std::size_t> out;
  for (std::size_t k = 0; k < kMetrics; ++k) {
    const Effect& overall = result.groups.front().effects[k];
    const bool limited = limits.overall[k] || std::ranges::any_of(limits.categories, [&](const auto& category) {
                           return category.second[k].has_value();
                         });
    const bool there = k < kHeadMetrics || overall.before || overall.after;
    if (limited || (!is_lesser(k) && there)) out.push_back(k);
  }
  return out;
}

}  // namespace

std::optional<double> ComparedImage::worsening(std::size_t metric) const {
  if (!before[metric] || !after[metric]) return std::nullopt;
  return spinfill::worsening(metric, *after[metric] - *before[metric]);
}

DropLimits DropLimits::parse(const std::string& text) {
  DropLimits limits;
  limits.overall.fill(std::nullopt);
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string part = text.substr(begin, end - begin);
    begin = end + 1;
    const std::size_t equals = part.find('=');
    const std::string where = part.substr(0, equals);
    const std::size_t colon = where.rfind(':');
    const std::string category = colon == std::string::npos ? "" : where.substr(0, colon),
                      name = colon == std::string::npos ? where : where.substr(colon + 1);
    const auto metric = std::find(kMetricNames.begin(), kMetricNames.end(), name);
    if (metric == kMetricNames.end()) {
      const auto meant = did_you_mean(name, kMetricNames);
      fail_usage("--max-drop: no metric is called '{}'{}; there are {}", name,
                 meant ? fmt::format(", did you mean {}?", *meant) : "", fmt::join(kMetricNames, ", "));
    }
    if (colon == 0) fail_usage("--max-drop: '{}': write CATEGORY:{}=NUMBER", part, name);
    const std::string number = equals == std::string::npos ? "" : part.substr(equals + 1);
    double value = 0;
    const auto [stop, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (error != std::errc() || stop != number.data() + number.size() || !std::isfinite(value) || value < 0) {
      fail_usage("--max-drop: '{}': write {}=NUMBER with a number of at least 0", part, where);
    }
    Limits& of = category.empty() ? limits.overall : limits.categories[category];
    auto& limit = of[static_cast<std::size_t>(metric - kMetricNames.begin())];
    if (limit) fail_usage("--max-drop: {} is given twice", where);
    limit = value;
  }
  return limits;
}

Comparison compare_reports(const Json& before, const std::string& before_name, const Json& after,
                           const std::string& after_name, const CompareOptions& options) {
  const Report old_report = Reader(before, before_name).read(), new_report = Reader(after, after_name).read();
  Comparison result;
  result.before_name = before_name;
  result.after_name = after_name;
  result.at = new_report.protocol.value("at", Json()) == name_of(ScoredAt::photo) ? ScoredAt::photo : ScoredAt::model;
  result.before_kept = old_report.keeps_predictions;
  result.after_kept = new_report.keeps_predictions;
  note_protocols(old_report, new_report, options, result);
  check_limits(options, old_report, new_report, result);
  Comparer comparer(old_report, new_report, options);
  result.images = comparer.images();
  result.groups = comparer.groups();
  result.shown = shown_metrics(result, options);
  const ComparedGroup& overall = result.groups.front();
  result.paired = std::ranges::any_of(overall.effects, [](const Effect& e) { return e.difference.vehicles > 0; });
  if (!result.paired)
    result.notes.push_back(
        fmt::format("no target view is in both: there are no intervals, and {}",
                    options.limits_alone ? "limits alone decide" : "nothing counts as a regression"));
  note_same_predictions(old_report, new_report, result);
  note_sets(old_report, new_report, result);
  note_unpaired(old_report, new_report, result);
  for (ComparedGroup& group : result.groups) {
    group.counts = &group == &overall || options.groups_count ||
                   (options.limits && std::ranges::any_of(options.limits->categories, [&](const auto& category) {
                      return group.place == "by_category " + category.first;
                    }));
    if (group.before == 0 || group.after == 0) {
      result.notes.push_back(fmt::format("{} is only in {}", group.place, group.after == 0 ? before_name : after_name));
      continue;
    }
    for (std::size_t k = 0; k < kMetrics; ++k) {
      if (!group.effects[k].regressed) continue;
      (group.counts ? result.regressions : result.group_regressions)
          .push_back(as_regression(group.place, k, group.effects[k]));
    }
  }
  return result;
}

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#include "metrics/scored_pieces.h"

#include "core/error.h"
#include "core/log.h"
#include "data/sets/content.h"
#include "metrics/report.h"

namespace spinfill {
namespace {

// What is kept is never pushed out, but leaves room for the report.
constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 50, kKeepFree = std::uint64_t{64} << 20;

std::string key_of(std::int64_t piece) {
  return ContentKey("scored piece 1").add(piece).hex();
}

}  // namespace

ScoredPieces::ScoredPieces(const std::filesystem::path& folder, const EvaluationSet& set, ScoredAt at)
    : store_(folder, kNoLimit, kKeepFree), folder_(folder.string()), set_(set), at_(at) {}

std::int64_t ScoredPieces::count() const {
  return at_ == ScoredAt::photo ? std::ssize(set_.samples()) : set_.batches();
}

std::span<const SampleSpec> ScoredPieces::samples_of(std::int64_t piece) const {
  if (at_ == ScoredAt::model) return set_.samples_of(piece);
  return std::span(set_.samples()).subspan(static_cast<std::size_t>(piece), 1);
}

std::string ScoredPieces::content_of(std::int64_t piece) {
  ContentKey key("content of a piece 1");
  for (const SampleSpec& spec : samples_of(piece)) {
    auto [vehicle, added] = vehicles_.try_emplace(spec.set);
    if (added) {
      const auto set = set_.data().view_set(spec.set);
      const ContentRead read{.normals = set_.config().normals};
      vehicle->second = content_of_set(*set, read) + (set->cameras_estimated ? " estimated" : "");
    }
    key.add(vehicle->second).add(spec.sample).add(spec.references.to_string()).add(spec.targets.to_string());
  }
  return key.hex();
}

std::map<std::int64_t, EvaluationReport> ScoredPieces::find(bool& has_changed) {
  std::map<std::int64_t, EvaluationReport> found;
  std::int64_t changed = 0, unread = 0;
  for (std::int64_t piece = 0; piece < count(); ++piece) {
    const std::optional<std::string> text = store_.find(key_of(piece));
    if (!text) continue;
    try {
      const Json json = parse_json(*text, folder_);
      EvaluationReport report = report_from_json(json, folder_);
      if (json.value("content", "") == content_of(piece))
        found.emplace(piece, std::move(report));
      else
        ++changed;
    } catch (const std::exception&) {  // Json's too
      ++unread;
    }
  }
  if (changed > 0)
    log_info("{}: the data of {} of the pieces that were scored before have changed: all are scored again", folder_,
             changed);
  if (unread + store_.damaged() > 0)
    log_warning("{}: {} of the pieces that were scored before are damaged: these are scored again", folder_,
                unread + store_.damaged());
  has_changed = changed > 0;
  if (has_changed) found.clear();
  return found;
}

bool ScoredPieces::keep(std::int64_t piece, const Protocol& protocol, const std::vector<ImageRow>& rows) {
  EvaluationReport report;
  report.protocol = protocol;
  report.images = rows;
  Json json = share_to_json(report);
  json["content"] = content_of(piece);
  return store_.keep(key_of(piece), json.dump());
}

}  // namespace spinfill

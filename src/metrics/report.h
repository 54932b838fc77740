// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/files/json.h"
#include "metrics/evaluation.h"

namespace spinfill {

// metrics.json: protocol, model, overall (with its 95 % intervals over vehicles and, of several samples of each view,
// what they tell), by_missing, by_azimuth, by_category, by_case, baselines.NAME.{the same, model_differs_by}, at photo
// by_evidence and geometric_consistency_of_photographs, where sets are compared `sets` (metrics/report_sets.h), images
// (one row per target view). A score that is not defined is null; where LPIPS is absent protocol.lpips_absent says why.
Json report_to_json(const EvaluationReport& report);
// Protocol and images alone, these with their embeddings, for merge() of what processes have scored: report_from_json()
// reads it. JSON changes no number: each is written with the fewest digits that read back as the same value.
Json share_to_json(const EvaluationReport& report);
// Reads protocol, model and images back; every field is checked (exit 3 names it). Averages are computed anew.
EvaluationReport report_from_json(const Json& value, const std::string& where);

// Refuses a report without images (exit 3). Atomic.
void write_report(const std::filesystem::path& path, const EvaluationReport& report);

// The protocol in a few lines, and the shares of what pixels are from; of a report with images.
std::string report_head(const EvaluationReport& report);
// The scores as an aligned plain-text table: the model and the baselines side by side, overall, by missing count and by
// case, under report_head().
std::string report_table(const EvaluationReport& report);

// {"psnr": …, …} of one average or row, those measured there; used wherever scores become JSON.
Json scores_to_json(const Scores& scores, ScoredAt at = ScoredAt::model);

// By where pixels are from: shares and PSNR; null where nothing tells.
Json evidence_to_json(const EvidenceErrors& evidence);
// What the photographs themselves reach in geometric consistency, over the views that tell; null at the model's size
// and where none does.
Json consistency_of_photographs(const EvaluationReport& report);

// Left-aligned first column, right-aligned others; an empty row is a blank line.
std::string aligned_table(std::vector<std::vector<std::string>> rows);

// A score as people read it: 2 decimals for dB and pixels, 5 for L2, 4 for the others; "–" where there is none.
int score_decimals(std::size_t metric);
std::string score_text(std::size_t metric, double value);

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/files/json.h"
#include "metrics/evaluation.h"

namespace spinfill {

// FID and KID in a report: how far all pictures of the model, and of each baseline, are from all truths as sets, by the
// embeddings of the identity network; one picture and one truth for each image, vehicles being the groups.

// Puts them into a report of all images, whose rows have their embeddings. None where there is a single vehicle, or
// where some rows have no embeddings.
void score_sets(EvaluationReport& report);

// {"images": …, "dimensions": …, "model": {"fid": …, "kid": …, "kid_interval": …}, "baselines": {"nearest": {…}, …}};
// null where there are none. Reading checks everything (exit 3).
Json report_sets_to_json(const EvaluationReport& report);
std::vector<SetDistances> report_sets_from_json(const Json& value, const std::string& where);

// A line of what is compared and a table of the model beside the baselines; empty where there are none.
std::string report_sets_table(const EvaluationReport& report);

// The embeddings of a row, as text for the shares of an evaluation: 8 hexadecimal digits a float32. Reading gives
// nothing where it is no such text.
std::string embedding_text(const std::vector<float>& embedding);
std::vector<float> embedding_of_text(const std::string& text);

}  // namespace spinfill

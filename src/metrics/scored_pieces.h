// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/files/content_store.h"
#include "metrics/evaluation.h"
#include "metrics/evaluation_set.h"

namespace spinfill {

// What an evaluation has scored so far, kept piece by piece, so that one that was ended goes on where it was. A piece
// is a batch of an EvaluationSet or, at photo, a sample. The folder belongs to one evaluation
// (core/files/unfinished_folder.h); what a piece was scored on, its vehicles' files and subsets, is kept with its rows
// and compared. Several processes may share the folder.
class ScoredPieces {
 public:
  ScoredPieces(const std::filesystem::path& folder, const EvaluationSet& set, ScoredAt at);

  std::int64_t count() const;  // of all pieces
  std::span<const SampleSpec> samples_of(std::int64_t piece) const;
  // Those that were kept and still hold; of the others one line says why, where anything was there. None, and
  // `changed`, where the data of any has changed: what was drawn of them is not known piece by piece.
  std::map<std::int64_t, EvaluationReport> find(bool& changed);
  // False where it could not be written, which one warning tells.
  bool keep(std::int64_t piece, const Protocol& protocol, const std::vector<ImageRow>& rows);

 private:
  std::string content_of(std::int64_t piece);

  ContentStore store_;
  std::string folder_;
  const EvaluationSet& set_;
  ScoredAt at_;
  std::map<std::int64_t, std::string> vehicles_;  // of the set's number: what its files hold
};

}  // namespace spinfill

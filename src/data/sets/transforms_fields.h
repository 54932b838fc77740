// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <set>
#include <string>

#include "core/files/json.h"
#include "data/sets/set_problems.h"

namespace spinfill {

// The fields of one object of transforms.json: of the set itself, or of a frame. What is wrong is added to `problems`
// once; the field then counts as not stated, and is_wrong() keeps what depends on it from being reported too.
class TransformsFields {
 public:
  TransformsFields(const Json& object, SetProblems& problems) : object_(&object), problems_(&problems) {}
  TransformsFields(const Json& object, SetProblems& problems, std::string list, std::size_t index)
      : object_(&object), problems_(&problems), list_(std::move(list)), index_(index) {}

  bool of_set() const { return list_.empty(); }
  bool has(const char* name) const { return object_->contains(name); }
  const Json* find(const char* name) const;  // nullptr: not stated
  bool is_wrong(const char* name) const { return wrong_.contains(name); }

  std::optional<double> number(const char* name, double low, double high, const char* advice = "correct it");
  std::optional<std::string> text(const char* name);

  // "frames[3].file_path", or "file_path" of the set.
  std::string where(const std::string& name) const;
  // `example`: as in ProblemDetail.
  void wrong(const char* name, const std::string& what, const std::string& advice,
             const std::optional<std::string>& example = {});

 private:
  const Json* object_;
  SetProblems* problems_;
  std::string list_;
  std::size_t index_ = 0;
  std::set<std::string, std::less<>> wrong_;
};

// The start of a text from a file, fit for a message of one line.
std::string shown(const std::string& text);

}  // namespace spinfill

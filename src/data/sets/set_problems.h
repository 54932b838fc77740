// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace spinfill {

// Problems are equal where `field`, what is wrong and the advice are. `example` is what differs: it stands for "{}".
struct ProblemDetail {
  std::string field, frame;
  std::optional<std::string> example = {};
};

// What is wrong with a set, one entry per cause: equal problems of several frames come once, with their count.
class SetProblems {
 public:
  struct Problem {
    std::string where;                // the first place: a field or a picture
    std::string what, advice;         // `what` counts the frames where there are several
    std::vector<std::string> frames;  // all that it concerns, in the order found; empty: the set itself
  };

  void add(const std::string& where, const std::string& what, const std::string& advice,
           const ProblemDetail& detail = {});

  // In the order found. `noun` stands before the counted frames: "frames " gives "(frames 0, 1, 2 and 31 more)".
  std::vector<Problem> list(const std::string& noun) const;
  bool empty() const { return found_.empty(); }

 private:
  std::vector<Problem> found_;
  std::map<std::vector<std::string>, std::size_t> place_;  // of equal problems in found_
};

// "a, b, c and 31 more".
std::string first_few(const std::vector<std::string>& names);

}  // namespace spinfill

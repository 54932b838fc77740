// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "core/files/json.h"
#include "data/sets/data_set.h"

namespace spinfill {

// What tells one data set from another, wherever it lies and whether in folders or in shards: which vehicles there are,
// and what is read of up to kCompared of them, evenly spread, so that a large data set costs no more.
struct DataContent {
  static constexpr std::int64_t kCompared = 400;
  std::int64_t vehicles = 0;
  std::string ids_sha256;
  std::map<std::string, std::string> sets;  // by id: the first digits of a SHA-256
};
// Pictures that only some samples are made from.
struct ContentRead {
  bool depth = false, normals = false;
};
// What is read of one vehicle: the first digits of a SHA-256 of its description, pictures of slots, masks and identity
// vector, and of what `read` names. Exit 3 names what cannot be read.
std::string content_of_set(const ViewSet& set, const ContentRead& read = {});
// Reads these vehicles' descriptions, pictures of slots, masks and identity vectors, and what `read` names. Exit 3
// names what cannot be read.
DataContent content_of(const DataSet& data, const ContentRead& read = {});

Json to_json(const DataContent& content);
DataContent content_from_json(const Json& json);  // throws Json::exception for what is not there or of the wrong type

// In what the second differs from the first, in words; empty where they are the same.
std::string difference(const DataContent& before, const DataContent& now);

}  // namespace spinfill

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "core/files/files.h"
#include "core/files/json.h"
#include "core/files/sha256.h"
#include "support/support.h"
#include "support/tiny_set.h"

namespace spinfill::test {

// A suite whose tests run the program in one folder that they share. `Suite::fill()` puts in what all of them need.
// No LPIPS weights, so that a validation takes milliseconds.
template <class Suite>
class ProgramSuite : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TemporaryFolder>();
    Suite::fill();
  }
  static void TearDownTestSuite() { folder_.reset(); }

  // In the shared folder. Under a sanitizer, programs may be started with the library of support/faults.h before it.
  static CommandResult shell(const std::string& script) {
    return run_command(
        fmt::format("cd '{}' || exit 9; unset SPINFILL_LPIPS_WEIGHTS; export "
                    "ASAN_OPTIONS=verify_asan_link_order=0:$ASAN_OPTIONS; {}",
                    folder_->path().string(), script));
  }
  static CommandResult spinfill(const std::string& arguments) {
    return shell(fmt::format("'{}' {}", program(), arguments));
  }
  // tiny.yaml, a configuration for tiny sets, with this section `train`.
  static void write_config(const std::string& train) {
    write_file_atomic(*folder_ / "tiny.yaml", std::string(kTinyModelYaml) + "train: {" + train + "}\n");
  }
  // Trains with it on the sets in `data`.
  static std::string train(const std::string& run, const std::string& more = "") {
    return fmt::format("'{}' train --config tiny.yaml --set data.path=data --out {} {}", program(), run, more);
  }
  static std::vector<Json> rows(const std::string& run) {  // of its metrics.jsonl
    std::vector<Json> list;
    std::ifstream in(*folder_ / run / "metrics.jsonl");
    for (std::string line; std::getline(in, line);) list.push_back(Json::parse(line));
    return list;
  }
  // The hashes of what a checkpoint holds.
  static std::string checkpoint_hashes(const std::string& run, int step) {
    std::string hashes;
    for (const char* part : {"weights", "ema", "optimizer"}) {
      hashes += sha256_file(*folder_ / run / fmt::format("checkpoints/step-{}/{}.safetensors", step, part));
    }
    return hashes;
  }
  static inline std::unique_ptr<TemporaryFolder> folder_;
};

}  // namespace spinfill::test

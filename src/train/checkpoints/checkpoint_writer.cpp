// SPDX-License-Identifier: Apache-2.0
#include "train/checkpoints/checkpoint_writer.h"

#include <chrono>
#include <thread>
#include <utility>

#include "core/error.h"
#include "core/files/json.h"
#include "core/log.h"
#include "run/run_paths.h"

namespace spinfill {
namespace {

constexpr auto kLook = std::chrono::milliseconds(2);

// A rank's hashes of a shared save, until the first rank has joined them in state.json.
fs::path hashes_file(const fs::path& folder, int rank) {
  return folder / fmt::format("hashes-{}.json", rank);
}

void write_state_of_all(const fs::path& folder, const CheckpointShare& share) {
  Json hashes = Json::object();
  for (int rank = 0; rank < share.world; ++rank) {
    const fs::path path = hashes_file(folder, rank);
    if (!fs::exists(path)) {
      fail("{}: rank {}'s files are not here: the run's folder must be on storage that all processes share",
           folder.string(), rank);
    }
    hashes.update(read_json(path));
    fs::remove(path);
  }
  write_checkpoint_state({folder, share.step, share.progress, hashes});
}

}  // namespace

CheckpointWriter::CheckpointWriter(fs::path run, const TrainConfig& config, Ranks& ranks)
    : run_(std::move(run)), config_(config), ranks_(ranks) {}

CheckpointWriter::~CheckpointWriter() {
  if (work_.valid()) work_.wait();
}

void CheckpointWriter::start(Phase phase, std::function<void()> work) {
  phase_ = phase;
  work_ = std::async(std::launch::async, [work = std::move(work)]() -> std::string {
    try {
      work();
      return "";
    } catch (const std::exception& error) {
      return error.what();
    }
  });
}

void CheckpointWriter::begin(const CheckpointShare& share) {
  wait();
  share.require_finite();
  share_ = share.copy();
  std::string path, problem;
  if (ranks_.first()) {
    try {
      if (!is_run(run_)) fail("{}: the run's folder, or its config.yaml, is gone", run_.string());
      folder_ = std::make_unique<AtomicFolder>(checkpoint_folder(run_, share.step), true);
      path = folder_->path().string();
      const auto processes = static_cast<std::uint64_t>(share.sharded() ? share.world : 1);
      require_free_space(path, processes * share_.bytes(), fmt::format("checkpoint of step {}", share.step));
    } catch (const std::exception& error) {
      problem = error.what();
    }
  }
  const Json said = Json::parse(ranks_.from_first(Json{{"path", path}, {"problem", problem}}.dump()));
  if (const auto text = said.at("problem").get<std::string>(); !text.empty()) return end_save(text);
  const fs::path folder = said.at("path").get<std::string>();
  if (share.sharded()) {
    start(Phase::writing, [this, folder] {
      write_json_atomic(hashes_file(folder, share_.rank), write_checkpoint_share(folder, share_));
    });
  } else {
    start(Phase::committing, [this] {
      if (!folder_) return;
      const Json hashes = write_checkpoint_share(folder_->path(), share_);
      write_checkpoint_state({folder_->path(), share_.step, share_.progress, hashes});
      commit();
    });
  }
}

void CheckpointWriter::look() {
  if (phase_ == Phase::idle) return;
  if (ranks_.any(work_.wait_for(std::chrono::seconds(0)) != std::future_status::ready)) return;
  const std::string mine = work_.get();
  if (ranks_.any(!mine.empty())) {
    std::string all;
    const std::vector<std::string> problems = ranks_.gather(mine);
    for (std::size_t rank = 0; rank < problems.size(); ++rank) {
      if (problems[rank].empty()) continue;
      all += all.empty() ? "" : "; ";
      all += ranks_.world() > 1 ? fmt::format("rank {}: {}", rank, problems[rank]) : problems[rank];
    }
    return end_save(all);
  }
  if (phase_ == Phase::committing) return end_save("");
  start(Phase::committing, [this] {
    if (!folder_) return;
    write_state_of_all(folder_->path(), share_);
    commit();
  });
}

void CheckpointWriter::commit() {
  folder_->commit();
  prune_checkpoints(run_, config_.keep_last, share_.progress.best.step, config_.keep_every);
}

void CheckpointWriter::end_save(const std::string& problem) {
  phase_ = Phase::idle;
  folder_.reset();
  const std::int64_t step = std::exchange(share_, {}).step;
  if (problem.empty()) {
    failed_in_row_ = 0;
    return;
  }
  ++failed_in_row_;
  if (failed_in_row_ >= config_.max_failed_saves)
    fail("{} checkpoints in a row could not be saved; that of step {}: {}; an older one stands", failed_in_row_, step,
         problem);
  if (ranks_.first())
    log_warning("the checkpoint of step {} could not be saved: {}; an older one stands, the next is tried in its turn",
                step, problem);
}

void CheckpointWriter::wait() {
  for (look(); phase_ != Phase::idle; look()) std::this_thread::sleep_for(kLook);
}

void CheckpointWriter::finish() {
  wait();
  if (failed_in_row_ > 0) fail("the last checkpoint could not be saved; an older one stands");
}

}  // namespace spinfill

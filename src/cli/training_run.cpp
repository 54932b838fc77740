// SPDX-License-Identifier: Apache-2.0
#include "cli/training_run.h"

#include "cli/options.h"
#include "core/config/config.h"
#include "core/files/files.h"
#include "core/log.h"
#include "core/signals.h"
#include "model/device.h"
#include "run/check_sizes.h"
#include "run/run_kind.h"

namespace spinfill {

RunConfig load_run_to_make(const std::filesystem::path& file, const std::vector<std::string>& set) {
  const std::vector<Override> overrides = parse_overrides(set);
  const std::string yaml = read_file(file, 1 << 20);
  require_config_kind(yaml, file, RunKind::model);
  RunConfig config;
  read_config_text(yaml, file.string(), overrides, [&](Fields& f) {
    config.bind(f);
    check_sizes(f, config);
    check_patterns(f, config);
  });
  return config;
}

void as_one_rank(const RankPlace& place, const TrainConfig& config, const std::string& what,
                 const std::function<void(Ranks&)>& work) {
  as_one_rank(place, choose_device(config.device, place.local_rank), {config.join_timeout, config.rank_timeout}, what,
              work);
}

void as_one_rank(const RankPlace& place, at::Device device, const RankTimeouts& timeouts, const std::string& what,
                 const std::function<void(Ranks&)>& work) {
  Ranks ranks(place, device, what, timeouts);
  // Once all are there, messages from rank 0 are enough; warnings and errors come from all.
  if (place.rank != 0) set_quiet(true);
  try {
    work(ranks);
    ranks.leave();
  } catch (const Stopped&) {
    ranks.leave();
    throw;
  } catch (const std::exception& error) {
    ranks.tell_failure(error.what());
    throw;
  }
}

}  // namespace spinfill

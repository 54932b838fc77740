// SPDX-License-Identifier: Apache-2.0
#include "cli/data/data.h"

namespace spinfill {

Command data_command() {
  return {"data", "Imports, checks and packs data sets, estimates their cameras and shows the estimate",
          [](CLI::App& app) {
            return add_commands(
                app, {data_check_command(), data_stabilise_command(), data_inspect_command(), data_import_command(),
                      data_pack_command(), data_index_command(), data_segment_command(), data_angles_command(),
                      data_train_azimuth_command(), data_train_segmenter_command()});
          }};
}

}  // namespace spinfill

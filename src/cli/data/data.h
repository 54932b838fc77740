// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/command.h"

namespace spinfill {

// `spinfill data NAME`, one per file of this folder: NAME.cpp defines Command data_NAME_command().
Command data_check_command();
Command data_stabilise_command();
Command data_inspect_command();
Command data_pack_command();
Command data_index_command();
Command data_import_command();
Command data_segment_command();
Command data_angles_command();
Command data_train_azimuth_command();
Command data_train_segmenter_command();

}  // namespace spinfill

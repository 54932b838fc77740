// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/files/content_store.h"
#include "data/priors/priors.h"

namespace spinfill {

// compute_priors of a batch on the processor, kept in the store by the content of what it reads: the references'
// pictures, all cameras, the settings. Bit for bit the same, whether computed or found. Without a store: computed.
PriorMaps stored_priors(const PriorInputs& inputs, const PriorConfig& config, ContentStore* store);

}  // namespace spinfill

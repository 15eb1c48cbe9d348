// How many inputs the linears of a site have.
#pragma once

#include <cstdint>

#include "hessians/hessian_store.h"
#include "runtime/model/config.h"

namespace dwubit {

std::int64_t site_features(const ModelConfig& config, Site site);

}  // namespace dwubit

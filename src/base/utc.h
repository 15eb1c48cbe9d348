// The time of day for what people read: logs, manifests of a run.
#pragma once

#include <string>

namespace dwubit {

// "2026-11-28T02:55:10Z"
std::string utc_now();

}  // namespace dwubit

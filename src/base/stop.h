// The wish to stop: set by a signal handler of the program, asked for by long work between its units.
#pragma once

#include "dwubit/result.h"

namespace dwubit {

// Async-signal-safe.
void request_stop();
bool stop_requested();
// kInterrupted once a stop is requested: "stopped by a signal; run the same command again to go on".
Result<void> check_stop();

}  // namespace dwubit

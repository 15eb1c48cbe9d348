#include "base/stop.h"

#include <atomic>

namespace dwubit {
namespace {

std::atomic<bool> stop{false};
static_assert(std::atomic<bool>::is_always_lock_free);

}  // namespace

void request_stop() {
    stop.store(true, std::memory_order_relaxed);
}

bool stop_requested() {
    return stop.load(std::memory_order_relaxed);
}

Result<void> check_stop() {
    if (!stop_requested()) return {};
    return make_error(ErrorKind::kInterrupted, "stopped by a signal")
        .with_hint("the same command goes on where this one stopped");
}

}  // namespace dwubit

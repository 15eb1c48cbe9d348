#include "base/log.h"

#include <mutex>
#include <utility>

namespace dwubit {
namespace {

// Function-local so that a message during static initialisation of another file finds it ready.
struct Sink {
    std::mutex mutex;
    LogSink sink;
};

Sink& the_sink() {
    static Sink sink;
    return sink;
}

class NoProgress final : public ProgressSink {
public:
    void begin(std::string_view, std::int64_t, std::string_view) override {}
    void update(std::int64_t) override {}
    void end() override {}
};

}  // namespace

LogSink set_log_sink(LogSink sink) {
    const std::lock_guard lock(the_sink().mutex);
    return std::exchange(the_sink().sink, std::move(sink));
}

void log_message(LogLevel level, std::string_view message) {
    const std::lock_guard lock(the_sink().mutex);
    if (the_sink().sink) the_sink().sink(level, message);
}

ProgressSink& no_progress() {
    static NoProgress sink;
    return sink;
}

}  // namespace dwubit

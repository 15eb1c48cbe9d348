// Where libraries say things: a process-wide sink for messages and an interface for progress. Libraries never print;
// the program installs sinks (apps/cli), tests install their own, and without one everything is dropped.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace dwubit {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

using LogSink = std::function<void(LogLevel, std::string_view message)>;

// Installs the sink and returns the one before. Thread-safe; calls to a sink are serialised.
LogSink set_log_sink(LogSink sink);

void log_message(LogLevel level, std::string_view message);
inline void log_info(std::string_view message) {
    log_message(LogLevel::kInfo, message);
}
inline void log_warning(std::string_view message) {
    log_message(LogLevel::kWarning, message);
}

// One running task. `total` may be 0 when unknown. update() may be called from any thread and often: a sink that
// draws limits its own rate.
class ProgressSink {
public:
    virtual ~ProgressSink() = default;
    virtual void begin(std::string_view task, std::int64_t total, std::string_view unit) = 0;
    virtual void update(std::int64_t done) = 0;
    virtual void end() = 0;
};

// A sink that shows nothing; never null, lives as long as the program.
ProgressSink& no_progress();

}  // namespace dwubit

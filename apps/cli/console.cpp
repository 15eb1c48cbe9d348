#include "console.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <mutex>

#include "base/text.h"
#include "duration.h"
#include "dwubit/version.h"

namespace dwubit::cli {
namespace {

constexpr std::size_t kMaxErrorLines = 6;
constexpr std::size_t kMaxLineBytes = 400;

class TerminalProgress final : public ProgressSink {
public:
    void begin(std::string_view task, std::int64_t total, std::string_view unit) override {
        const std::lock_guard lock(mutex_);
        task_ = task;
        unit_ = unit;
        total_ = total;
        start_ = Clock::now();
        drawn_ = start_ - std::chrono::hours(1);
    }

    void update(std::int64_t done) override {
        const std::lock_guard lock(mutex_);
        const auto now = Clock::now();
        if (now - drawn_ < std::chrono::milliseconds(100)) return;
        drawn_ = now;
        const double elapsed = std::chrono::duration<double>(now - start_).count();
        fmt::print(stderr, "\r\x1b[K{}", progress_text(task_, done, total_, unit_, elapsed));
        std::fflush(stderr);
    }

    void end() override {
        const std::lock_guard lock(mutex_);
        fmt::print(stderr, "\r\x1b[K");
        std::fflush(stderr);
    }

private:
    using Clock = std::chrono::steady_clock;
    std::mutex mutex_;
    std::string task_;
    std::string unit_;
    std::int64_t total_ = 0;
    Clock::time_point start_;
    Clock::time_point drawn_;
};

spdlog::level::level_enum spdlog_level(LogLevel level) {
    switch (level) {
        case LogLevel::kDebug:
            return spdlog::level::debug;
        case LogLevel::kInfo:
            return spdlog::level::info;
        case LogLevel::kWarning:
            return spdlog::level::warn;
        case LogLevel::kError:
            return spdlog::level::err;
    }
    return spdlog::level::info;
}

spdlog::logger& logger() {
    static spdlog::logger instance = [] {
        spdlog::logger made("dwubit", std::make_shared<spdlog::sinks::stderr_sink_mt>());
        made.set_pattern("dwubit: %l: %v");
        return made;
    }();
    return instance;
}

// One line of a message, however long it is and whatever it quotes.
std::string line(std::string_view text) {
    return printable(text, kMaxLineBytes);
}

}  // namespace

Console::Console() {
    previous_sink_ = set_log_sink([this](LogLevel level, std::string_view message) {
        if (level == LogLevel::kWarning) {
            warn(std::string(message));
        } else {
            logger().log(spdlog_level(level), line(message));
        }
    });
    if (::isatty(STDERR_FILENO) == 1) progress_ = std::make_unique<TerminalProgress>();
}

Console::~Console() {
    set_log_sink(std::move(previous_sink_));
}

void Console::set_quiet(bool quiet) {
    quiet_ = quiet;
    logger().set_level(quiet ? spdlog::level::warn : spdlog::level::info);
}

void Console::print(std::string_view text) {
    if (json_) return;
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

void Console::warn(std::string text) {
    logger().warn(line(text));
    warnings_.push_back(std::move(text));
}

ProgressSink& Console::progress() {
    return progress_ && !quiet_ ? *progress_ : no_progress();
}

int exit_code(const Error& error) {
    if (error.kind == ErrorKind::kUsage) return kExitUsage;
    return error.kind == ErrorKind::kInterrupted ? kExitResumable : kExitFailed;
}

void report_error(const Error& error, const std::string& command, bool json, const std::vector<std::string>& warnings) {
    std::vector<std::string> lines = {fmt::format("{}: error: {}", command, line(error.message))};
    const std::size_t hint_lines = error.hint.empty() ? 0 : 1;
    for (const std::string& where : error.context) {
        if (lines.size() + hint_lines == kMaxErrorLines) break;
        lines.push_back("  in " + line(where));
    }
    if (hint_lines != 0) lines.push_back("  hint: " + line(error.hint));
    for (const std::string& text : lines) fmt::print(stderr, "{}\n", text);
    if (!json) return;
    Json object = {{"error",
                    {{"kind", error_kind_name(error.kind)},
                     {"message", error.message},
                     {"context", error.context},
                     {"hint", error.hint}}}};
    static_cast<void>(report_result(std::move(object), command, warnings));
}

bool report_result(Json result, const std::string& command, const std::vector<std::string>& warnings) {
    const std::size_t space = command.find(' ');
    result["schema"] = fmt::format("dwubit.{}/1", space == std::string::npos ? "error" : command.substr(space + 1));
    result["version"] = version();
    result["warnings"] = warnings;
    const std::string text = dump_json(result) + "\n";
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
}

}  // namespace dwubit::cli

#include "step_progress.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <mutex>
#include <string>

#include "duration.h"

namespace dwubit::cli {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point from, Clock::time_point to) {
    return std::chrono::duration<double>(to - from).count();
}

class Quiet final : public StudyProgress {
public:
    void begin_step(std::string_view, int, int, double) override {}
    void end_step(std::string_view, double) override {}
    void begin(std::string_view, std::int64_t, std::string_view) override {}
    void update(std::int64_t) override {}
    void end() override {}
};

class Lines final : public StudyProgress {
public:
    explicit Lines(bool terminal) : terminal_(terminal) {}

    void begin_step(std::string_view id, int number, int count, double seconds) override {
        const std::lock_guard lock(mutex_);
        head_ = fmt::format("[{}/{}] {}", number, count, id);
        total_ = 0;
        said_ = Clock::now();
        show(fmt::format("{}: about {}", head_, duration_text(seconds)));
    }

    void end_step(std::string_view outcome, double seconds) override {
        const std::lock_guard lock(mutex_);
        clear();
        fmt::print(stderr, "{}: {}, {}\n", head_, outcome, duration_text(seconds));
        std::fflush(stderr);
    }

    void begin(std::string_view task, std::int64_t total, std::string_view unit) override {
        const std::lock_guard lock(mutex_);
        task_ = task;
        unit_ = unit;
        total_ = total;
        start_ = Clock::now();
    }

    void update(std::int64_t done) override {
        const std::lock_guard lock(mutex_);
        const auto now = Clock::now();
        if (now - said_ < (terminal_ ? kRedraw : kPlainPause)) return;
        said_ = now;
        show(fmt::format("{}: {}", head_, progress_text(task_, done, total_, unit_, seconds_between(start_, now))));
    }

    void end() override {}

private:
    static constexpr std::chrono::milliseconds kRedraw{100};
    static constexpr std::chrono::milliseconds kPlainPause{10'000};

    void clear() const {
        if (terminal_) fmt::print(stderr, "\r\x1b[K");
    }

    void show(const std::string& line) const {
        clear();
        fmt::print(stderr, "{}{}", line, terminal_ ? "" : "\n");
        std::fflush(stderr);
    }

    bool terminal_;
    std::mutex mutex_;
    std::string head_;  // "[2/9] quantize:gptq"
    std::string task_;
    std::string unit_;
    std::int64_t total_ = 0;
    Clock::time_point start_;
    Clock::time_point said_;
};

}  // namespace

std::unique_ptr<StudyProgress> make_step_progress(bool terminal, bool quiet) {
    if (quiet) return std::make_unique<Quiet>();
    return std::make_unique<Lines>(terminal);
}

}  // namespace dwubit::cli

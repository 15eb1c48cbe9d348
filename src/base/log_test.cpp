#include "base/log.h"

#include <gtest/gtest.h>

#include <vector>

namespace dwubit {
namespace {

TEST(Log, MessagesReachTheInstalledSinkOnly) {
    std::vector<std::string> seen;
    auto before = set_log_sink([&](LogLevel level, std::string_view message) {
        seen.push_back((level == LogLevel::kWarning ? "W " : "I ") + std::string(message));
    });
    log_info("one");
    log_warning("two");
    set_log_sink(std::move(before));
    log_info("three");
    EXPECT_EQ(seen, (std::vector<std::string>{"I one", "W two"}));
}

TEST(Progress, TheEmptySinkTakesEverything) {
    no_progress().begin("task", 10, "tokens");
    no_progress().update(5);
    no_progress().end();
}

}  // namespace
}  // namespace dwubit

// What a command may say: text on stdout, progress and messages on stderr, warnings that --json carries too.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "dwubit/result.h"
#include "json/json.h"

namespace dwubit::cli {

class Console {
public:
    Console();
    ~Console();
    Console(const Console&) = delete;
    Console& operator=(const Console&) = delete;

    // --json: stdout carries one JSON object and nothing else.
    bool json() const { return json_; }
    void set_json(bool json) { json_ = json; }
    // --quiet: no progress and no messages below warnings.
    void set_quiet(bool quiet);
    bool quiet() const { return quiet_; }

    // Text for people on stdout; dropped with --json.
    void print(std::string_view text);
    // A line on stderr and an entry of the JSON object's `warnings`.
    void warn(std::string text);
    const std::vector<std::string>& warnings() const { return warnings_; }

    // A line that is redrawn, with ETA, when stderr is a terminal; nothing otherwise.
    ProgressSink& progress();

private:
    bool json_ = false;
    bool quiet_ = false;
    std::vector<std::string> warnings_;
    std::unique_ptr<ProgressSink> progress_;
    LogSink previous_sink_;
};

// Exit codes of the command-line contract.
inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitResumable = 75;

int exit_code(const Error& error);

// Message, context and hint on stderr in at most 6 lines, and with --json the error object on stdout.
void report_error(const Error& error, const std::string& command, bool json, const std::vector<std::string>& warnings);

// `result` with schema, version and warnings, as one line on stdout. False when stdout cannot take it.
bool report_result(Json result, const std::string& command, const std::vector<std::string>& warnings);

}  // namespace dwubit::cli

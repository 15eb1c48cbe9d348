// Lines of stdin, read without a library's buffer, so that a signal interrupts the wait.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "dwubit/result.h"

namespace dwubit::cli {

class LineReader {
public:
    enum class Event { kLine, kEnd, kInterrupted };
    struct Outcome {
        Event event = Event::kEnd;
        std::string line;  // without its newline; the text after the last newline counts as a line
    };

    static constexpr std::size_t kMaxLineBytes = std::size_t{1} << 20;

    // kInterrupted: a signal came during the wait, and what was typed of the line is dropped. Error for a line longer
    // than kMaxLineBytes.
    Result<Outcome> next();

private:
    std::string buffer_;
    bool ended_ = false;
};

}  // namespace dwubit::cli

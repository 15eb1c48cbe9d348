// Lines of stdin, read without a library's buffer, so that something else can end the wait.
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

    // `wake` becomes readable when a wait is to end.
    explicit LineReader(int wake) : wake_(wake) {}

    // kInterrupted: `wake` was readable before a line had come; what there was of the line is dropped. Error for a line
    // longer than kMaxLineBytes.
    Result<Outcome> next();

private:
    Result<bool> wait() const;

    int wake_;
    std::string buffer_;
    bool ended_ = false;
};

}  // namespace dwubit::cli

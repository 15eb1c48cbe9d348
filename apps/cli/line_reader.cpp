#include "line_reader.h"

#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/error.h"

namespace dwubit::cli {

Result<LineReader::Outcome> LineReader::next() {
    std::size_t searched = 0;
    while (true) {
        const std::size_t newline = buffer_.find('\n', searched);
        if (newline > kMaxLineBytes && buffer_.size() > kMaxLineBytes) {
            return errorf(ErrorKind::kInvalidInput, "stdin: a line of more than {} bytes", kMaxLineBytes);
        }
        if (newline != std::string::npos || (ended_ && !buffer_.empty())) {
            Outcome outcome{Event::kLine, buffer_.substr(0, newline)};
            buffer_.erase(0, newline == std::string::npos ? newline : newline + 1);
            if (!outcome.line.empty() && outcome.line.back() == '\r') outcome.line.pop_back();
            return outcome;
        }
        if (ended_) return Outcome{};
        searched = buffer_.size();
        std::array<char, 1 << 16> bytes;
        const ssize_t got = ::read(STDIN_FILENO, bytes.data(), bytes.size());
        if (got < 0 && errno == EINTR) {
            buffer_.clear();
            return Outcome{Event::kInterrupted, {}};
        }
        if (got < 0) return system_error("cannot read", "stdin");
        ended_ = got == 0;
        buffer_.append(bytes.data(), static_cast<std::size_t>(got));
    }
}

}  // namespace dwubit::cli

#include "line_reader.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/error.h"

namespace dwubit::cli {

// True: there is something to read, or the end; false: woken.
Result<bool> LineReader::wait() const {
    pollfd fds[2] = {{wake_, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    while (::poll(fds, 2, -1) < 0) {
        if (errno != EINTR) return system_error("cannot wait for", "stdin");
    }
    return (fds[0].revents & POLLIN) == 0;
}

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
        DWUBIT_ASSIGN(const bool readable, wait());
        if (!readable) {
            buffer_.clear();
            return Outcome{Event::kInterrupted, {}};
        }
        std::array<char, 1 << 16> bytes;
        const ssize_t got = ::read(STDIN_FILENO, bytes.data(), bytes.size());
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got < 0) return system_error("cannot read", "stdin");
        ended_ = got == 0;
        buffer_.append(bytes.data(), static_cast<std::size_t>(got));
    }
}

}  // namespace dwubit::cli

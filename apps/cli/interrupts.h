// SIGINT in a conversation: counted, and seen by whoever waits for input.
#pragma once

#include <memory>

#include "dwubit/result.h"

namespace dwubit::cli {

// One at a time. SIGINT has its old meaning again at the end.
class Interrupts {
public:
    static Result<Interrupts> create();
    Interrupts(Interrupts&&) noexcept = default;

    // Readable from a signal on until take().
    int fd() const { return pipe_->ends[0]; }
    // Empties fd().
    void take() const;

    // Signals since forget(); no more than 2 are counted.
    int count() const;
    void forget() const;

    // Where nobody looks at count() for long: the second signal ends the process as it would without this.
    void set_deadly(bool deadly) const;

private:
    struct Pipe {
        ~Pipe();
        int ends[2] = {-1, -1};
    };
    explicit Interrupts(std::unique_ptr<Pipe> pipe) : pipe_(std::move(pipe)) {}

    std::unique_ptr<Pipe> pipe_;
};

}  // namespace dwubit::cli

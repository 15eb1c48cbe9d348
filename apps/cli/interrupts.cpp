#include "interrupts.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/error.h"

namespace dwubit::cli {
namespace {

// What the handler touches.
volatile std::sig_atomic_t signals = 0;
volatile std::sig_atomic_t deadly = 0;
volatile std::sig_atomic_t wake_end = -1;
struct sigaction before {};

void on_signal(int signal) {
    const int error = errno;
    if (signals < 2) signals = signals + 1;
    if (deadly != 0 && signals == 2) {
        std::signal(signal, SIG_DFL);
        std::raise(signal);
    }
    // A full pipe is readable too, which is all that is asked of it.
    [[maybe_unused]] const ssize_t written = ::write(wake_end, "!", 1);
    errno = error;
}

}  // namespace

Interrupts::Pipe::~Pipe() {
    if (before.sa_handler != SIG_IGN) sigaction(SIGINT, &before, nullptr);
    wake_end = -1;
    ::close(ends[0]);
    ::close(ends[1]);
}

Result<Interrupts> Interrupts::create() {
    int ends[2];
    if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return system_error("cannot make", "a pipe");
    auto pipe = std::make_unique<Pipe>();
    pipe->ends[0] = ends[0];
    pipe->ends[1] = ends[1];
    signals = 0;
    deadly = 0;
    wake_end = ends[1];
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    // What the parent had ignored (nohup) stays ignored.
    if (sigaction(SIGINT, nullptr, &before) == 0 && before.sa_handler != SIG_IGN) sigaction(SIGINT, &action, nullptr);
    return Interrupts(std::move(pipe));
}

void Interrupts::take() const {
    char bytes[64];
    while (::read(fd(), bytes, sizeof bytes) > 0) {
    }
}

int Interrupts::count() const {
    return signals;
}

void Interrupts::forget() const {
    signals = 0;
}

void Interrupts::set_deadly(bool on) const {
    deadly = on ? 1 : 0;
}

}  // namespace dwubit::cli

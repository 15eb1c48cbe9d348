// A fixed set of worker threads and one primitive: run independent units of work.
//
// Determinism rule of dwubit: the units and what each computes depend on the problem only, never on the number of
// threads, so results are the same bytes for any pool size. parallel_for therefore has no notion of "my share".
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace dwubit {

class ThreadPool {
public:
    // threads >= 1, the calling thread included; 0 = one per available core (the process' affinity mask).
    explicit ThreadPool(int threads);
    ~ThreadPool();
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    int size() const;

    // Calls unit(i) once for each i in [0, count), on any thread, in any order; returns when all are done.
    // unit must not throw. A call from inside a unit runs serially on that thread. Calls from several outside threads
    // are serialised.
    void parallel_for(std::int64_t count, const std::function<void(std::int64_t)>& unit);

private:
    struct State;
    std::unique_ptr<State> state_;
};

// Cores this process may run on, >= 1.
int available_cores();

}  // namespace dwubit

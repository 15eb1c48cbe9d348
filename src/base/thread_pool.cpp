#include "base/thread_pool.h"

#include <sched.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "base/check.h"

namespace dwubit {
namespace {

thread_local bool inside_unit = false;

// Regions follow each other within microseconds, while waking a sleeping thread takes tens of them: a worker looks for
// the next region this long before it sleeps. Between two tokens lie sampling and a write to the terminal.
constexpr std::chrono::microseconds kSpinTime{200};
constexpr int kLooks = 32;  // between two looks at the clock

// Of the caller, before it gives the core away to the worker that it waits for.
constexpr int kCallerSpins = 1000;

void relax() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

}  // namespace

int available_cores() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (::sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

// One region at a time. `gate` is its generation (upper half), whether it takes workers (kOpen), and how many are
// inside (lower bits). Workers enter by a compare-and-swap that fails once the gate is closed; the caller closes it
// when no unit is left and leaves when nobody is inside, so that `unit` outlives every use.
struct ThreadPool::State {
    static constexpr std::uint64_t kOpen = std::uint64_t{1} << 31;
    static constexpr std::uint64_t kInside = kOpen - 1;

    std::mutex region;  // held by the caller of parallel_for
    std::atomic<std::uint64_t> gate{0};
    std::atomic<bool> stop{false};

    std::mutex mutex;  // of sleeping workers
    std::condition_variable wake;
    int sleeping = 0;

    // Written before the gate opens.
    const std::function<void(std::int64_t)>* unit = nullptr;
    std::int64_t count = 0;
    std::atomic<std::int64_t> next{0};

    std::vector<std::thread> workers;
    bool spins = true;  // not with more threads than cores: a spinning one would keep another from its work

    void run_units() {
        inside_unit = true;
        for (std::int64_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) (*unit)(i);
        inside_unit = false;
    }

    static bool is_new(std::uint64_t g, std::uint64_t seen) { return (g & kOpen) != 0 && (g >> 32) != seen; }

    // Runs the open region if it is not the one seen last.
    bool enter(std::uint64_t& seen) {
        std::uint64_t g = gate.load(std::memory_order_acquire);
        while (is_new(g, seen)) {
            if (!gate.compare_exchange_weak(g, g + 1, std::memory_order_acq_rel, std::memory_order_acquire)) continue;
            seen = g >> 32;
            run_units();
            gate.fetch_sub(1, std::memory_order_release);
            return true;
        }
        return false;
    }

    // Looks for a region for kSpinTime; true when it has run one.
    bool spin(std::uint64_t& seen) {
        const auto end = std::chrono::steady_clock::now() + kSpinTime;
        do {
            for (int i = 0; i < kLooks; ++i) {
                if (enter(seen)) return true;
                relax();
            }
        } while (!stop.load(std::memory_order_acquire) && std::chrono::steady_clock::now() < end);
        return false;
    }

    void work() {
        std::uint64_t seen = 0;
        while (!stop.load(std::memory_order_acquire)) {
            if (spins ? spin(seen) : enter(seen)) continue;
            std::unique_lock lock(mutex);
            ++sleeping;
            wake.wait(lock, [&] { return stop.load() || is_new(gate.load(), seen); });
            --sleeping;
        }
    }

    void wake_sleepers() {
        {
            // A worker that is about to sleep holds the mutex from its last look at the gate on.
            const std::lock_guard lock(mutex);
            if (sleeping == 0) return;
        }
        wake.notify_all();
    }
};

ThreadPool::ThreadPool(int threads) : state_(std::make_unique<State>()) {
    DWUBIT_CHECK(threads >= 0);
    const int size = threads == 0 ? available_cores() : threads;
    state_->spins = size <= available_cores();
    for (int i = 1; i < size; ++i) state_->workers.emplace_back([state = state_.get()] { state->work(); });
}

ThreadPool::~ThreadPool() {
    state_->stop.store(true, std::memory_order_release);
    state_->wake_sleepers();
    for (auto& worker : state_->workers) worker.join();
}

int ThreadPool::size() const {
    return static_cast<int>(state_->workers.size()) + 1;
}

void ThreadPool::parallel_for(std::int64_t count, const std::function<void(std::int64_t)>& unit) {
    if (count <= 1 || state_->workers.empty() || inside_unit) {
        for (std::int64_t i = 0; i < count; ++i) unit(i);
        return;
    }
    State& state = *state_;
    const std::lock_guard region(state.region);
    state.unit = &unit;
    state.count = count;
    state.next.store(0);
    const std::uint64_t generation = (state.gate.load() >> 32) + 1;
    state.gate.store((generation << 32) | State::kOpen, std::memory_order_seq_cst);
    state.wake_sleepers();
    state.run_units();
    state.gate.fetch_and(~State::kOpen, std::memory_order_acq_rel);
    for (int spins = 0; (state.gate.load(std::memory_order_acquire) & State::kInside) != 0; ++spins) {
        if (spins < kCallerSpins && state.spins) {
            relax();
        } else {
            std::this_thread::yield();
        }
    }
}

}  // namespace dwubit

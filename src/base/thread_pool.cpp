#include "base/thread_pool.h"

#include <sched.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "base/check.h"

namespace dwubit {
namespace {

thread_local bool inside_unit = false;

}  // namespace

int available_cores() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (::sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

// One region at a time. A worker enters a region by reading `generation` under the mutex; the caller leaves only when
// no worker is inside, so `unit` outlives every use.
struct ThreadPool::State {
    std::mutex region;  // held by the caller of parallel_for
    std::mutex mutex;
    std::condition_variable wake;
    std::condition_variable idle;
    std::uint64_t generation = 0;
    int inside = 0;
    bool stop = false;

    const std::function<void(std::int64_t)>* unit = nullptr;
    std::int64_t count = 0;
    std::atomic<std::int64_t> next{0};

    std::vector<std::thread> workers;

    void run_units() {
        inside_unit = true;
        for (std::int64_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) (*unit)(i);
        inside_unit = false;
    }

    void work() {
        std::uint64_t seen = 0;
        std::unique_lock lock(mutex);
        while (true) {
            wake.wait(lock, [&] { return stop || generation != seen; });
            if (stop) return;
            seen = generation;
            if (unit == nullptr) continue;  // woke after the region had ended
            ++inside;
            lock.unlock();
            run_units();
            lock.lock();
            if (--inside == 0) idle.notify_one();
        }
    }
};

ThreadPool::ThreadPool(int threads) : state_(std::make_unique<State>()) {
    DWUBIT_CHECK(threads >= 0);
    const int size = threads == 0 ? available_cores() : threads;
    for (int i = 1; i < size; ++i) state_->workers.emplace_back([state = state_.get()] { state->work(); });
}

ThreadPool::~ThreadPool() {
    {
        const std::lock_guard lock(state_->mutex);
        state_->stop = true;
    }
    state_->wake.notify_all();
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
    const std::lock_guard region(state_->region);
    {
        const std::lock_guard lock(state_->mutex);
        state_->unit = &unit;
        state_->count = count;
        state_->next.store(0);
        ++state_->generation;
    }
    state_->wake.notify_all();
    state_->run_units();
    std::unique_lock lock(state_->mutex);
    state_->idle.wait(lock, [&] { return state_->inside == 0; });
    state_->unit = nullptr;
}

}  // namespace dwubit

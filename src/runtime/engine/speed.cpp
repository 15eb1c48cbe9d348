#include "runtime/engine/speed.h"

#include <algorithm>
#include <chrono>
#include <span>

#include "base/check.h"
#include "base/error.h"
#include "base/philox.h"

namespace dwubit {
namespace {

constexpr std::uint64_t kStream = 0x7370656564;  // "speed": apart from other users of the seed

std::vector<TokenId> random_tokens(const ModelConfig& config, std::int64_t count, std::uint64_t seed) {
    Philox random(seed, kStream);
    std::vector<TokenId> ids(static_cast<std::size_t>(count));
    for (TokenId& id : ids) id = static_cast<TokenId>(random.next_below(static_cast<std::uint64_t>(config.vocab)));
    return ids;
}

class Timed {
public:
    Timed(const Model& model, KvCache& cache, ThreadPool& pool) : model_(model), cache_(cache), pool_(pool) {}

    // `ids` from the cache's length on, `batch` of them to a pass; logits of each pass' last where `wanted`.
    Result<void> feed(std::span<const TokenId> ids, std::int64_t batch, LogitRows wanted) {
        while (!ids.empty()) {
            const std::size_t count = std::min(ids.size(), static_cast<std::size_t>(batch));
            DWUBIT_TRY(model_.forward(
                ids.first(count), cache_, count == ids.size() || batch == 1 ? wanted : LogitRows::kNone,
                [](std::int64_t, std::span<const float>) {}, pool_));
            ids = ids.subspan(count);
        }
        return {};
    }

private:
    const Model& model_;
    KvCache& cache_;
    ThreadPool& pool_;
};

}  // namespace

Result<std::vector<double>> measure_speed(const Model& model, const SpeedTest& test, const SpeedOptions& options,
                                          ThreadPool& pool) {
    DWUBIT_CHECK(test.n_prompt >= 0 && test.n_gen >= 0 && test.n_prompt + test.n_gen > 0 && test.batch >= 1);
    const std::int64_t all = test.n_depth + test.n_prompt + test.n_gen;
    DWUBIT_ASSIGN(KvCache cache, KvCache::create(model.config(), all, test.kv));
    DWUBIT_TRY(model.check_positions(all, cache));
    const std::vector<TokenId> tokens = random_tokens(model.config(), all, options.seed);
    const std::span<const TokenId> ids = tokens;
    const auto depth = ids.first(static_cast<std::size_t>(test.n_depth));
    const auto prompt = ids.subspan(depth.size(), static_cast<std::size_t>(test.n_prompt));
    const auto generated = ids.subspan(depth.size() + prompt.size());

    Timed timed(model, cache, pool);
    DWUBIT_TRY(timed.feed(depth, test.batch, LogitRows::kNone));
    if (options.warm_up) {
        DWUBIT_TRY(timed.feed(prompt, test.batch, LogitRows::kLast));
        DWUBIT_TRY(timed.feed(generated.first(std::min<std::size_t>(1, generated.size())), 1, LogitRows::kLast));
    }
    std::vector<double> seconds;
    for (std::int64_t i = 0; i < options.repetitions; ++i) {
        cache.truncate(test.n_depth);
        const auto start = std::chrono::steady_clock::now();
        DWUBIT_TRY(timed.feed(prompt, test.batch, LogitRows::kLast));
        DWUBIT_TRY(timed.feed(generated, 1, LogitRows::kLast));
        seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
        options.on_repetition();
    }
    return seconds;
}

}  // namespace dwubit

// How fast a model reads prompts and generates, measured as llama-bench does: random tokens, nothing sampled.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "runtime/model/model.h"

namespace dwubit {

// One of n_prompt and n_gen is 0 in what llama-bench calls pp and tg; both together are timed as one.
struct SpeedTest {
    std::int64_t n_prompt = 0;  // tokens of a prompt, `batch` of them to a pass, logits of the last
    std::int64_t n_gen = 0;     // tokens after it, one to a pass
    std::int64_t n_depth = 0;   // positions in the cache before either; not timed
    std::int64_t batch = 0;     // >= 1
    KvType kv = KvType::kF32;
};

struct SpeedOptions {
    std::int64_t repetitions = 5;  // >= 1
    bool warm_up = true;           // the prompt once and one generated token, not timed
    std::uint64_t seed = 0;        // of the tokens
    std::function<void()> on_repetition = [] {};
};

// Seconds of each repetition. OutOfMemory where the cache does not fit; errors of Model::forward().
Result<std::vector<double>> measure_speed(const Model& model, const SpeedTest& test, const SpeedOptions& options,
                                          ThreadPool& pool);

}  // namespace dwubit

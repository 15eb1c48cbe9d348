// Choosing the next token from logits, greedily or at random.
//
// The order is llama.cpp's: repetition penalty, then the filters top-k, top-p and min-p one after the other, which see
// probabilities at temperature 1; then temperature, and a draw among what is left. The defaults filter nothing and
// choose greedily. Draw i is a function of (seed, i) alone: the same seed gives the same text for any number of
// threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/token_id.h"
#include "dwubit/result.h"

namespace dwubit {

struct SamplerOptions {
    double temperature = 0;           // >= 0; 0 = the likeliest token after the penalty
    std::int64_t top_k = 0;           // only the k likeliest; 0 = all
    double top_p = 1;                 // only the likeliest that together reach p; 1 = all
    double min_p = 0;                 // only tokens at least p times as likely as the likeliest; 0 = all
    double repeat_penalty = 1;        // > 0; logits above 0 are divided by it, others multiplied; 1 = none
    std::int64_t repeat_last_n = 64;  // of each token among the last n, prompt included; 0 = none, -1 = all
    std::uint64_t seed = 0;
};

class Sampler {
public:
    explicit Sampler(const SamplerOptions& options) : options_(options) {}

    // A token of the prompt or of the text so far, in order.
    void accept(TokenId id);

    // The next token, which is not accepted by that. Of equal logits the lower id goes first. Error when a logit is NaN
    // or all are -infinity.
    Result<TokenId> choose(std::span<const float> logits);

private:
    struct Candidate {
        TokenId id;
        float logit;
    };
    static bool goes_before(const Candidate& a, const Candidate& b);
    void penalize();
    void keep_top_k(std::size_t count);
    void keep_top_p();
    void keep_min_p();
    TokenId draw(std::uint64_t index) const;

    SamplerOptions options_;
    std::deque<TokenId> recent_;
    std::unordered_map<TokenId, std::size_t> counts_;  // of the tokens in recent_
    std::uint64_t draws_ = 0;
    std::vector<float> logits_;
    std::vector<Candidate> candidates_;
};

}  // namespace dwubit

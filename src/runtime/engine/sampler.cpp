#include "runtime/engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/philox.h"
#include "runtime/ops/sample/sample.h"

namespace dwubit {
namespace {

constexpr std::size_t kSortedAtOnce = 128;
constexpr std::uint64_t kStream = 0x73616D706C65;  // "sample": apart from other users of the seed

// Probability of a logit, up to a common factor. The largest may be infinite.
double weight(float logit, float largest, double temperature) {
    if (logit == largest) return 1;
    return std::exp((static_cast<double>(logit) - static_cast<double>(largest)) / temperature);
}

}  // namespace

void Sampler::accept(TokenId id) {
    if (options_.repeat_last_n == 0 || options_.repeat_penalty == 1) return;
    recent_.push_back(id);
    ++counts_[id];
    if (options_.repeat_last_n < 0 || static_cast<std::int64_t>(recent_.size()) <= options_.repeat_last_n) return;
    const auto oldest = counts_.find(recent_.front());
    if (--oldest->second == 0) counts_.erase(oldest);
    recent_.pop_front();
}

Result<TokenId> Sampler::choose(std::span<const float> logits) {
    logits_.assign(logits.begin(), logits.end());
    penalize();
    DWUBIT_ASSIGN(const TokenId likeliest, sample_greedy(logits_));
    const std::uint64_t index = draws_++;
    if (options_.temperature == 0) return likeliest;
    candidates_.clear();
    for (std::size_t i = 0; i < logits_.size(); ++i) {
        if (logits_[i] > -std::numeric_limits<float>::infinity()) {
            candidates_.push_back({static_cast<TokenId>(i), logits_[i]});
        }
    }
    // From here on the likeliest comes first.
    const auto place = std::lower_bound(candidates_.begin(), candidates_.end(), likeliest,
                                        [](const Candidate& c, TokenId id) { return c.id < id; });
    std::swap(candidates_.front(), *place);
    if (options_.top_k > 0) keep_top_k(static_cast<std::size_t>(options_.top_k));
    if (options_.top_p < 1) keep_top_p();
    if (options_.min_p > 0) keep_min_p();
    return draw(index);
}

bool Sampler::goes_before(const Candidate& a, const Candidate& b) {
    return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

void Sampler::penalize() {
    const auto penalty = static_cast<float>(options_.repeat_penalty);
    for (const auto& [id, count] : counts_) {
        if (static_cast<std::size_t>(id) >= logits_.size()) continue;
        float& logit = logits_[static_cast<std::size_t>(id)];
        logit = logit > 0 ? logit / penalty : logit * penalty;
    }
}

void Sampler::keep_top_k(std::size_t count) {
    if (count >= candidates_.size()) return;
    const auto end = candidates_.begin() + static_cast<std::ptrdiff_t>(count);
    std::partial_sort(candidates_.begin(), end, candidates_.end(), goes_before);
    candidates_.erase(end, candidates_.end());
}

void Sampler::keep_top_p() {
    const float largest = candidates_.front().logit;
    double total = 0;
    for (const Candidate& c : candidates_) total += weight(c.logit, largest, 1);
    double sum = 0;
    std::size_t kept = 0;
    std::size_t sorted = 0;  // few of a large vocabulary are kept: no more of it is sorted than needed
    while (kept < candidates_.size()) {
        if (kept == sorted) {
            const auto begin = candidates_.begin() + static_cast<std::ptrdiff_t>(sorted);
            sorted = std::min(candidates_.size(), std::max(kSortedAtOnce, 8 * sorted));
            const auto end = candidates_.begin() + static_cast<std::ptrdiff_t>(sorted);
            std::partial_sort(begin, end, candidates_.end(), goes_before);
        }
        sum += weight(candidates_[kept++].logit, largest, 1);
        if (sum >= options_.top_p * total) break;
    }
    candidates_.resize(kept);
}

void Sampler::keep_min_p() {
    const float largest = candidates_.front().logit;
    std::erase_if(candidates_, [&](const Candidate& c) { return weight(c.logit, largest, 1) < options_.min_p; });
}

TokenId Sampler::draw(std::uint64_t index) const {
    const float largest = candidates_.front().logit;
    double total = 0;
    for (const Candidate& c : candidates_) total += weight(c.logit, largest, options_.temperature);
    Philox random(options_.seed, kStream);
    random.seek_block(index);
    double rest = static_cast<double>(random.next_u64() >> 11) * 0x1p-53 * total;
    for (const Candidate& c : candidates_) {
        rest -= weight(c.logit, largest, options_.temperature);
        if (rest < 0) return c.id;
    }
    return candidates_.front().id;  // rounding left a trifle
}

}  // namespace dwubit

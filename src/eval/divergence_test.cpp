#include "eval/divergence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "base/thread_pool.h"
#include "eval/logit_source.h"

namespace dwubit {
namespace {

std::vector<float> logs(std::initializer_list<double> probabilities, double shift = 0) {
    std::vector<float> logits;
    for (const double p : probabilities) logits.push_back(static_cast<float>(std::log(p) + shift));
    return logits;
}

TEST(CompareLogits, ClosedForm) {
    const auto p = logs({0.5, 0.25, 0.25}, 7), q = logs({0.25, 0.25, 0.5}, -3);
    const RowDivergence found = compare_logits(p, q);
    EXPECT_NEAR(found.kl, 0.25 * std::log(2.0), 1e-6);  // 0.5 log 2 - 0.25 log 2; logits of float
    EXPECT_FALSE(found.same_top);
    EXPECT_NEAR(compare_logits(logs({0.9, 0.1}), logs({0.1, 0.9})).kl, 0.8 * std::log(9.0), 1e-6);
}

TEST(CompareLogits, IsForward) {
    const auto p = logs({0.99, 0.01}), q = logs({0.5, 0.5});
    EXPECT_NEAR(compare_logits(p, q).kl, std::log(2.0) + 0.99 * std::log(0.99) + 0.01 * std::log(0.01), 1e-6);
    EXPECT_NEAR(compare_logits(q, p).kl, -std::log(2.0) - 0.5 * std::log(0.99 * 0.01), 1e-6);
}

TEST(CompareLogits, EqualLogitsGiveExactlyZero) {
    std::vector<float> logits(5000);
    for (std::size_t i = 0; i < logits.size(); ++i) logits[i] = 20 * std::sin(static_cast<float>(i));
    const RowDivergence found = compare_logits(logits, logits);
    EXPECT_EQ(found.kl, 0.0);
    EXPECT_TRUE(found.same_top);
}

// A uniform base over n tokens and a model whose logits differ by +e on one half and -e on the other:
// KL = log(cosh e) = e^2/2 - e^4/12 + ...
TEST(CompareLogits, TinyDivergencesKeepTheirDigits) {
    for (const float e : {0x1p-2f, 0x1p-5f, 0x1p-7f, 0x1p-10f, 0x1p-14f, 0x1p-20f}) {
        std::vector<float> base(4096, 0.0f), model(4096, e);
        for (std::size_t i = 0; i < 2048; ++i) model[i] = -e;
        const double x = e;
        const double expected = x > 0.01 ? std::log(std::cosh(x)) : x * x / 2 - x * x * x * x / 12;
        EXPECT_NEAR(compare_logits(base, model).kl / expected, 1, 1e-9) << e;
    }
}

TEST(CompareLogits, ShiftOfAllLogitsIsNothing) {
    std::vector<float> base(300), model(300);
    for (std::size_t i = 0; i < base.size(); ++i) {
        base[i] = static_cast<float>(i % 17);
        model[i] = base[i] + 64;
    }
    EXPECT_LT(compare_logits(base, model).kl, 1e-28);  // of the order of the rounding of log-sum-exp, squared
}

TEST(CompareLogits, ImpossibleTokens) {
    const float none = -std::numeric_limits<float>::infinity();
    const std::vector<float> base = {0, none, none}, model = {0, 0, none};
    EXPECT_NEAR(compare_logits(base, model).kl, std::log(2.0), 1e-15);
    EXPECT_EQ(compare_logits(model, base).kl, std::numeric_limits<double>::infinity());
    EXPECT_NEAR(compare_logits(std::vector<float>{0, -2000}, std::vector<float>{-2000, 0}).kl, 2000, 1e-9);
    EXPECT_TRUE(std::isnan(compare_logits(base, std::vector<float>{0, NAN, 0}).kl));
}

TEST(CompareLogits, FirstOfEqualLogitsIsTheTop) {
    EXPECT_TRUE(compare_logits(std::vector<float>{1, 3, 3}, std::vector<float>{0, 5, 1}).same_top);
    EXPECT_FALSE(compare_logits(std::vector<float>{1, 3, 3}, std::vector<float>{0, 1, 5}).same_top);
}

TEST(SummarizeDivergence, Percentiles) {
    std::vector<double> values(1001);
    std::iota(values.rbegin(), values.rend(), 0.0);  // 1000 .. 0: percentile q is 10 q
    const DivergenceResult found = summarize_divergence(values, 64);
    EXPECT_NEAR(found.p50, 500, 1e-9);
    EXPECT_NEAR(found.p90, 900, 1e-9);
    EXPECT_NEAR(found.p99, 990, 1e-9);
    EXPECT_NEAR(found.p999, 999, 1e-9);
    EXPECT_EQ(found.max, 1000);
    EXPECT_NEAR(found.mean, 500, 1e-9);
    const DivergenceResult two = summarize_divergence(std::vector<double>{3, 1}, 2);
    EXPECT_NEAR(two.p50, 2, 1e-12);
    EXPECT_NEAR(two.p90, 2.8, 1e-12);
    EXPECT_EQ(summarize_divergence(std::vector<double>{7}, 4).p999, 7);
}

TEST(SummarizeDivergence, StandardErrorOfWindows) {
    // Windows of 2: sums around the mean 3 are -4, 0, 4.
    const DivergenceResult three = summarize_divergence(std::vector<double>{1, 1, 2, 4, 5, 5}, 2);
    EXPECT_NEAR(three.stderr_, std::sqrt(3.0 / 2 * 32) / 6, 1e-12);
    // The last window is short: sums around 2 are -2, 2.
    const DivergenceResult uneven = summarize_divergence(std::vector<double>{1, 1, 4}, 2);
    EXPECT_NEAR(uneven.stderr_, std::sqrt(2.0 * 8) / 3, 1e-12);
    // One window: the usual formula.
    const DivergenceResult one = summarize_divergence(std::vector<double>{1, 2, 3}, 100);
    EXPECT_NEAR(one.stderr_, std::sqrt(1.0 / 3), 1e-12);
    EXPECT_EQ(summarize_divergence(std::vector<double>{7}, 1).stderr_, 0);
}

TEST(SummarizeDivergence, Buckets) {
    std::vector<double> values;  // the position in the window, windows of 100
    for (int i = 0; i < 270; ++i) values.push_back(i % 100);
    const auto buckets = summarize_divergence(values, 100).by_position;
    ASSERT_EQ(buckets.size(), 3u);
    EXPECT_EQ(buckets[0].from, 0);
    EXPECT_EQ(buckets[0].to, 15);
    EXPECT_EQ(buckets[0].predictions, 48);
    EXPECT_NEAR(buckets[0].mean, 7.5, 1e-12);
    EXPECT_EQ(buckets[1].from, 16);
    EXPECT_EQ(buckets[1].to, 63);
    EXPECT_EQ(buckets[1].predictions, 144);
    EXPECT_EQ(buckets[2].from, 64);
    EXPECT_EQ(buckets[2].to, 99);
    EXPECT_EQ(buckets[2].predictions, 36 + 36 + 6);
    EXPECT_NEAR(buckets[2].mean, (2 * 36 * 81.5 + 6 * 66.5) / 78, 1e-12);
    const auto small = summarize_divergence(std::vector<double>(5), 1024).by_position;
    ASSERT_EQ(small.size(), 1u);
    EXPECT_EQ(small[0].to, 4);
}

// Logits are a function of position and token, plus `bonus` on token 0 and `noise` wherever a call to extend() did not
// start at a multiple of the block.
class Synthetic final : public LogitSource {
public:
    explicit Synthetic(float bonus, std::int64_t vocab = 10) : bonus_(bonus), vocab_(vocab) {}
    std::int64_t vocab() const override { return vocab_; }
    void restart() override { context_ = 0; }
    Result<void> extend(std::span<const TokenId> ids, const LogitSink& sink) override {
        longest_call = std::max(longest_call, ids.size());
        tokens += ids.size();
        ThreadPool pool(threads);
        pool.parallel_for(static_cast<std::int64_t>(ids.size()), [&](std::int64_t r) {
            std::vector<float> logits(static_cast<std::size_t>(vocab_));
            for (std::size_t i = 0; i < logits.size(); ++i) {
                logits[i] = std::sin(static_cast<float>(ids[static_cast<std::size_t>(r)] + context_ + r) +
                                     static_cast<float>(i * i));
            }
            logits[0] = flat ? bonus_ : logits[0] + bonus_;
            if (flat) std::fill(logits.begin() + 1, logits.end(), 0.0f);
            if (context_ % kScoreBlock != 0) logits[1] += noise;
            sink(r, logits);
        });
        context_ += static_cast<std::int64_t>(ids.size());
        return {};
    }
    int threads = 1;
    bool flat = false;
    float noise = 0;
    std::size_t longest_call = 0;
    std::size_t tokens = 0;

private:
    float bonus_;
    std::int64_t vocab_;
    std::int64_t context_ = 0;
};

std::vector<TokenId> counting(std::size_t count) {
    std::vector<TokenId> ids(count);
    for (std::size_t i = 0; i < count; ++i) ids[i] = static_cast<TokenId>(i % 10);
    return ids;
}

TEST(MeasureDivergence, KnownDistributions) {
    Synthetic model(std::log(9.0f)), base(0), again(0);  // token 0 has 1/2 instead of 1/10
    model.flat = base.flat = again.flat = true;
    const auto found = measure_divergence(model, base, again, counting(40), {.window = 16});
    ASSERT_TRUE(found.ok());
    const double kl = 0.1 * std::log(0.1 / 0.5) + 0.9 * std::log(0.1 / (0.5 / 9));
    const DivergenceResult& d = found->divergence;
    for (const double x : {d.mean, d.p50, d.p999, d.max, d.by_position[0].mean, d.by_position.back().mean}) {
        EXPECT_NEAR(x, kl, 1e-7);
    }
    EXPECT_NEAR(d.stderr_, 0, 1e-12);
    EXPECT_EQ(d.same_top1, 1);  // of equal ones the first: token 0
    EXPECT_EQ(d.noise_floor, 0);
}

TEST(MeasureDivergence, PerplexityIsThatOfThePassAlone) {
    const auto ids = counting(3 * 1100 + 50);
    for (const auto convention : {WindowConvention::kCarry, WindowConvention::kInside}) {
        const PerplexityOptions options{.window = 1100, .convention = convention};
        Synthetic alone(1), model(1), base(0), again(0);
        const auto expected = measure_perplexity(alone, ids, options);
        const auto found = measure_divergence(model, base, again, ids, options);
        ASSERT_TRUE(found.ok());
        EXPECT_EQ(found->perplexity.nll, expected->nll);
        EXPECT_EQ(found->perplexity.stderr_, expected->stderr_);
        EXPECT_EQ(found->perplexity.predictions, expected->predictions);
        EXPECT_EQ(model.tokens, alone.tokens);
        EXPECT_EQ(base.tokens, alone.tokens);
        EXPECT_LE(base.longest_call, static_cast<std::size_t>(kScoreBlock));
        EXPECT_GT(found->divergence.mean, 0);
        EXPECT_EQ(found->divergence.by_position.back().to, convention == WindowConvention::kCarry ? 1099 : 1098);
    }
}

TEST(MeasureDivergence, AgainstItselfIsZeroAndNoiseIsTheFloor) {
    Synthetic model(0), base(0), again(0);
    again.noise = 1e-3f;
    const auto ids = counting(1000);
    const auto found = measure_divergence(model, base, again, ids, {.window = 100});
    ASSERT_TRUE(found.ok());
    EXPECT_EQ(found->divergence.mean, 0);
    EXPECT_EQ(found->divergence.max, 0);
    EXPECT_EQ(found->divergence.same_top1, 1);
    EXPECT_GT(found->divergence.noise_floor, 1e-9);
    EXPECT_LT(found->divergence.noise_floor, 1e-6);
    EXPECT_EQ(again.tokens, 100u * kNoiseWindows);
    EXPECT_LT(again.longest_call, 100u);
}

TEST(MeasureDivergence, SameForAnyNumberOfThreads) {
    const auto ids = counting(900);
    std::vector<double> means;
    for (const int threads : {1, 3}) {
        Synthetic model(0.5f), base(0), again(0);
        model.threads = base.threads = again.threads = threads;
        const auto found = measure_divergence(model, base, again, ids, {.window = 700});
        ASSERT_TRUE(found.ok());
        means.push_back(found->divergence.mean);
    }
    EXPECT_EQ(means[0], means[1]);
}

TEST(MeasureDivergence, WindowsOfOneToken) {
    Synthetic model(0.5f), base(0), again(0);
    const auto found = measure_divergence(model, base, again, counting(20), {.window = 1});
    ASSERT_TRUE(found.ok());
    EXPECT_EQ(found->divergence.by_position.size(), 1u);
    EXPECT_EQ(found->divergence.by_position[0].to, 0);
    EXPECT_GT(found->divergence.stderr_, 0);
}

TEST(MeasureDivergence, Refusals) {
    Synthetic model(0, 10), base(0, 11), again(0, 11);
    const auto sizes = measure_divergence(model, base, again, counting(9), {});
    ASSERT_FALSE(sizes.ok());
    EXPECT_NE(sizes.error().message.find("11"), std::string::npos);
    Synthetic good(0), bad(NAN), bad_again(NAN);
    const auto broken = measure_divergence(good, bad, bad_again, counting(9), {});
    ASSERT_FALSE(broken.ok());
    EXPECT_NE(broken.error().message.find("prediction 0"), std::string::npos);
}

}  // namespace
}  // namespace dwubit

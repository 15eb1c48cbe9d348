#include "eval/perplexity.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace dwubit {
namespace {

// Gives every token `t + 1` after `t` the log-odds `bonus`, all others 0.
class Successor final : public LogitSource {
public:
    explicit Successor(float bonus) : bonus_(bonus) {}
    std::int64_t vocab() const override { return 10; }
    void restart() override { context = 0; }
    Result<void> extend(std::span<const TokenId> ids, const LogitSink& sink) override {
        context += ids.size();
        longest = std::max(longest, context);
        for (std::size_t r = ids.size(); r-- > 0;) {  // any order
            std::vector<float> logits(10);
            logits[static_cast<std::size_t>((ids[r] + 1) % 10)] = bonus_;
            sink(static_cast<std::int64_t>(r), logits);
        }
        return {};
    }
    std::size_t context = 0;
    std::size_t longest = 0;  // the most that the context ever had

private:
    float bonus_;
};

std::vector<TokenId> counting(std::int64_t count) {
    std::vector<TokenId> ids(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<TokenId>(i % 10);
    return ids;
}

TEST(PlanWindows, CarryScoresEveryTokenButTheFirst) {
    for (const std::int64_t window : {1, 2, 3, 7, 100, 1000000000}) {
        for (const std::int64_t tokens : {2, 3, 7, 8, 99}) {
            const auto windows = plan_windows(tokens, {.window = window});
            ASSERT_TRUE(windows.ok());
            std::int64_t next = 1;
            for (const Window& w : *windows) {
                EXPECT_EQ(w.first + 1, next);
                EXPECT_LE(w.count, window);
                next += w.predictions;
            }
            EXPECT_EQ(next, tokens) << window << ' ' << tokens;
        }
    }
}

TEST(PlanWindows, OrlikCountsOfTheContract) {
    const auto total = [](std::int64_t tokens, WindowConvention convention) {
        std::int64_t predictions = 0;
        const auto windows = plan_windows(tokens, {.window = 1024, .convention = convention});
        for (const Window& w : *windows) predictions += w.predictions;
        return predictions;
    };
    EXPECT_EQ(total(65195, WindowConvention::kCarry), 65194);
    EXPECT_EQ(total(65195, WindowConvention::kInside), 64449);
}

TEST(PlanWindows, InsideRefusesWindowsThatHoldNoPrediction) {
    for (const std::int64_t window : {1, 11, 1000000000}) {
        const auto windows = plan_windows(10, {.window = window, .convention = WindowConvention::kInside});
        ASSERT_FALSE(windows.ok());
        EXPECT_EQ(windows.error().kind, ErrorKind::kUsage);
        EXPECT_NE(windows.error().message.find("2 to 10"), std::string::npos);
    }
    EXPECT_FALSE(plan_windows(1, {}).ok());
    EXPECT_FALSE(plan_windows(0, {}).ok());
    EXPECT_TRUE(plan_windows(10, {.window = std::numeric_limits<std::int64_t>::max()}).ok());
}

TEST(PlanWindows, LimitTakesTheFirstWindows) {
    const auto windows = plan_windows(100, {.window = 10, .limit = 3});
    ASSERT_EQ(windows->size(), 3u);
    EXPECT_EQ(windows->back().first, 20);
}

TEST(Perplexity, UniformLogitsGiveTheVocabularySize) {
    Successor source(0.0f);
    const auto ids = counting(50);
    const auto result = measure_perplexity(source, ids, {.window = 8});
    ASSERT_TRUE(result.ok());
    EXPECT_NEAR(result->perplexity, 10.0, 1e-5);
    EXPECT_NEAR(result->stderr_, 0.0, 1e-5);
    EXPECT_EQ(result->predictions, 49);
    EXPECT_EQ(result->stream_end, 50);
    EXPECT_EQ(source.longest, 8u);
}

TEST(Perplexity, KnownProbabilityAndItsSpread) {
    Successor source(std::log(9.0f));  // the successor has probability 1/2, the others 1/18
    const std::vector<TokenId> ids = {0, 1, 2, 7};
    const auto result = measure_perplexity(source, ids, {.window = 2});
    ASSERT_TRUE(result.ok());
    const double a = std::log(2.0), b = std::log(18.0), mean = (2 * a + b) / 3;
    EXPECT_NEAR(result->nll, mean, 1e-6);
    EXPECT_NEAR(result->perplexity, std::exp(mean), 1e-5);
    const double variance = (2 * (a - mean) * (a - mean) + (b - mean) * (b - mean)) / 2;
    EXPECT_NEAR(result->stderr_, std::exp(mean) * std::sqrt(variance / 3), 1e-5);
}

TEST(Perplexity, NanLogitsAreAnErrorWithThePlace) {
    Successor source(NAN);
    const auto ids = counting(5);
    const auto result = measure_perplexity(source, ids, {});
    ASSERT_FALSE(result.ok());
    EXPECT_NE(result.error().message.find("prediction 0"), std::string::npos);
}

}  // namespace
}  // namespace dwubit

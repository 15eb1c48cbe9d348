#include "runtime/engine/generate.h"

#include <gtest/gtest.h>

namespace dwubit {
namespace {

class GenerateTest : public ::testing::Test {
protected:
    static void SetUpTestSuite() {
        pool_ = std::make_unique<ThreadPool>(2);
        model_ = std::make_unique<Model>(Model::load("models/orlik", ActType::kF32, *pool_).value());
    }
    static void TearDownTestSuite() {
        model_.reset();
        pool_.reset();
    }

    static Result<Generation> run(const GenerateOptions& options, const TokenCallback& callback) {
        KvCache cache = *KvCache::create(model_->config(), 64);
        return generate(*model_, std::vector<TokenId>{1, 300, 400, 500}, cache, options, callback, *pool_);
    }

    static std::unique_ptr<ThreadPool> pool_;
    static std::unique_ptr<Model> model_;
};

std::unique_ptr<ThreadPool> GenerateTest::pool_;
std::unique_ptr<Model> GenerateTest::model_;

TEST_F(GenerateTest, IsTheGreedyChoiceOfFullPasses) {
    std::vector<TokenId> seen;
    const auto result = run({.max_tokens = 12, .eos_ids = {}}, [&](TokenId id) {
        seen.push_back(id);
        return true;
    });
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(result->ids, seen);
    EXPECT_EQ(result->ids.size(), 12u);
    EXPECT_EQ(result->reason, StopReason::kLength);
    EXPECT_EQ(result->decode_passes, 11);
    std::vector<TokenId> ids = {1, 300, 400, 500};
    for (const TokenId expected : result->ids) {  // without a cache: the whole sequence again for each token
        KvCache cache = *KvCache::create(model_->config(), 64);
        TokenId best = -1;
        const auto sink = [&](std::int64_t, std::span<const float> logits) {
            best = static_cast<TokenId>(std::max_element(logits.begin(), logits.end()) - logits.begin());
        };
        ASSERT_TRUE(model_->forward(ids, cache, LogitRows::kLast, sink, *pool_).ok());
        ASSERT_EQ(best, expected);
        ids.push_back(best);
    }
}

TEST_F(GenerateTest, StopsAtAnEndTokenWithoutShowingIt) {
    const auto all = run({.max_tokens = 6, .eos_ids = {}}, [](TokenId) { return true; });
    const TokenId third = all->ids[2];
    const auto result = run({.max_tokens = 6, .eos_ids = {third}}, [](TokenId) { return true; });
    EXPECT_EQ(result->reason, StopReason::kEos);
    EXPECT_LE(result->ids.size(), 2u);
    for (const TokenId id : result->ids) EXPECT_NE(id, third);
}

TEST_F(GenerateTest, TheCallbackCanStopIt) {
    const auto result = run({.max_tokens = 6, .eos_ids = {}}, [](TokenId) { return false; });
    EXPECT_EQ(result->reason, StopReason::kStop);
    EXPECT_EQ(result->ids.size(), 1u);
}

TEST_F(GenerateTest, TheSameSeedGivesTheSameTextForAnyNumberOfThreads) {
    const auto sampled = [](std::uint64_t seed, int threads) {
        ThreadPool pool(threads);
        KvCache cache = *KvCache::create(model_->config(), 64);
        GenerateOptions options;
        options.max_tokens = 24;
        options.sampler = {.temperature = 1, .top_k = 50, .top_p = 0.95, .repeat_penalty = 1.1, .seed = seed};
        const std::vector<TokenId> prompt = {1, 300, 400, 500};
        return generate(
                   *model_, prompt, cache, options, [](TokenId) { return true; }, pool)
            .value()
            .ids;
    };
    EXPECT_EQ(sampled(3, 1), sampled(3, 2));
    EXPECT_NE(sampled(3, 1), sampled(4, 1));
    EXPECT_EQ(sampled(4, 1), sampled(4, 3));
}

TEST_F(GenerateTest, ZeroTokensAndNoPrompt) {
    EXPECT_TRUE(run({.max_tokens = 0, .eos_ids = {}}, [](TokenId) { return true; })->ids.empty());
    KvCache cache = *KvCache::create(model_->config(), 4);
    const auto nothing = generate(
        *model_, {}, cache, {}, [](TokenId) { return true; }, *pool_);
    ASSERT_FALSE(nothing.ok());
    EXPECT_NE(nothing.error().message.find("no tokens"), std::string::npos);
}

}  // namespace
}  // namespace dwubit

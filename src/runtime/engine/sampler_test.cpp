#include "runtime/engine/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace dwubit {
namespace {

constexpr int kDraws = 200'000;

// Logits whose probabilities at temperature 1 are `probabilities`.
std::vector<float> logits_of(const std::vector<double>& probabilities) {
    std::vector<float> logits;
    for (const double p : probabilities) logits.push_back(static_cast<float>(std::log(p) + 3));
    return logits;
}

std::vector<double> frequencies(const SamplerOptions& options, const std::vector<float>& logits,
                                const std::vector<TokenId>& before = {}) {
    Sampler sampler(options);
    for (const TokenId id : before) sampler.accept(id);
    std::vector<double> counts(logits.size());
    for (int i = 0; i < kDraws; ++i) counts[static_cast<std::size_t>(sampler.choose(logits).value())] += 1;
    for (double& count : counts) count /= kDraws;
    return counts;
}

// Each frequency within five standard deviations of its probability; exactly 0 where that is 0.
void expect_distribution(const std::vector<double>& found, std::vector<double> weights) {
    double total = 0;
    for (const double w : weights) total += w;
    for (std::size_t i = 0; i < weights.size(); ++i) {
        const double p = weights[i] / total;
        if (p == 0) {
            EXPECT_EQ(found[i], 0) << "token " << i;
            continue;
        }
        EXPECT_NEAR(found[i], p, 5 * std::sqrt(p * (1 - p) / kDraws)) << "token " << i;
    }
}

const std::vector<double> kFive = {0.1, 0.4, 0.05, 0.25, 0.2};

TEST(Sampler, DrawsWithTheModelsProbabilities) {
    expect_distribution(frequencies({.temperature = 1}, logits_of(kFive)), kFive);
}

TEST(Sampler, Temperature) {
    std::vector<double> sharp;
    std::vector<double> flat;
    for (const double p : kFive) {
        sharp.push_back(std::pow(p, 2));
        flat.push_back(std::pow(p, 0.25));
    }
    expect_distribution(frequencies({.temperature = 0.5}, logits_of(kFive)), sharp);
    expect_distribution(frequencies({.temperature = 4}, logits_of(kFive)), flat);
}

TEST(Sampler, TopK) {
    expect_distribution(frequencies({.temperature = 1, .top_k = 2}, logits_of(kFive)), {0, 0.4, 0, 0.25, 0});
    expect_distribution(frequencies({.temperature = 1, .top_k = 99}, logits_of(kFive)), kFive);
}

TEST(Sampler, TopP) {
    const auto logits = logits_of(kFive);
    expect_distribution(frequencies({.temperature = 1, .top_p = 0.6}, logits), {0, 0.4, 0, 0.25, 0});
    expect_distribution(frequencies({.temperature = 1, .top_p = 0.7}, logits), {0, 0.4, 0, 0.25, 0.2});
    expect_distribution(frequencies({.temperature = 1, .top_p = 0}, logits), {0, 1, 0, 0, 0});
}

TEST(Sampler, MinP) {
    expect_distribution(frequencies({.temperature = 1, .min_p = 0.3}, logits_of(kFive)), {0, 0.4, 0, 0.25, 0.2});
    expect_distribution(frequencies({.temperature = 1, .min_p = 1}, logits_of(kFive)), {0, 1, 0, 0, 0});
}

TEST(Sampler, FiltersComeOneAfterTheOtherAndBeforeTemperature) {
    // top-k leaves 0.4, 0.25 and 0.2; of their sum 0.85 the first two reach 0.75. With the temperature first, top-p
    // would keep all three.
    const SamplerOptions options = {.temperature = 10, .top_k = 3, .top_p = 0.75};
    expect_distribution(frequencies(options, logits_of(kFive)), {0, std::pow(0.4, 0.1), 0, std::pow(0.25, 0.1), 0});
}

TEST(Sampler, EqualLogitsGoByTheirIds) {
    const std::vector<float> equal(6, 1.5f);
    expect_distribution(frequencies({.temperature = 1, .top_k = 3}, equal), {1, 1, 1, 0, 0, 0});
    EXPECT_EQ(*Sampler({}).choose(equal), 0);
}

TEST(Sampler, RepeatPenalty) {
    const std::vector<float> logits = {2, -1, 0.5f, 1};
    const auto weights = [](std::vector<double> x) {
        for (double& value : x) value = std::exp(value);
        return x;
    };
    SamplerOptions options = {.temperature = 1, .repeat_penalty = 2, .repeat_last_n = 2};
    expect_distribution(frequencies(options, logits, {3, 0, 1}), weights({1, -2, 0.5, 1}));
    expect_distribution(frequencies(options, logits, {3, 3, 3, 3}), weights({2, -1, 0.5, 0.5}));
    options.repeat_last_n = -1;
    expect_distribution(frequencies(options, logits, {3, 0, 1}), weights({1, -2, 0.5, 0.5}));
    options.repeat_last_n = 0;
    expect_distribution(frequencies(options, logits, {3, 0, 1}), weights({2, -1, 0.5, 1}));
}

TEST(Sampler, GreedyHeedsThePenaltyOnly) {
    Sampler sampler({.temperature = 0, .repeat_penalty = 3, .repeat_last_n = 1, .seed = 5});
    const std::vector<float> logits = {1, 2, 1.5f};
    EXPECT_EQ(*sampler.choose(logits), 1);
    sampler.accept(1);
    EXPECT_EQ(*sampler.choose(logits), 2);
    sampler.accept(2);
    EXPECT_EQ(*sampler.choose(logits), 1);
}

TEST(Sampler, ADrawDependsOnSeedAndPlaceAlone) {
    const auto logits = logits_of(kFive);
    const auto draws = [&](std::uint64_t seed) {
        Sampler sampler({.temperature = 1, .seed = seed});
        std::vector<TokenId> out;
        for (int i = 0; i < 50; ++i) out.push_back(*sampler.choose(logits));
        return out;
    };
    EXPECT_EQ(draws(1), draws(1));
    EXPECT_NE(draws(1), draws(2));
    Sampler sampler({.temperature = 1, .seed = 1});
    const std::vector<float> other = {0, 9};
    for (int i = 0; i < 49; ++i) ASSERT_TRUE(sampler.choose(other).ok());
    EXPECT_EQ(*sampler.choose(logits), draws(1).back());
}

TEST(Sampler, InfiniteLogits) {
    const float infinity = INFINITY;
    expect_distribution(frequencies({.temperature = 1}, {-infinity, 0, -infinity, 0}), {0, 1, 0, 1});
    expect_distribution(frequencies({.temperature = 0.1, .top_p = 0.9}, {infinity, 0, infinity}), {1, 0, 1});
    Sampler sampler({.temperature = 1});
    EXPECT_NE(sampler.choose(std::vector<float>{1, NAN}).error().message.find("NaN"), std::string::npos);
    EXPECT_FALSE(sampler.choose(std::vector<float>{-infinity}).ok());
}

}  // namespace
}  // namespace dwubit

// Expected values are worked out here, the intervals by a plain bootstrap of the test's own.
#include "eval/paired.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "base/philox.h"
#include "eval/resample.h"
#include "support/results_folder.h"

namespace dwubit {
namespace {

using testing::ResultsFolder;
using testing::TempFolder;
using testing::WrittenTask;
using Values = std::vector<OrderedJson>;

constexpr std::int64_t kDraws = 400;

// The documents of one draw.
std::vector<std::size_t> drawn(const std::string& task, std::size_t documents, std::uint64_t draw) {
    Philox random(0, resample_stream(task) + draw);
    std::vector<std::size_t> out(documents);
    for (std::size_t& place : out) place = random.next_below(documents);
    return out;
}

double mean_at(const Values& values, const std::vector<std::size_t>& places) {
    double sum = 0;
    for (const std::size_t place : places) sum += values[place].get<double>();
    return sum / static_cast<double>(places.size());
}

// Value q of sorted draws by linear interpolation.
double at(std::vector<double> draws, double q) {
    std::sort(draws.begin(), draws.end());
    const double place = q * static_cast<double>(draws.size() - 1);
    const double low = draws[static_cast<std::size_t>(std::floor(place))];
    const double high = draws[static_cast<std::size_t>(std::ceil(place))];
    return low + (high - low) * (place - std::floor(place));
}

WrittenTask choice(const Values& acc, const std::string& name = "t", std::vector<std::size_t> choices = {}) {
    return {name, "multiple_choice", {{"acc", acc}}, std::move(choices)};
}

WrittenTask generation(const Values& exact, const std::string& name) {
    return {name, "generate_until", {{"exact_match", exact}}};
}

class PairedTest : public ::testing::Test {
protected:
    Result<Json> compare(const ResultsFolder& base, const ResultsFolder& other, int threads = 1,
                         PairedOptions options = {kDraws}) {
        const auto a = load_results(base.write(folder_, fmt::format("{}/a", ++count_)));
        const auto b = load_results(other.write(folder_, fmt::format("{}/b", count_)));
        if (!a.ok()) return a.error();
        if (!b.ok()) return b.error();
        ThreadPool pool(threads);
        return compare_results(*a, *b, options, pool);
    }

    Json compared(const std::vector<WrittenTask>& base, const std::vector<WrittenTask>& other) {
        auto result = compare(ResultsFolder(base), ResultsFolder(other));
        EXPECT_TRUE(result.ok()) << result.error().message;
        return result.ok() ? *result : Json();
    }

    void expect_error(const ResultsFolder& base, const ResultsFolder& other, const std::vector<std::string>& parts) {
        const auto result = compare(base, other);
        ASSERT_FALSE(result.ok());
        EXPECT_EQ(result.error().kind, ErrorKind::kInvalidInput);
        for (const std::string& part : parts) {
            EXPECT_NE(result.error().message.find(part), std::string::npos)
                << result.error().message << "\nlacks " << part;
        }
    }

    TempFolder folder_;
    int count_ = 0;
};

TEST_F(PairedTest, AsThePlainBootstrap) {
    const Values a = {1, 0, 1, 1, 0, 1, 1, 0, 1, 1, 1, 0};
    const Values b = {1, 0, 0, 1, 1, 1, 0, 0, 1, 0, 1, 0};
    const Json found = compared({choice(a)}, {choice(b)});
    ASSERT_EQ(found.at("tasks").size(), 1U);
    const Json& row = found.at("tasks")[0];
    std::vector<double> first, second, difference, kept;
    for (std::uint64_t draw = 0; draw < kDraws; ++draw) {
        const auto places = drawn("t", a.size(), draw);
        first.push_back(mean_at(a, places));
        second.push_back(mean_at(b, places));
        difference.push_back(second.back() - first.back());
        if (first.back() > 0.5) kept.push_back((second.back() - 0.5) / (first.back() - 0.5));
    }
    EXPECT_EQ(row.at("name"), "t");
    EXPECT_EQ(row.at("metric"), "acc,none");
    EXPECT_EQ(row.at("kind"), "choice");
    EXPECT_EQ(row.at("chance"), 0.5);
    EXPECT_EQ(row.at("documents"), 12);
    EXPECT_EQ(row.at("primary"), true);
    EXPECT_NEAR(row.at("base").at("score").get<double>(), 8.0 / 12, 1e-12);
    EXPECT_NEAR(row.at("base").at("low").get<double>(), at(first, 0.025), 1e-12);
    EXPECT_NEAR(row.at("base").at("high").get<double>(), at(first, 0.975), 1e-12);
    EXPECT_NEAR(row.at("other").at("score").get<double>(), 6.0 / 12, 1e-12);
    EXPECT_NEAR(row.at("other").at("low").get<double>(), at(second, 0.025), 1e-12);
    EXPECT_NEAR(row.at("difference").get<double>(), -2.0 / 12, 1e-12);
    EXPECT_NEAR(row.at("difference_low").get<double>(), at(difference, 0.025), 1e-12);
    EXPECT_NEAR(row.at("difference_high").get<double>(), at(difference, 0.975), 1e-12);
    EXPECT_EQ(row.at("within_noise"), true);
    EXPECT_EQ(row.at("flips"), (Json{{"lost", 3}, {"gained", 1}}));
    // 8/12 is above 1/2 by less than half the width of an interval of twelve documents.
    EXPECT_EQ(row.at("above_chance"), false);
    EXPECT_TRUE(found.at("choice_retention").is_null());
    EXPECT_TRUE(found.at("generation_retention").is_null());
}

TEST_F(PairedTest, EqualModels) {
    const Values a = {1, 0, 1, 1, 0, 1};
    const Json row = compared({choice(a)}, {choice(a)}).at("tasks")[0];
    for (const char* key : {"difference", "difference_low", "difference_high"}) EXPECT_EQ(row.at(key), 0.0) << key;
    EXPECT_EQ(row.at("within_noise"), true);
    EXPECT_EQ(row.at("flips"), (Json{{"lost", 0}, {"gained", 0}}));
}

// Every document loses as much: the difference is known, whatever the intervals of the scores.
TEST_F(PairedTest, DifferencesArePaired) {
    Values a, b;
    for (int i = 0; i < 20; ++i) {
        a.push_back(i * 0.25);
        b.push_back(i * 0.25 - 0.125);
    }
    const Json row = compared({generation(a, "g")}, {generation(b, "g")}).at("tasks")[0];
    EXPECT_EQ(row.at("difference_low"), -0.125);
    EXPECT_EQ(row.at("difference_high"), -0.125);
    EXPECT_EQ(row.at("within_noise"), false);
    EXPECT_GT(row.at("base").at("high").get<double>() - row.at("base").at("low").get<double>(), 1.0);
    EXPECT_TRUE(row.at("flips").is_null());
}

TEST_F(PairedTest, RetentionOfTasksAboveChance) {
    const std::size_t n = 40;
    Values sure, lesser, coin, text, text_lesser;
    for (std::size_t i = 0; i < n; ++i) {
        sure.emplace_back(i % 10 == 0 ? 0 : 1);                  // 0.9
        lesser.emplace_back(i % 10 == 0 || i % 4 == 1 ? 0 : 1);  // loses each fourth
        coin.emplace_back(i % 2);                                // chance
        text.emplace_back(i % 5 == 0 ? 0 : 1);                   // 0.8
        text_lesser.emplace_back(i % 5 == 0 || i < 20 ? 0 : 1);  // 0.4
    }
    std::vector<std::size_t> choices(n, 2);
    for (std::size_t i = 0; i < n; i += 2) choices[i] = 4;  // chance 3/8
    const Json found =
        compared({choice(sure, "a", choices), choice(sure, "b"), choice(coin, "c"), generation(text, "g")},
                 {choice(lesser, "a", choices), choice(sure, "b"), choice(lesser, "c"), generation(text_lesser, "g")});
    const Json& rows = found.at("tasks");
    EXPECT_EQ(rows[0].at("chance"), 0.375);
    EXPECT_EQ(rows[0].at("above_chance"), true);
    EXPECT_EQ(rows[2].at("above_chance"), false);
    EXPECT_EQ(rows[3].at("chance"), 0.0);
    const Json& kept = found.at("choice_retention");
    EXPECT_EQ(kept.at("tasks"), 2);
    const double score = mean_at(lesser, [] {
        std::vector<std::size_t> all(40);
        std::iota(all.begin(), all.end(), 0U);
        return all;
    }());
    EXPECT_NEAR(kept.at("value").get<double>(), ((score - 0.375) / (0.9 - 0.375) + 1) / 2, 1e-12);
    std::vector<double> draws;
    for (std::uint64_t draw = 0; draw < kDraws; ++draw) {
        const auto places = drawn("a", n, draw);
        double chance = 0;
        for (const std::size_t place : places) chance += 1.0 / static_cast<double>(choices[place]);
        chance /= static_cast<double>(n);
        draws.push_back(((mean_at(lesser, places) - chance) / (mean_at(sure, places) - chance) + 1) / 2);
    }
    EXPECT_NEAR(kept.at("low").get<double>(), at(draws, 0.025), 1e-12);
    EXPECT_NEAR(kept.at("high").get<double>(), at(draws, 0.975), 1e-12);
    EXPECT_NEAR(found.at("generation_retention").at("value").get<double>(), 0.5, 1e-12);
    EXPECT_EQ(found.at("generation_retention").at("tasks"), 1);
}

// A score of the whole sample, not a mean over documents.
TEST_F(PairedTest, ScoresOfWholeSamples) {
    const auto rolling = [](double factor) {
        Values values;
        for (int i = 0; i < 6; ++i) values.push_back(OrderedJson::array({-factor * (i + 1), i + 2}));
        WrittenTask task{"r", "loglikelihood_rolling", {{"byte_perplexity", values}}};
        task.scores["byte_perplexity,none"] = std::exp(factor * 21 / 27);
        return task;
    };
    const Json row = compared({rolling(1)}, {rolling(1.5)}).at("tasks")[0];
    std::vector<double> difference;
    for (std::uint64_t draw = 0; draw < kDraws; ++draw) {
        double sum = 0;
        double weight = 0;
        for (const std::size_t place : drawn("r", 6, draw)) {
            sum += static_cast<double>(place + 1);
            weight += static_cast<double>(place + 2);
        }
        difference.push_back(std::exp(1.5 * sum / weight) - std::exp(sum / weight));
    }
    EXPECT_EQ(row.at("kind"), "likelihood");
    EXPECT_EQ(row.at("higher_is_better"), false);
    EXPECT_TRUE(row.at("chance").is_null());
    EXPECT_TRUE(row.at("flips").is_null());
    EXPECT_NEAR(row.at("difference").get<double>(), std::exp(1.5 * 21 / 27) - std::exp(21.0 / 27), 1e-12);
    EXPECT_NEAR(row.at("difference_low").get<double>(), at(difference, 0.025), 1e-12);
    EXPECT_NEAR(row.at("difference_high").get<double>(), at(difference, 0.975), 1e-12);
}

TEST_F(PairedTest, MetricsOfTextsAndMissingValues) {
    const auto texts = [](const std::string& last) {
        const Values chrf = {OrderedJson::array({"kot ma dom", "kot ma dom"}), nullptr,
                             OrderedJson::array({"rzeka", last})};
        return WrittenTask{"g",
                           "generate_until",
                           {{"chrf", chrf}, {"exact_match", {1, 0, last == "rzeka" ? 1 : 0}}},
                           {},
                           {{"chrf,none", nullptr}}};
    };
    const Json found = compared({texts("rzeka")}, {texts("xyz")});
    const Json& rows = found.at("tasks");
    ASSERT_EQ(rows.size(), 2U);
    EXPECT_EQ(rows[0].at("metric"), "chrf,none");
    EXPECT_EQ(rows[0].at("documents"), 2);
    EXPECT_NEAR(rows[0].at("base").at("score").get<double>(), 100, 1e-9);
    EXPECT_NEAR(rows[0].at("base").at("low").get<double>(), 100, 1e-9);
    // A draw of the second document alone has nothing in common with its reference.
    EXPECT_NEAR(rows[0].at("other").at("low").get<double>(), 0, 1e-9);
    EXPECT_NEAR(rows[0].at("other").at("high").get<double>(), 100, 1e-9);
    EXPECT_EQ(rows[1].at("documents"), 3);
    EXPECT_EQ(rows[1].at("primary"), false);
    EXPECT_EQ(rows[1].at("flips"), (Json{{"lost", 1}, {"gained", 0}}));
}

TEST_F(PairedTest, SameForAnyNumberOfThreads) {
    Values a, b;
    for (int i = 0; i < 100; ++i) {
        a.push_back(i % 3 == 0 ? 1 : 0);
        b.push_back(i % 7 == 0 ? 1 : 0);
    }
    const ResultsFolder base({choice(a, "a"), generation(a, "g")});
    const ResultsFolder other({choice(b, "a"), generation(b, "g")});
    const auto one = compare(base, other, 1, {2000});
    const auto three = compare(base, other, 3, {2000});
    ASSERT_TRUE(one.ok() && three.ok());
    EXPECT_EQ(dump_json(*one), dump_json(*three));
    EXPECT_NE(dump_json(*one), dump_json(*compare(base, other, 1, {2000, 1})));
    EXPECT_FALSE(compare(base, other, 1, {0}).ok());
    EXPECT_FALSE(compare(base, other, 1, {10, 0, 1.0}).ok());
}

TEST_F(PairedTest, TasksOfOneSide) {
    const Values a = {1, 0, 1};
    const Json found = compared({choice(a, "t"), choice(a, "u")}, {choice(a, "t"), choice(a, "v")});
    EXPECT_EQ(found.at("tasks").size(), 1U);
    ASSERT_EQ(found.at("warnings").size(), 2U);
    EXPECT_NE(found.at("warnings")[0].get<std::string>().find("'u'"), std::string::npos);
    EXPECT_NE(found.at("warnings")[1].get<std::string>().find("'v'"), std::string::npos);
    expect_error(ResultsFolder({choice(a, "t")}), ResultsFolder({choice(a, "v")}), {"no task in common"});
}

TEST_F(PairedTest, WhatMustAgree) {
    const Values a = {1, 0, 1};
    const ResultsFolder base({choice(a)});
    const auto changed = [&](const std::function<void(ResultsFolder&)>& change) {
        ResultsFolder other = base;
        change(other);
        return other;
    };
    expect_error(base, changed([](auto& other) { other.results["versions"]["t"] = 2.0; }),
                 {"'t'", "version 1.0", "2.0"});
    expect_error(base, changed([](auto& other) { other.results["n-shot"]["t"] = 3; }), {"'t'", "few-shot", "0", "3"});
    expect_error(base, ResultsFolder({choice({1, 0})}), {"'t'", "3 documents", "2 in"});
    for (const char* key : {"doc_hash", "prompt_hash", "target_hash"}) {
        expect_error(base, changed([&](auto& other) { other.samples[0].second[1][key] = "x"; }),
                     {"'t'", "document 1", key});
    }
    expect_error(base, changed([](auto& other) { other.samples[0].second[1]["doc_id"] = 7; }),
                 {"'t'", "document 1", "a/samples_t_"});
    const ResultsFolder more({{"t", "multiple_choice", {{"acc", a}, {"acc_norm", a}}}});
    expect_error(base, more, {"'t'", "acc_norm,none", "b/samples_t_"});
    expect_error(more, base, {"'t'", "acc_norm,none", "a/samples_t_"});
    expect_error(base, changed([](auto& other) { other.samples[0].second[2].erase("acc"); }),
                 {"'t'", "document 2", "acc,none", "a/samples_t_"});
    expect_error(base, changed([](auto& other) { other.samples[0].second[2]["acc"] = 0; }),
                 {"'t'", "acc,none", "not of one run"});
    expect_error(base, changed([](auto& other) { other.samples[0].second[2]["acc"] = "yes"; }), {"yes", "a number"});
    expect_error(
        base, changed([](auto& other) { other.results["configs"]["t"]["metric_list"][0]["aggregation"] = "median"; }),
        {"'t'", "acc,none", "mean", "median"});
}

}  // namespace
}  // namespace dwubit

// Against tests/golden/scores/*.json: what lm-evaluation-harness and sacrebleu make of the same answers
// (tests/oracle/score_golden.py).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/atomic_file.h"
#include "base/sha256.h"
#include "base/thread_pool.h"
#include "eval/metrics/aggregation.h"
#include "eval/metrics/filters.h"
#include "eval/metrics/metrics.h"
#include "eval/metrics/regex.h"
#include "eval/metrics/text.h"
#include "eval/metrics/text_metrics.h"
#include "eval/task_scores.h"
#include "support/scored_tasks.h"

namespace dwubit {
namespace {

const OrderedJson& tasks() {
    static const OrderedJson parsed = golden_scores("tasks.json");
    return parsed;
}

const OrderedJson& text() {
    static const OrderedJson parsed = golden_scores("text.json");
    return parsed;
}

void expect_number(const OrderedJson& got, const OrderedJson& expected, double tolerance, const std::string& where) {
    if (!expected.is_number()) {
        EXPECT_EQ(got, expected) << where;
        return;
    }
    ASSERT_TRUE(got.is_number()) << where << ": " << got;
    const double wanted = expected.get<double>();
    EXPECT_NEAR(got.get<double>(), wanted, tolerance * std::max(1e-30, std::abs(wanted))) << where;
}

// Numbers within lists too.
void expect_value(const OrderedJson& got, const OrderedJson& expected, const std::string& where) {
    if (!expected.is_array()) return expect_number(got, expected, 1e-12, where);
    ASSERT_TRUE(got.is_array() && got.size() == expected.size()) << where << ": " << got;
    for (std::size_t i = 0; i < expected.size(); ++i) expect_value(got[i], expected[i], where);
}

void expect_scores_of_the_harness(const OrderedJson& entry) {
    const ScoredTask scored = scored_task(entry);
    ScoreOptions options;
    options.bootstrap_iters = entry.at("iterations").get<std::int64_t>();
    options.samples = true;
    ASSERT_TRUE(check_scoring(scored.task.config, options).ok());
    const auto scores = score_task(scored.task, scored.responses, options);
    ASSERT_TRUE(scores.ok()) << scores.error().message;

    const OrderedJson& expected = entry.at("results");
    std::vector<std::string> keys;
    std::vector<std::string> expected_keys;
    for (const auto& [key, value] : scores->results.items()) keys.push_back(key);
    for (const auto& [key, value] : expected.items()) expected_keys.push_back(key);
    EXPECT_EQ(keys, expected_keys);
    for (const auto& [key, value] : expected.items()) {
        const bool error = key.find("_stderr,") != std::string::npos;
        expect_number(scores->results.value(key, OrderedJson()), value, error ? 1e-9 : 1e-12, key);
    }
    EXPECT_EQ(scores->higher_is_better, entry.at("higher_is_better"));

    const OrderedJson& values = entry.at("values");
    ASSERT_EQ(scores->samples.size(), values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
        const OrderedJson& sample = scores->samples[i];
        EXPECT_EQ(sample.at("filter"), values[i][0]);
        EXPECT_EQ(sample.at("metrics"), entry.at("metrics"));
        for (std::size_t k = 0; k < values[i][1].size(); ++k) {
            const auto name = entry.at("metrics")[k].get<std::string>();
            expect_value(sample.at(name), values[i][1][k], fmt::format("{}, line {}", name, i));
        }
    }
}

void expect_samples_of_the_harness(const OrderedJson& entry) {
    const ScoredTask scored = scored_task(entry);
    ScoreOptions options;
    options.bootstrap_iters = 0;
    options.samples = true;
    const auto scores = score_task(scored.task, scored.responses, options);
    ASSERT_TRUE(scores.ok()) << scores.error().message;
    std::string hashes;
    std::string lines;
    for (const OrderedJson& sample : scores->samples) {
        for (const char* key : {"doc_hash", "prompt_hash", "target_hash"}) hashes += sample.at(key).get<std::string>();
        lines += python_json(sample) + "\n";
    }
    EXPECT_EQ(sha256_hex(hashes), entry.at("task_hash").get<std::string>());
    const OrderedJson& expected = entry.at("samples");
    if (expected.empty()) return;  // brier_score: the harness writes numpy's text of an array
    EXPECT_EQ(python_json(scores->samples.at(0)), expected[0].get<std::string>());
    EXPECT_EQ(python_json(scores->samples.at(1)), expected[1].get<std::string>());
    EXPECT_EQ(python_json(scores->samples.back()), expected.back().get<std::string>());
    EXPECT_EQ(sha256_hex(lines), entry.at("samples_sha256").get<std::string>());
}

TEST(GoldenScores, AreTheHarness) {
    for (const auto& [name, entry] : tasks().items()) {
        SCOPED_TRACE(name);
        expect_scores_of_the_harness(entry);
    }
}

TEST(GoldenScores, SamplesAreTheHarness) {
    for (const auto& [name, entry] : tasks().items()) {
        SCOPED_TRACE(name);
        expect_samples_of_the_harness(entry);
    }
}

TEST(BootstrapParallel, IsTheSameForAnyNumberOfThreads) {
    const OrderedJson& entry = tasks().at("gen_map");
    const ScoredTask scored = scored_task(entry);
    ThreadPool pool(3);
    ScoreOptions options;
    options.bootstrap_iters = 5000;
    const auto alone = score_task(scored.task, scored.responses, options);
    options.pool = &pool;
    const auto together = score_task(scored.task, scored.responses, options);
    ASSERT_TRUE(alone.ok() && together.ok());
    EXPECT_EQ(dump_json(alone->results), dump_json(together->results));
}

// Whatever is registered has been compared with the reference.
TEST(GoldenScores, CoverEveryFilterMetricAndAggregation) {
    std::set<std::string> filters;
    std::set<std::string> aggregations;
    std::set<std::pair<std::string, std::string>> metrics;
    for (const auto& [name, entry] : tasks().items()) {
        const ScoredTask scored = scored_task(entry);
        for (const FilterPipeline& pipeline : scored.task.config.filters) {
            for (const FilterStep& step : pipeline.steps) filters.insert(step.function);
        }
        const auto made = TaskMetrics::create(scored.task.config, scored.task.multiple_target);
        ASSERT_TRUE(made.ok());
        for (const auto& metric : made->metrics()) {
            metrics.emplace(output_type_name(scored.task.config.output_type), metric.name);
            aggregations.insert(std::string(metric.aggregation->name));
        }
    }
    for (const std::string& name : filter_names()) EXPECT_TRUE(filters.contains(name)) << name;
    for (const std::string& name : aggregation_names()) EXPECT_TRUE(aggregations.contains(name)) << name;
    for (const OutputType type : {OutputType::kLoglikelihood, OutputType::kLoglikelihoodRolling,
                                  OutputType::kMultipleChoice, OutputType::kGenerateUntil}) {
        for (const std::string& name : metric_names(type)) {
            EXPECT_TRUE(metrics.contains({std::string(output_type_name(type)), name}))
                << output_type_name(type) << name;
        }
    }
}

TEST(GoldenRegex, FindsAndReplacesAsPython) {
    const OrderedJson& texts = text().at("texts");
    for (const OrderedJson& entry : text().at("finds")) {
        const auto pattern = entry.at("pattern").get<std::string>();
        const auto subject = texts[entry.at("text").get<std::size_t>()].get<std::string>();
        const auto regex = Regex::compile(pattern);
        ASSERT_TRUE(regex.ok()) << pattern << ": " << regex.error().message;
        const auto found = regex->find_all(subject);
        ASSERT_TRUE(found.ok()) << pattern << ": " << found.error().message;
        EXPECT_EQ(OrderedJson(*found), entry.at("found")) << pattern << " in " << subject;
        const auto rest = regex->replace_all(subject, "");
        ASSERT_TRUE(rest.ok());
        EXPECT_EQ(*rest, entry.at("without").get<std::string>()) << pattern << " in " << subject;
    }
}

TEST(GoldenRegex, RefusesWhatPythonRefuses) {
    for (const OrderedJson& pattern : text().at("wrong")) {
        EXPECT_FALSE(Regex::compile(pattern.get<std::string>()).ok()) << pattern;
    }
    for (const OrderedJson& pattern : text().at("refused")) {
        const auto regex = Regex::compile(pattern.get<std::string>());
        ASSERT_FALSE(regex.ok()) << pattern;
        EXPECT_EQ(regex.error().kind, ErrorKind::kUnsupported) << pattern;
    }
}

std::vector<TextPair> pairs_of(std::size_t begin, std::size_t end, std::size_t references) {
    std::vector<TextPair> pairs;
    for (std::size_t i = begin; i < end; ++i) {
        const OrderedJson& pair = text().at("pairs")[i];
        TextPair& added = pairs.emplace_back();
        added.answer = pair[0].get<std::string>();
        for (std::size_t k = 0; k < references; ++k) added.references.push_back(pair[1][k].get<std::string>());
    }
    return pairs;
}

TEST(GoldenText, CorporaScoreAsWithSacrebleu) {
    for (const OrderedJson& corpus : text().at("corpora")) {
        const auto pairs = pairs_of(corpus.at("begin").get<std::size_t>(), corpus.at("end").get<std::size_t>(),
                                    corpus.at("references").get<std::size_t>());
        for (const TextMetric* metric : {&kBleu, &kChrf, &kChrfPlusPlus, &kTer}) {
            std::vector<double> sums(metric->width, 0.0);
            for (const TextPair& pair : pairs) {
                const auto numbers = metric->counts(pair);
                ASSERT_TRUE(numbers.ok());
                for (std::size_t k = 0; k < sums.size(); ++k) sums[k] += numbers->at(k);
            }
            expect_number(metric->score(sums), corpus.at(std::string(metric->name)), 1e-12,
                          fmt::format("{} of {}", metric->name, dump_json(corpus)));
        }
    }
}

TEST(GoldenText, TokensAndEditsAreSacrebleus) {
    const OrderedJson& pairs = text().at("pairs");
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        const auto answer = pairs[i][0].get<std::string>();
        EXPECT_EQ(OrderedJson(tokens_13a(answer)), text().at("tokens")[i]) << answer;
        for (std::size_t k = 0; k < 2; ++k) {
            const auto reference = pairs[i][1][k].get<std::string>();
            const auto numbers = kTer.counts({{reference}, answer});
            ASSERT_TRUE(numbers.ok());
            EXPECT_EQ(numbers->at(0), text().at("edits")[i][k].get<double>()) << answer << "\n" << reference;
        }
    }
}

TEST(GoldenText, JsonIsPythons) {
    const OrderedJson numbers =
        OrderedJson::array({0.1, 1.0, -0.0, 1e-05, 0.0001, 123456789012345680.0, 1e16, 9999999999999998.0, 1.5e-320,
                            5e-324, 1.7976931348623157e308, 2.0 / 3, std::nan(""), HUGE_VAL, -HUGE_VAL});
    EXPECT_EQ(python_json(numbers), text().at("json").at("value").get<std::string>());
    OrderedJson value;
    value["a"] = OrderedJson::array();
    value["b"] = OrderedJson::object();
    OrderedJson inner;
    inner["x"] = OrderedJson::array({1, true, nullptr, -0.5});
    value["ź"] = OrderedJson::array({std::string("\0\x1f\x7f\u2028\"\\/\b\f", 11), inner});
    EXPECT_EQ(python_json_indented(value), text().at("json").at("indented").get<std::string>());
}

}  // namespace
}  // namespace dwubit

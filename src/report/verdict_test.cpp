// The sentences, on hand-made studies.
#include "report/verdict.h"

#include <gtest/gtest.h>

#include "report/comparison.h"

namespace dwubit::report {
namespace {

Model method(const std::string& id, std::int64_t bytes, double ratio, double kl, double kl_error) {
    Model model;
    model.id = id;
    model.method = id;
    model.bytes = bytes;
    model.bits_linears = 2.125;
    model.perplexity = {10 * ratio, 0.1, ratio, 1000};
    model.divergence.mean = kl;
    model.divergence.standard_error = kl_error;
    return model;
}

Report study(std::vector<Model> methods) {
    Report report;
    Model base;
    base.id = "base";
    base.bytes = 80'000'000;
    base.perplexity = {10.0, 0.1, 1.0, 1000};
    report.models.push_back(base);
    for (Model& model : methods) report.models.push_back(std::move(model));
    return report;
}

TaskScore difference(double value, double low, double high) {
    TaskScore score;
    score.score = 0.8 + value;
    score.difference = value;
    score.difference_low = low;
    score.difference_high = high;
    score.within_noise = low <= 0 && high >= 0;
    return score;
}

Task task(const std::string& name, std::optional<bool> above_chance = true) {
    Task made;
    made.name = name;
    made.kind = "choice";
    made.chance = 0.25;
    made.documents = 100;
    made.above_chance = above_chance;
    return made;
}

bool has(const std::vector<std::string>& sentences, const std::string& part) {
    for (const std::string& sentence : sentences) {
        if (sentence.find(part) != std::string::npos) return true;
    }
    return false;
}

using Sentences = std::vector<std::string>;

TEST(Verdict, BestOfOneSize) {
    const auto verdict = write_verdict(
        study({method("rtn", 12'300'000, 1.5, 0.41, 0.004), method("gptq", 12'310'000, 1.264, 0.213, 0.004)}));
    // 1.96 x 0.004 = 0.0078
    EXPECT_EQ(
        verdict.findings,
        Sentences(
            {"gptq is the best of 2 at 12.30 to 12.31\u00a0MB (2.125 bits per weight in the linears): perplexity 1.264 "
             "times the base's, KL divergence 0.2130 ± 0.0078. Next is rtn (perplexity 1.500 times the base's, KL "
             "divergence 0.4100 ± 0.0078); the difference in KL divergence is larger than noise."}));
}

TEST(Verdict, WithinNoise) {
    // |0.213 - 0.210| = 0.003 against 1.96 x sqrt(2) x 0.004 = 0.011
    const auto verdict =
        write_verdict(study({method("a", 1000, 1.26, 0.213, 0.004), method("b", 1000, 1.27, 0.210, 0.004),
                             method("c", 1000, 1.5, 0.4, 0.004)}));
    ASSERT_FALSE(verdict.findings.empty());
    EXPECT_TRUE(verdict.findings[0].starts_with(
        "b (0.2100 ± 0.0078) and a (0.2130 ± 0.0078) cannot be told apart at 1.000\u00a0kB"))
        << verdict.findings[0];
    EXPECT_NE(verdict.findings[0].find("the difference in KL divergence is within noise"), std::string::npos);
    EXPECT_NE(verdict.findings[0].find("Worse by more than noise: c (0.4000 ± 0.0078)."), std::string::npos);
    EXPECT_NE(verdict.findings[0].find("By perplexity a is ahead"), std::string::npos);
}

TEST(Verdict, WithoutDivergencePerplexityRanks) {
    auto report = study({method("a", 1000, 1.3, 0, 0), method("b", 1000, 1.6, 0, 0)});
    for (Model& model : report.models) model.divergence = {};
    const auto verdict = write_verdict(report);
    EXPECT_TRUE(has(verdict.findings, "a is the best of 2"));
    EXPECT_TRUE(has(verdict.findings, "the difference in perplexity is larger than noise"));
    EXPECT_TRUE(has(verdict.limits, "The KL divergence of a and b was not measured"));
}

TEST(Verdict, WithoutErrorsNoiseIsNotKnown) {
    auto report = study({method("a", 1000, 1.3, 0.2, 0), method("b", 1000, 1.6, 0.5, 0)});
    for (Model& model : report.models) model.divergence.standard_error.reset();
    EXPECT_TRUE(has(write_verdict(report).findings, "no error is known, so that the difference may be noise"));
}

TEST(Verdict, SizesAreNotMixed) {
    const auto report =
        study({method("small", 1'000'000, 1.5, 0.4, 0.001), method("middle", 1'009'000, 1.6, 0.5, 0.001),
               method("large", 1'011'000, 1.7, 0.6, 0.001), method("largest", 2'000'000, 1.05, 0.05, 0.001)});
    const auto classes = size_classes(report);  // 1 % of the smallest: 1'010'000
    ASSERT_EQ(classes.size(), 3U);
    EXPECT_EQ(classes[0], std::vector<std::size_t>({1, 2}));
    EXPECT_EQ(classes[1], std::vector<std::size_t>({3}));
    const auto verdict = write_verdict(report);
    EXPECT_TRUE(has(verdict.findings, "small is the best of 2 at 1.000 to 1.009\u00a0MB"));
    EXPECT_TRUE(has(verdict.findings, "largest is alone at 2.000\u00a0MB"));
    EXPECT_TRUE(
        has(verdict.findings, "small is smaller than large (1.000\u00a0MB against 1.011\u00a0MB) and loses less"));
    EXPECT_FALSE(has(verdict.findings, "smaller than largest"));
    EXPECT_TRUE(has(verdict.limits, "take different bytes"));
}

TEST(Verdict, CollapseOfGeneration) {
    auto report = study({method("kept", 1000, 1.2, 0.1, 0.001), method("lost", 1000, 1.4, 0.3, 0.001),
                         method("less", 1000, 1.5, 0.4, 0.001), method("unknown", 1000, 1.6, 0.5, 0.001)});
    report.models[1].choice = Retention{0.97, 0.9, 1.03, 4};
    report.models[1].generation = Retention{0.95, 0.88, 1.02, 2};
    report.models[2].choice = Retention{0.9, 0.85, 0.95, 4};
    report.models[2].generation = Retention{0.2, 0.1, 0.3, 2};
    report.models[3].choice = Retention{0.7, 0.65, 0.75, 4};
    report.models[3].generation = Retention{0.4, 0.3, 0.5, 2};
    report.models[4].choice = Retention{0.7, 0.65, 0.75, 4};
    const auto verdict = write_verdict(report);
    EXPECT_TRUE(has(
        verdict.findings,
        "lost keeps multiple choice while generation collapses: of the base's score above chance 90\u00a0% [85\u00a0%, "
        "95\u00a0%] is left in multiple choice and 20\u00a0% [10\u00a0%, 30\u00a0%] in generation."));
    EXPECT_TRUE(has(verdict.findings, "alike within noise: kept (97\u00a0% and 95\u00a0%)."));
    EXPECT_TRUE(
        has(verdict.findings, "Less left of generation than of multiple choice: less (70\u00a0% and 40\u00a0%)."));
    EXPECT_FALSE(has(verdict.findings, "No method keeps"));
    report.models.erase(report.models.begin() + 2);
    EXPECT_TRUE(has(write_verdict(report).findings, "No method keeps multiple choice while generation collapses."));
}

TEST(Verdict, TasksAtChanceCarryNothing) {
    auto report = study({method("a", 1000, 1.2, 0.1, 0.001), method("b", 1000, 1.4, 0.3, 0.001)});
    report.tasks = {task("good"), task("chancy", false)};
    for (Model& model : report.models) {
        model.tasks["good"] = difference(0, -0.1, 0.1);
        model.tasks["chancy"] = difference(-0.5, -0.6, -0.4);
    }
    const auto verdict = write_verdict(report);
    EXPECT_TRUE(
        has(verdict.findings, "Within noise of the base on every task above chance: a (of 1 task) and b (of 1 task)."));
    EXPECT_TRUE(has(verdict.findings, "No task tells a from b"));
    EXPECT_FALSE(has(verdict.findings, "chancy"));
    EXPECT_TRUE(has(verdict.limits, "The base itself is at chance on chancy (0.300, chance 0.250)"));
    // half of 0.2, of 0.8 - 0.25 above chance
    EXPECT_TRUE(
        has(verdict.limits, "on good with 100 documents a loss of 0.100 (18\u00a0% of the base's score above chance)"));
}

TEST(Verdict, TasksAgainstTheBaseAndEachOther) {
    auto report = study({method("a", 1000, 1.2, 0.1, 0.001), method("b", 1000, 1.4, 0.3, 0.001)});
    report.tasks = {task("one"), task("two")};
    report.tasks[1].higher_is_better = false;
    report.models[1].tasks["one"] = difference(-0.05, -0.08, -0.02);
    report.models[2].tasks["one"] = difference(-0.3, -0.35, -0.25);
    report.models[2].tasks["two"] = difference(-0.3, -0.35, -0.25);
    const auto verdict = write_verdict(report);
    EXPECT_TRUE(has(verdict.findings,
                    "Worse than the base by more than noise on tasks above chance: a on 1 of 1 and b on 1 of 2."));
    EXPECT_TRUE(has(verdict.findings, "Better than the base by more than noise: b on 1 of 2."));
    EXPECT_TRUE(has(verdict.findings, "a is also ahead of b on tasks, by more than noise."));
}

TEST(Verdict, BehindOnATask) {
    auto report = study({method("a", 1000, 1.2, 0.1, 0.001), method("b", 1000, 1.4, 0.3, 0.001)});
    report.tasks = {task("one")};
    report.models[1].tasks["one"] = difference(-0.3, -0.35, -0.25);
    report.models[2].tasks["one"] = difference(-0.05, -0.08, -0.02);
    EXPECT_TRUE(has(write_verdict(report).findings, "On some task a is behind b by more than noise."));
}

TEST(Verdict, NothingMeasured) {
    Model bare;
    bare.id = "x";
    const auto verdict = write_verdict(study({bare}));
    EXPECT_TRUE(has(verdict.findings, "No method can be ranked: no sizes are known."));
    EXPECT_TRUE(has(verdict.limits, "No task above chance was measured"));
    EXPECT_TRUE(has(verdict.limits, "The size of x is not known"));
    bare.bytes = 1000;
    Model other = bare;
    other.id = "y";
    EXPECT_TRUE(has(write_verdict(study({bare, other})).findings,
                    "x and y cannot be ranked at 1.000\u00a0kB: neither perplexity nor KL divergence was measured"));
    EXPECT_EQ(write_verdict(study({})).findings,
              Sentences({"No method was compared: this study holds the base alone."}));
}

TEST(Verdict, UnderTheNoiseFloor) {
    auto report = study({method("a", 1000, 1, 1e-8, 1e-9)});
    report.models[1].divergence.noise_floor = 1e-7;
    EXPECT_TRUE(has(write_verdict(report).limits, "The KL divergence of a is not above the noise floor"));
}

TEST(Comparison, Letters) {
    EXPECT_EQ(class_letter(0), "A");
    EXPECT_EQ(class_letter(25), "Z");
    EXPECT_EQ(class_letter(26), "AA");
    EXPECT_EQ(class_letter(26 + 26 * 26), "AAA");
}

TEST(Comparison, DifferByMoreThanNoise) {
    const Model a = method("a", 1, 1.2, 0.2, 0.003);
    const Model b = method("b", 1, 1.3, 0.209, 0.004);  // 0.009 against 1.96 x 0.005 = 0.0098
    const Model c = method("c", 1, 1.3, 0.21, 0.004);   // 0.010
    EXPECT_EQ(differ(a, b, Measure::kDivergence), false);
    EXPECT_EQ(differ(a, c, Measure::kDivergence), true);
    EXPECT_EQ(differ(a, Model{}, Measure::kDivergence), std::nullopt);
    EXPECT_EQ(differ(a, c, Measure::kNone), std::nullopt);
}

}  // namespace
}  // namespace dwubit::report

// What is refused, and how it is said; the golden tests hold what is right.
#include <gtest/gtest.h>

#include <chrono>

#include "base/text.h"
#include "eval/metrics/aggregation.h"
#include "eval/metrics/filters.h"
#include "eval/metrics/regex.h"
#include "eval/task_scores.h"

namespace dwubit {
namespace {

BuiltTask choice_task(const OrderedJson& gold) {
    BuiltTask task;
    task.config.task = "zadanie";
    task.config.output_type = OutputType::kMultipleChoice;
    task.config.filters = {{"none", {{"take_first", OrderedJson::object()}}}};
    task.config.metrics = {{"acc", {}, {}, OrderedJson::object()}};
    TaskItem item;
    item.doc_id = 7;
    item.target = gold;
    item.gold = gold;
    item.choices = {"tak", "nie"};
    item.requests = {{"?", " tak"}, {"?", " nie"}};
    task.items = {item, item};
    return task;
}

const TaskResponses kAnswers = {{{{-1, false, ""}}, {{-2, true, ""}}}, {{{-3, false, ""}}, {{-2, false, ""}}}};

BuiltTask text_task(const std::string& filter, const OrderedJson& arguments) {
    BuiltTask task;
    task.config.task = "zadanie";
    task.config.filters = {{"odp", {{filter, arguments}, {"take_first", OrderedJson::object()}}}};
    task.config.metrics = {{"exact_match", {}, {}, OrderedJson::object()}};
    TaskItem item;
    item.doc = OrderedJson::object();
    item.target = "x";
    item.requests = {{"?", ""}};
    task.items = {item};
    return task;
}

std::string said(const Error& error) {
    std::string out = error.message;
    for (const std::string& context : error.context) out += " / " + context;
    return out + (error.hint.empty() ? "" : " (" + error.hint + ")");
}

std::string error_of(const BuiltTask& task, const TaskResponses& responses) {
    const auto scores = score_task(task, responses, {});
    return scores.ok() ? "no error" : said(scores.error());
}

std::string check_error(const TaskConfig& config) {
    const auto checked = check_scoring(config, {});
    return checked.ok() ? "no error" : said(checked.error());
}

TEST(Scoring, GoldThatIsNoChoiceIsAnError) {
    for (const OrderedJson& gold :
         {OrderedJson(2), OrderedJson(-1), OrderedJson("może"), OrderedJson(0.5), OrderedJson()}) {
        const std::string message = error_of(choice_task(gold), kAnswers);
        EXPECT_NE(message.find("none of the 2 choices"), std::string::npos) << message;
        EXPECT_NE(message.find("document 7"), std::string::npos) << message;
        EXPECT_NE(message.find("task 'zadanie', filter 'none'"), std::string::npos) << message;
    }
    EXPECT_EQ(error_of(choice_task(1), kAnswers), "no error");
    EXPECT_EQ(error_of(choice_task("nie"), kAnswers), "no error");
    EXPECT_NE(error_of(choice_task(1), {}).find("do not belong"), std::string::npos);
}

TEST(Scoring, UnknownNamesAreListed) {
    TaskConfig config = choice_task(0).config;
    config.metrics[0].name = "ac";
    EXPECT_NE(check_error(config).find("no metric 'ac' for output_type multiple_choice"), std::string::npos);
    EXPECT_NE(check_error(config).find("metrics: acc, f1, mcc"), std::string::npos);
    config.metrics[0].name = "word_perplexity";
    EXPECT_NE(check_error(config).find("no metric 'word_perplexity'"), std::string::npos);
    config.metrics[0] = {"acc", "mea", {}, OrderedJson::object()};
    EXPECT_NE(check_error(config).find("no aggregation 'mea' / metric 'acc'"), std::string::npos)
        << check_error(config);
    config.metrics[0].aggregation = "bleu";
    EXPECT_NE(check_error(config).find("metric 'acc' gives no values for aggregation 'bleu'"), std::string::npos);
    config = text_task("rexeg", OrderedJson::object()).config;
    EXPECT_NE(check_error(config).find("no filter 'rexeg'"), std::string::npos);
    EXPECT_NE(check_error(config).find("multi_choice_regex, regex, regex_pos"), std::string::npos);
    config.process_results = "utils.process";
    EXPECT_NE(check_error(config).find("no native function 'utils.process'"), std::string::npos);
}

TEST(Scoring, ArgumentsAreChecked) {
    const auto filter_error = [](const std::string& filter, const char* arguments) {
        return check_error(text_task(filter, OrderedJson::parse(arguments)).config);
    };
    EXPECT_NE(filter_error("regex", R"({"pattern": "a"})").find("no argument 'pattern'"), std::string::npos);
    EXPECT_NE(filter_error("regex", R"({"pattern": "a"})").find("fallback, group_select, regex_pattern"),
              std::string::npos);
    EXPECT_NE(filter_error("regex", R"({"regex_pattern": 3})").find("must be text, got 3"), std::string::npos);
    EXPECT_NE(filter_error("regex", R"({"regex_pattern": "(a"})").find("missing )"), std::string::npos);
    EXPECT_NE(filter_error("take_first_k", "{}").find("'k' is missing"), std::string::npos);
    EXPECT_NE(filter_error("take_first_k", R"({"k": 0})").find("at least 1"), std::string::npos);
    EXPECT_NE(filter_error("map", R"({"mapping_dict": []})").find("must be a mapping"), std::string::npos);
    TaskConfig config = text_task("lowercase", OrderedJson::object()).config;
    config.metrics[0].arguments["ignore_cases"] = true;
    EXPECT_NE(check_error(config).find("no argument 'ignore_cases' / metric 'exact_match'"), std::string::npos);
    config.metrics[0].arguments = {{"regexes_to_ignore", {"a**"}}};
    EXPECT_NE(check_error(config).find("multiple repeat"), std::string::npos);
    config.metrics[0].arguments = {{"ignore_case", 1}};
    EXPECT_NE(check_error(config).find("true or false"), std::string::npos);
    config.filters.push_back(config.filters[0]);
    EXPECT_NE(check_error(config).find("two lists of filters are named 'odp'"), std::string::npos);
}

TEST(Scoring, FiltersThatDoNotFitTheAnswers) {
    const TaskResponses text = {{{{0, false, "abc"}}}};
    BuiltTask task = text_task("take_first_k", {{"k", 2}});
    EXPECT_NE(error_of(task, text).find("wants 2 answers, there are 1"), std::string::npos);
    task = text_task("multi_choice_regex", OrderedJson::object());
    EXPECT_NE(error_of(task, text).find("no list 'choices'"), std::string::npos);
    task = text_task("regex", {{"regex_pattern", "[a-c]"}, {"group_select", 3}});
    EXPECT_NE(error_of(task, text).find("'group_select' is 3, but an answer has 3 matches"), std::string::npos);
    task = text_task("map", {{"mapping_dict", OrderedJson::object()}});
    EXPECT_NE(error_of(task, text).find("cannot be compared"), std::string::npos);
    BuiltTask choices = choice_task(0);
    choices.config.filters[0].steps[0].function = "lowercase";
    EXPECT_NE(error_of(choices, kAnswers).find("works on text, but an answer is [-1.0,false]"), std::string::npos);
}

TEST(Scoring, BinaryF1WantsTwoClasses) {
    const auto f1 = find_aggregation("f1");
    ASSERT_TRUE(f1.ok());
    const auto prepare = [&](const char* values) {
        return (*f1)->prepare(OrderedJson::parse(values).get<std::vector<OrderedJson>>());
    };
    EXPECT_FALSE(prepare("[[0, 1], [2, 1]]").ok());
    EXPECT_FALSE(prepare("[[0, 2], [2, 0]]").ok());
    EXPECT_FALSE(prepare(R"([[0, "a"]])").ok());
    EXPECT_FALSE(prepare("[[[0, 1], 0]]").ok());
    const auto good = prepare("[[1, 1], [0, 1], [true, 0]]");
    ASSERT_TRUE(good.ok());
    EXPECT_EQ(score_of_all(**good, 3), 0.5);
    const auto none = prepare("[[0, 0], [0, 0]]");
    ASSERT_TRUE(none.ok());
    EXPECT_EQ(score_of_all(**none, 2), 0);
}

TEST(Scoring, NoErrorsWithoutIterationsOrForOneDocument) {
    ScoreOptions options;
    options.bootstrap_iters = 0;
    const auto without = score_task(choice_task(0), kAnswers, options);
    ASSERT_TRUE(without.ok());
    EXPECT_EQ(without->results.at("acc_stderr,none"), "N/A");
    EXPECT_TRUE(without->samples.empty());
    BuiltTask one = choice_task(0);
    one.items.pop_back();
    const auto single = score_task(one, {kAnswers[0]}, {});
    ASSERT_TRUE(single.ok());
    EXPECT_EQ(single->results.at("acc_stderr,none"), "N/A");
    options.bootstrap_iters = -1;
    EXPECT_FALSE(check_scoring(one.config, options).ok());
}

// The fork has neither the newer keys nor standard errors of F1.
TEST(Scoring, PolishHarness) {
    BuiltTask task = choice_task(0);
    task.config.metrics.push_back({"f1", {}, {}, OrderedJson::object()});
    ScoreOptions options;
    options.bootstrap_iters = 10;
    options.samples = true;
    const auto current = score_task(task, kAnswers, options);
    options.harness = Harness::kPolish;
    const auto polish = score_task(task, kAnswers, options);
    ASSERT_TRUE(current.ok() && polish.ok());
    EXPECT_TRUE(current->results.at("f1_stderr,none").is_number());
    EXPECT_EQ(polish->results.at("f1_stderr,none"), "N/A");
    EXPECT_EQ(polish->results.at("acc_stderr,none"), 0.5);
    EXPECT_EQ(polish->results.begin().key(), "alias");
    EXPECT_FALSE(polish->results.contains("sample_len"));
    EXPECT_TRUE(current->samples.at(0).contains("filter"));
    EXPECT_FALSE(polish->samples.at(0).contains("filter"));
    EXPECT_EQ(polish->samples.at(0).at("doc_hash"), current->samples.at(0).at("doc_hash"));
}

// Patterns that need exponential or quadratic time end with an error, soon.
TEST(Regex, HostilePatternsEnd) {
    const std::string text = std::string(30'000, 'a') + "!";
    for (const char* pattern :
         {"(a+)+$", "(a|aa)+$", "(a*)*b", "(?:a|a)*c", ".*.*.*.*x", R"((.*)\1\1y)", "(?=(a+))*z", "(a?){400}a{400}b"}) {
        const auto regex = Regex::compile(pattern);
        if (!regex.ok()) continue;
        const auto start = std::chrono::steady_clock::now();
        const auto found = regex->find_all(text);
        const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
        EXPECT_LT(seconds.count(), 10) << pattern;
        if (!found.ok()) {
            EXPECT_NE(found.error().message.find("too many steps"), std::string::npos) << found.error().message;
        }
    }
    const auto hopeless = Regex::compile("(a+)+$");
    ASSERT_TRUE(hopeless.ok());
    EXPECT_FALSE(hopeless->find_all(text).ok());
    const auto plain = Regex::compile(R"((-?[$0-9.,]{2,})|(-?[0-9]+))");
    ASSERT_TRUE(plain.ok());
    EXPECT_TRUE(plain->find_all(text).ok());
}

TEST(Regex, BadPatterns) {
    EXPECT_FALSE(Regex::compile("\xff").ok());
    EXPECT_FALSE(Regex::compile(std::string(70'000, 'a')).ok());
    EXPECT_FALSE(Regex::compile(std::string(200, '(') + std::string(200, ')')).ok());
    EXPECT_FALSE(Regex::compile("a{99999}").ok());
    EXPECT_FALSE(Regex::compile("(?<=a+)b").ok());
    EXPECT_TRUE(Regex::compile(regex_escape("a|b (c) [d] {e} ź*\n#-&~")).ok());
}

}  // namespace
}  // namespace dwubit

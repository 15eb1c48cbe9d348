// Against tests/golden/scores/run.json: the results file and the table of lm-evaluation-harness for the same run.
#include "eval/results.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "base/atomic_file.h"
#include "eval/metrics/text.h"
#include "support/file_size_limit.h"
#include "support/scored_tasks.h"
#include "support/temp_folder.h"

namespace dwubit {
namespace {

class GoldenRun : public ::testing::Test {
protected:
    void SetUp() override {
        run_ = golden_scores("run.json");
        const OrderedJson tasks = golden_scores("tasks.json");
        ScoreOptions options;
        options.bootstrap_iters = 100;
        options.samples = true;
        for (const OrderedJson& name : run_.at("tasks")) {
            scored_.push_back(scored_task(tasks.at(name.get<std::string>())));
            auto scores = score_task(scored_.back().task, scored_.back().responses, options);
            ASSERT_TRUE(scores.ok()) << scores.error().message;
            scores_.push_back(std::move(scores).value());
        }
        groups_.resize(3);
        groups_[0] = {"calosc", "", {"mc_two", "mc_four", "wewn"}, {{"acc", "", true}, {"acc_norm", "none", true}},
                      {},       {}};
        groups_[0].metadata["version"] = 2;
        groups_[1] = {"wewn", "wewnętrzna", {"mc_several", "mc_inputs"}, {{"acc", "none", false}}, {}, {}};
        groups_[2] = {"luzna", "", {"cloze"}, {}, {}, {}};
    }

    std::vector<TaskResult> tasks() const {
        std::vector<TaskResult> out;
        for (std::size_t i = 0; i < scored_.size(); ++i) out.push_back({scored_[i].task, scores_[i]});
        return out;
    }

    OrderedJson results() const {
        RunInfo info;
        info.model = "modele/orlik <2>";
        info.date = 1700000000.25;
        info.start_time = 1;
        info.end_time = 3.5;
        info.tokens_evaluated = 11;
        return results_object(info, tasks(), groups_);
    }

    OrderedJson run_;
    std::vector<ScoredTask> scored_;
    std::vector<TaskScores> scores_;
    std::vector<TaskGroup> groups_;
};

// The same members in the same order; numbers within 1e-9.
void expect_same(const OrderedJson& got, const OrderedJson& expected, const std::string& where) {
    if (expected.is_number() && got.is_number()) {
        EXPECT_NEAR(got.get<double>(), expected.get<double>(), 1e-9 * std::max(1.0, std::abs(expected.get<double>())))
            << where;
        return;
    }
    if (!expected.is_object()) {
        EXPECT_EQ(got, expected) << where;
        return;
    }
    ASSERT_TRUE(got.is_object()) << where;
    auto member = got.begin();
    for (const auto& [key, value] : expected.items()) {
        ASSERT_NE(member, got.end()) << where << ": no " << key;
        EXPECT_EQ(member.key(), key) << where;
        expect_same(member.value(), value, fmt::format("{}/{}", where, key));
        ++member;
    }
    EXPECT_EQ(member, got.end()) << where << ": more than expected";
}

TEST_F(GoldenRun, ResultsAreThoseOfTheHarness) {
    const OrderedJson got = results();
    for (const auto& [key, value] : run_.at("written").items()) {
        if (key == "model_source") continue;
        expect_same(got.value(key, OrderedJson("absent")), value, key);
    }
    for (const OrderedJson& key : run_.at("keys")) EXPECT_TRUE(got.contains(key.get<std::string>())) << key;
    EXPECT_EQ(got.at("total_evaluation_time_seconds"), "2.5");
    EXPECT_EQ(got.at("tokens_evaluated"), 11);
    const auto at = [&](const char* key) { return std::distance(got.begin(), got.find(key)); };
    EXPECT_LT(at("results"), at("groups"));
    EXPECT_LT(at("n-samples"), at("config"));
    EXPECT_LT(at("task_hashes"), at("model_name"));
}

TEST_F(GoldenRun, ConfigsHaveTheHarnessKeys) {
    scored_[0].task.config.written = {
        {"metadata", {{"version", 1.5}}}, {"doc_to_text", "x"}, {"task", "mc_two"}, {"own_key", 1}, {"tag", nullptr}};
    const OrderedJson config = results().at("configs").at("mc_two");
    std::vector<std::string> keys;
    for (const auto& [key, value] : config.items()) keys.push_back(key);
    EXPECT_EQ(keys, (std::vector<std::string>{"task", "doc_to_text", "unsafe_code", "description", "target_delimiter",
                                              "fewshot_delimiter", "num_fewshot", "output_type", "repeats",
                                              "should_decontaminate", "metadata", "own_key"}));
    for (const std::string& key : keys) {
        if (key == "own_key") continue;
        const OrderedJson& known = run_.at("configs").at("mc_two");
        EXPECT_NE(std::find(known.begin(), known.end(), key), known.end()) << key;
    }
}

TEST_F(GoldenRun, TableIsTheOneTheHarnessPrints) {
    EXPECT_EQ(results_table(results()), run_.at("table").get<std::string>());
    // The rows; whether the harness takes the last column for numbers depends on the table it printed before.
    const std::string table = results_table(results(), ResultsTable::kGroups);
    const auto expected = run_.at("group_table").get<std::string>();
    EXPECT_EQ(table.substr(table.rfind("---|")), expected.substr(expected.rfind("---|")));
}

TEST_F(GoldenRun, FilesAreNamedAsTheHarness) {
    const testing::TempFolder folder;
    OrderedJson object = results();
    const std::string stamp = "2026-11-24T04-38-43.427282";
    const auto written = write_results(folder.path() / "out", stamp, tasks(), object);
    ASSERT_TRUE(written.ok()) << written.error().message;
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path() / "out" / "modele__orlik __2__")) {
        names.insert(entry.path().filename());
    }
    std::set<std::string> expected;
    for (const OrderedJson& name : run_.at("files")) {
        const auto text = name.get<std::string>();
        expected.insert(text.substr(0, text.rfind("_2")) + "_" + stamp + text.substr(text.rfind(".json")));
    }
    EXPECT_EQ(names, expected);
    EXPECT_EQ(object.at("files").size(), names.size());

    const auto main_text = read_file(object.at("files")[0].get<std::string>());
    ASSERT_TRUE(main_text.ok());
    EXPECT_EQ(dump_json(OrderedJson::parse(*main_text)), dump_json(object));
    const auto samples = read_file(object.at("files")[1].get<std::string>());
    ASSERT_TRUE(samples.ok());
    std::string lines;
    for (const OrderedJson& sample : scores_[0].samples) lines += python_json(sample) + "\n";
    EXPECT_EQ(*samples, lines);
}

TEST_F(GoldenRun, FilesMayBeNamedBesideTheResults) {
    const testing::TempFolder folder;
    OrderedJson object = results();
    ASSERT_TRUE(write_results(folder.path() / "r.json", "t", tasks(), object, FileNames::kBeside).ok());
    for (const OrderedJson& name : object.at("files")) {
        EXPECT_TRUE(std::filesystem::is_regular_file(folder.path() / name.get<std::string>())) << name;
    }
    EXPECT_EQ(object.at("files")[0], "r_t.json");
}

TEST_F(GoldenRun, NothingStaysOfAFullDisk) {
    const testing::TempFolder folder;
    OrderedJson object = results();
    {
        const testing::FileSizeLimit limit(4096);
        EXPECT_FALSE(write_results(folder.path() / "out", "t", tasks(), object).ok());
    }
    EXPECT_FALSE(std::filesystem::exists(folder.path() / "out"));
}

TEST_F(GoldenRun, AnOutputThatIsAFileNamesTheResults) {
    const testing::TempFolder folder;
    for (TaskScores& scores : scores_) scores.samples.clear();
    OrderedJson object = results();
    ASSERT_TRUE(write_results(folder.path() / "ocena.json", "t", tasks(), object).ok());
    EXPECT_TRUE(std::filesystem::exists(folder.path() / "ocena_t.json"));
    EXPECT_EQ(object.at("task_hashes"), OrderedJson::object());
}

TEST(ResultsTable, DecimalsAndColumnsWithoutNumbers) {
    const OrderedJson object =
        OrderedJson::parse(R"({"results": {"a|b": {"alias": "a|b", "sample_len": 3, "x,none": 0.5,
        "x_stderr,none": 0.25, "y,none": 12.0, "y_stderr,none": 0.125}}, "versions": {"a|b": 1}, "n-shot": {"a|b": 5},
        "higher_is_better": {"a|b": {"x": false}}})");
    EXPECT_EQ(results_table(object),
              "|Tasks|Version|Filter|n-shot|Metric|   |Value|   |Stderr|\n"
              "|-----|------:|------|-----:|------|---|----:|---|-----:|\n"
              "|a\\|b |      1|none  |     5|x     |↓  |  0.5|±  | 0.250|\n"
              "|     |       |none  |     5|y     |   | 12.0|±  | 0.125|\n");
    EXPECT_EQ(results_table(object, ResultsTable::kGroups), "");
}

TEST(ResultNames, AreSafeInPaths) {
    EXPECT_EQ(sanitized_name("a/b:c\\\\d[e]*f"), "a__b__c__d__e__f");
    EXPECT_EQ(sanitized_name("/models/orlik"), "__models__orlik");
    EXPECT_EQ(sanitized_name(".."), "__");
    EXPECT_EQ(sanitized_name(""), "__");
    const auto stamp =
        results_stamp(std::chrono::system_clock::time_point(std::chrono::microseconds(1'700'000'000'000'042)));
    EXPECT_EQ(stamp.substr(0, 8), "2023-11-");
    EXPECT_EQ(stamp.substr(stamp.size() - 7), ".000042");
    EXPECT_EQ(stamp.size(), 26U);
}

TEST(GroupScores, AGroupThatHoldsItselfEnds) {
    TaskConfig config;
    config.task = "zadanie";
    BuiltTask task;
    task.config = config;
    task.items.resize(4);
    TaskScores scores;
    scores.results["acc,none"] = 0.5;
    scores.results["acc_stderr,none"] = "N/A";
    std::vector<TaskGroup> groups(2);
    groups[0] = {"a", "", {"b", "zadanie"}, {{"acc", "none", true}}, {}, {}};
    groups[1] = {"b", "", {"a"}, {{"acc", "none", true}}, {}, {}};
    const std::vector<TaskResult> tasks = {{task, scores}};
    const OrderedJson object = results_object({}, tasks, groups);
    EXPECT_EQ(object.at("groups").at("a").at("acc,none"), 0.5);
    EXPECT_EQ(object.at("groups").at("a").at("acc_stderr,none"), "N/A");
    EXPECT_FALSE(results_table(object).empty());
}

}  // namespace
}  // namespace dwubit

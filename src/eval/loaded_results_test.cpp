#include "eval/loaded_results.h"

#include <gtest/gtest.h>

#include "eval/results_files.h"
#include "support/results_folder.h"

namespace dwubit {
namespace {

using testing::ResultsFolder;
using testing::TempFolder;
using testing::WrittenTask;

const std::string kStamp = "2026-01-01T00-00-00.000001";

WrittenTask task_of(const std::string& name) {
    return {name, "multiple_choice", {{"acc", {1, 0, 1}}, {"acc_norm", {1.0, 1.0, 1.0}}}, {2, 4, 5}};
}

class LoadedResultsTest : public ::testing::Test {
protected:
    Result<LoadedResults> load(const ResultsFolder& results) { return load_results(results.write(folder_, "r")); }

    // The error's message holds each of `parts`.
    void expect_error(const ResultsFolder& results, ErrorKind kind, const std::vector<std::string>& parts) {
        const auto loaded = load(results);
        ASSERT_FALSE(loaded.ok());
        EXPECT_EQ(loaded.error().kind, kind) << loaded.error().message;
        for (const std::string& part : parts) {
            EXPECT_NE(loaded.error().message.find(part), std::string::npos)
                << loaded.error().message << "\nlacks " << part;
        }
    }

    TempFolder folder_;
    ResultsFolder good_{{task_of("t"), task_of("u")}};
};

TEST_F(LoadedResultsTest, TasksMetricsDocuments) {
    const auto loaded = load(good_);
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
    EXPECT_EQ(loaded->program, "dwubit 0.1.0");
    EXPECT_EQ(loaded->model, "m");
    EXPECT_TRUE(loaded->warnings.empty());
    ASSERT_EQ(loaded->tasks.size(), 2U);
    const LoadedTask& task = loaded->tasks[0];
    EXPECT_EQ(task.name, "t");
    EXPECT_EQ(task.output_type, OutputType::kMultipleChoice);
    EXPECT_EQ(task.version, "1.0");
    EXPECT_EQ(task.shots, "0");
    EXPECT_EQ(task.primary_metric, "acc,none");
    ASSERT_EQ(task.metrics.size(), 2U);
    EXPECT_EQ(task.metrics[0].aggregation->name, "mean");
    EXPECT_TRUE(task.metrics[0].higher_is_better);
    EXPECT_EQ(task.metrics[0].score, 2.0 / 3);
    EXPECT_EQ(task.metrics[0].values[1], OrderedJson(0));
    ASSERT_EQ(task.documents.size(), 3U);
    EXPECT_EQ(task.documents[1].choices, 4);
    EXPECT_EQ(task.documents[2].id, 2);
}

TEST_F(LoadedResultsTest, OrderOfLinesAndMetricsDoesNotMatter) {
    std::swap(good_.samples[0].second[0], good_.samples[0].second[2]);
    good_.results["configs"]["t"]["metric_list"] = {OrderedJson::object({{"metric", "acc_norm"}}),
                                                    OrderedJson::object({{"metric", "acc"}})};
    const auto loaded = load(good_);
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
    EXPECT_EQ(loaded->tasks[0].primary_metric, "acc_norm,none");
    EXPECT_EQ(loaded->tasks[0].documents[0].choices, 2);
    EXPECT_EQ(loaded->tasks[0].documents[2].choices, 5);
}

TEST_F(LoadedResultsTest, OldHarnessesNameNoFilter) {
    good_.results.erase("dwubit_version");
    good_.results["git_hash"] = "abc";
    for (OrderedJson& line : good_.samples[0].second) {
        for (const char* key : {"filter", "doc_hash", "prompt_hash", "target_hash"}) line.erase(key);
    }
    const auto loaded = load(good_);
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
    EXPECT_EQ(loaded->program, "lm_eval");
    EXPECT_EQ(loaded->tasks[0].metrics[0].values[2], OrderedJson(1));
    EXPECT_NE(loaded->tasks[0].documents[0].doc_hash, loaded->tasks[0].documents[1].doc_hash);
    good_.samples[0].second.push_back(good_.samples[0].second.front());
    expect_error(good_, ErrorKind::kInvalidInput, {"samples_t_", ":4", "document 0", "filters (1)"});
}

TEST_F(LoadedResultsTest, FoldersAndTheNewest) {
    const auto folder = good_.write(folder_, "out/model");
    EXPECT_EQ(load_results(folder_ / "out")->file, folder / ("results_" + kStamp + ".json"));
    EXPECT_TRUE(load_results(folder / ("results_" + kStamp + ".json")).ok());
    good_.write(folder_, "out/model", "2026-02-01T00-00-00.000000");
    const auto loaded = load_results(folder_ / "out");
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
    EXPECT_EQ(loaded->file, folder / "results_2026-02-01T00-00-00.000000.json");
    ASSERT_EQ(loaded->warnings.size(), 1U);
    EXPECT_NE(loaded->warnings[0].find("2 results files"), std::string::npos) << loaded->warnings[0];
    folder_.write("empty/x.txt", "");
    for (const char* name : {"empty", "empty/x.txt", "nowhere"}) {
        const auto missing = load_results(folder_ / name);
        ASSERT_FALSE(missing.ok());
        EXPECT_EQ(missing.error().kind, ErrorKind::kNotFound);
        EXPECT_NE(missing.error().message.find(name), std::string::npos) << missing.error().message;
    }
}

TEST_F(LoadedResultsTest, NoSamples) {
    good_.samples.pop_back();
    const auto loaded = load(good_);
    ASSERT_FALSE(loaded.ok());
    EXPECT_EQ(loaded.error().kind, ErrorKind::kNotFound);
    EXPECT_NE(loaded.error().message.find("samples_u_" + kStamp), std::string::npos) << loaded.error().message;
    EXPECT_NE(loaded.error().hint.find("--log_samples"), std::string::npos);
}

TEST_F(LoadedResultsTest, OtherFiles) {
    ResultsFolder newer = good_;
    newer.results["schema"] = "dwubit.eval/2";
    expect_error(newer, ErrorKind::kUnsupported, {"results_", "dwubit.eval/2", "dwubit.eval/1"});
    for (const char* key : {"results", "configs", "versions"}) {
        ResultsFolder lacking = good_;
        lacking.results.erase(key);
        expect_error(lacking, ErrorKind::kInvalidInput, {"results_", key, "an object"});
        lacking.results[key] = OrderedJson::array();
        expect_error(lacking, ErrorKind::kInvalidInput, {"results_", key, "an object"});
    }
    ResultsFolder unknown = good_;
    unknown.results.erase("dwubit_version");
    expect_error(unknown, ErrorKind::kInvalidInput, {"dwubit_version", "lm_eval_version"});
    ResultsFolder list = good_;
    list.results = OrderedJson::array();
    expect_error(list, ErrorKind::kInvalidInput, {"no JSON object"});
    ResultsFolder type = good_;
    type.results["configs"]["t"]["output_type"] = "multiple";
    expect_error(type, ErrorKind::kInvalidInput, {"configs.t.output_type", "multiple_choice"});
    ResultsFolder score = good_;
    score.results["results"]["t"]["acc,none"] = "high";
    expect_error(score, ErrorKind::kInvalidInput, {"results.t.acc,none", "number"});
    ResultsFolder gone = good_;
    gone.results["results"].erase("u");
    expect_error(gone, ErrorKind::kInvalidInput, {"results.u"});
}

TEST_F(LoadedResultsTest, UnknownAggregationsAreLeftOut) {
    good_.results["configs"]["t"]["metric_list"][1]["aggregation"] = "<function mine>";
    const auto loaded = load(good_);
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
    EXPECT_EQ(loaded->tasks[0].metrics.size(), 1U);
    ASSERT_EQ(loaded->warnings.size(), 1U);
    EXPECT_NE(loaded->warnings[0].find("'acc_norm'"), std::string::npos) << loaded->warnings[0];
    good_.results["configs"]["t"]["metric_list"][0]["aggregation"] = "mine";
    EXPECT_EQ(load(good_)->tasks.size(), 1U);
    for (const int i : {0, 1}) good_.results["configs"]["u"]["metric_list"][i]["aggregation"] = "mine";
    expect_error(good_, ErrorKind::kInvalidInput, {"no task that can be compared"});
}

TEST_F(LoadedResultsTest, DamagedLines) {
    const auto folder = good_.write(folder_, "r");
    const std::string name = "r/samples_t_" + kStamp + ".jsonl";
    const auto expect = [&](const std::string& text, const std::vector<std::string>& parts) {
        folder_.write(name, text);
        const auto loaded = load_results(folder);
        ASSERT_FALSE(loaded.ok()) << text;
        for (const std::string& part : parts) {
            EXPECT_NE(loaded.error().message.find(part), std::string::npos)
                << loaded.error().message << "\nlacks " << part;
        }
    };
    const std::string first = dump_json(good_.samples[0].second[0]) + "\n";
    expect(first + "{\"doc_id\": 1, \n", {"samples_t_", ":2"});
    expect(first + "[1]\n", {"samples_t_", ":2", "object"});
    expect(first + first, {":2", "document 0", "twice"});
    expect(first + "{\"doc_id\": -1}\n", {":2", "doc_id"});
    expect(first + "{\"doc_id\": 1e30}\n", {":2", "doc_id"});
    expect(first + "{\"doc_id\": 18446744073709551615}\n", {":2", "doc_id"});
    expect(first + "{}\n", {":2", "doc_id"});
    expect(first + "{\"doc_id\": 1, \"filter\": 3}\n", {":2", "filter"});
    expect(first + "{\"doc_id\": 0, \"filter\": \"other\"}\n", {":2", "document 0", "two texts"});
    expect("", {"samples_t_"});
}

TEST_F(LoadedResultsTest, PythonsConstants) {
    EXPECT_EQ(without_python_constants(R"({"NaN": NaN, "a": [Infinity, -Infinity, "x\"NaN", -1]})"),
              R"({"NaN": null, "a": [null, null, "x\"NaN", -1]})");
    EXPECT_EQ(without_python_constants("\"\\"), "\"\\");
    EXPECT_EQ(without_python_constants(""), "");
    const auto folder = good_.write(folder_, "r");
    std::string text = dump_json(good_.results);
    text.replace(text.find("\"N/A\""), 5, "NaN");
    folder_.write("r/results_" + kStamp + ".json", text);
    EXPECT_TRUE(load_results(folder).ok());
}

}  // namespace
}  // namespace dwubit

// What a bad document or task file says, and the rules of the fork. Prompts are compared in golden_test.cpp.
#include "tasks/task.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "support/temp_folder.h"
#include "tasks/python_random.h"
#include "tasks/task_index.h"

namespace dwubit {
namespace {

constexpr const char* kTask =
    "task: t\ndataset_path: d\ntest_split: test\noutput_type: multiple_choice\ndoc_to_text: '{{q}}'\n"
    "doc_to_choice: [a, b]\ndoc_to_target: gold\n";
constexpr const char* kGood = "{\"q\": \"x\", \"gold\": 0}\n";

class TaskTest : public ::testing::Test {
protected:
    Result<BuiltTask> build(const std::string& task, const BuildOptions& options = {}) const {
        root_.write("t.yaml", task);
        const std::vector<std::filesystem::path> folders = {root_.path()};
        DWUBIT_ASSIGN(const TaskIndex index, TaskIndex::open(folders));
        DWUBIT_ASSIGN(const Selection selection, index.select(std::vector<std::string>{"t"}));
        return build_task(selection.tasks.at(0), DatasetFolders{{root_.path()}}, options);
    }

    // The refusal of `task` on `documents`, as one text.
    std::string refusal(const std::string& task, const std::string& documents, const BuildOptions& options = {}) const {
        root_.write("d/test.jsonl", documents);
        const auto built = build(task, options);
        if (built.ok()) return "accepted";
        std::string text = built.error().message + "|" + built.error().hint;
        for (const std::string& place : built.error().context) text += "|" + place;
        return text;
    }

    std::string replaced(std::string_view from, std::string_view to) const {
        std::string task = kTask;
        return task.replace(task.find(from), from.size(), to);
    }

    static void expect_parts(const std::string& text, const std::vector<std::string>& parts) {
        for (const std::string& part : parts) EXPECT_NE(text.find(part), std::string::npos) << part << " in " << text;
    }

    testing::TempFolder root_;
};

TEST_F(TaskTest, ErrorsNameTaskDocumentAndField) {
    const std::string good = kGood;
    EXPECT_EQ(refusal(kTask, good), "accepted");
    expect_parts(refusal(kTask, good + "{\"gold\": 0}\n"),
                 {"task 't'", "document 1 of 'test'", "doc_to_text", "'q'", "fields of the document: gold"});
    expect_parts(refusal(kTask, good + "{\"q\": \"x\"}\n"),
                 {"task 't'", "document 1 of 'test'", "doc_to_target", "'gold'"});
    expect_parts(refusal(kTask, "{\"q\": \"x\"}\n"), {"task 't'", "doc_to_target", "no field 'gold'", "q"});
    expect_parts(refusal(replaced("'{{q}}'", "question"), good), {"task 't'", "doc_to_text", "'question'"});
    expect_parts(refusal(replaced("'{{q}}'", "'{% include \"x\" %}'"), good), {"task 't'", "doc_to_text", "include"});
    expect_parts(refusal(replaced("'{{q}}'", "gold") + "doc_to_target: 0\n", good + "{\"q\": 1, \"gold\": \"x\"}\n"),
                 {"document 1 of 'test'", "doc_to_text"});
    expect_parts(refusal(kTask, ""), {"test.jsonl has no document"});
    expect_parts(refusal(kTask, "{\"q\": \"x\", \"gold\": 18446744073709551615}\n"),
                 {"document 0 of 'test'", "64 bits"});
    expect_parts(refusal(std::string(kTask) + "gen_prefix: '{{nope}}'\n", good), {"document 0", "gen_prefix", "nope"});
    expect_parts(refusal(std::string(kTask) + "description: '{{nope}}'\n", good),
                 {"document 0", "description", "nope"});
}

TEST_F(TaskTest, GoldOutsideTheChoicesIsAnError) {
    for (const char* gold : {"2", "-1", "\"c\"", "0.5", "null", "{}"}) {
        const std::string document = std::string("{\"q\": \"y\", \"gold\": ") + gold + "}\n";
        expect_parts(refusal(kTask, kGood + document), {"task 't'", "document 1 of 'test'", "doc_to_target"});
    }
    for (const char* gold : {"1", "true", "\"b\"", "1.0"}) {
        root_.write("d/test.jsonl", std::string("{\"q\": \"y\", \"gold\": ") + gold + "}\n");
        const auto built = build(kTask);
        ASSERT_TRUE(built.ok()) << built.error().message;
        EXPECT_EQ(built->items[0].gold, 1);
    }
    expect_parts(refusal(kTask, "{\"q\": \"y\", \"gold\": [0, 2]}\n"), {"document 0", "2 is none of the 2 choices"});
    expect_parts(refusal(kTask, "{\"q\": \"y\", \"gold\": [0, 1]}\n{\"q\": \"y\", \"gold\": 1}\n"),
                 {"document 1", "list"});
}

TEST_F(TaskTest, ChoicesMustBeAListOfTexts) {
    const auto with_choices = [](const char* choices) {
        return std::string("{\"q\": \"x\", \"gold\": 0, \"c\": ") + choices + "}\n";
    };
    const std::string task = replaced("[a, b]", "c");
    EXPECT_EQ(refusal(task, with_choices("[\"a\"]")), "accepted");
    for (const char* choices : {"[]", "\"ab\"", "5", "null", "{\"a\": \"b\"}", "[\"a\", 1]", "[[\"a\"]]"}) {
        expect_parts(refusal(task, with_choices("[\"a\"]") + with_choices(choices)),
                     {"task 't'", "document 1 of 'test'", "doc_to_choice"});
    }
    expect_parts(refusal(replaced("[a, b]", "'{{q}}'"), kGood), {"document 0", "doc_to_choice", "list"});
    expect_parts(refusal(replaced("[a, b]", "choices"), kGood), {"document 0", "doc_to_choice", "'choices'"});
}

TEST_F(TaskTest, TooFewDocumentsForTheShots) {
    const std::string three = std::string(kGood) + kGood + kGood;
    const BuildOptions two{.num_fewshot = 2, .limit = {}};
    root_.write("d/shots.jsonl", kGood);
    const std::string task = std::string(kTask) + "fewshot_split: shots\n";
    expect_parts(refusal(task, three, two),
                 {"task 't'", "2 few-shot documents", "there are 1 in 'shots'", "--num_fewshot"});
    expect_parts(refusal(task + "fewshot_config: {sampler: first_n}\n", three, two), {"there are 1 in 'shots'"});
    expect_parts(refusal(task + "fewshot_config: {samples: [{q: 1}], split: null}\n", three, two),
                 {"there are 1 in 'samples'"});
    // One more is drawn where the evaluated document may be among them, and copies of it are none.
    expect_parts(refusal(std::string(kTask) + "fewshot_split: test\n", std::string(kGood) + kGood, two),
                 {"'test'", "3 few-shot"});
    expect_parts(refusal(std::string(kTask) + "fewshot_split: test\n", three, two), {"'test'", "2 few-shot"});
    EXPECT_EQ(refusal(task, three, {.num_fewshot = 1, .limit = {}}), "accepted");
    root_.write("d/shots.jsonl", "{\"q\": \"x\", \"gold\": 7}\n");
    expect_parts(refusal(task, three, {.num_fewshot = 1, .limit = {}}),
                 {"document 0 of 'shots'", "doc_to_target", "few-shot example"});
    expect_parts(refusal(std::string(kTask) + "fewshot_split: nowhere\n", three, {.num_fewshot = 1, .limit = {}}),
                 {"task 't'", "'nowhere'", "splits that are there: shots, test"});
    EXPECT_EQ(refusal(std::string(kTask) + "fewshot_split: nowhere\n", three), "accepted");
}

TEST_F(TaskTest, LimitIsANumberOrAShare) {
    std::string documents;
    for (int i = 0; i < 7; ++i) documents += kGood;
    root_.write("d/test.jsonl", documents);
    const auto count = [&](double limit) { return build(kTask, {.num_fewshot = {}, .limit = limit})->items.size(); };
    EXPECT_EQ(count(0.3), 3U);
    EXPECT_EQ(count(1), 1U);
    EXPECT_EQ(count(2.9), 2U);
    EXPECT_EQ(count(1e300), 7U);
    for (const double limit : {0.0, -1.0, std::numeric_limits<double>::quiet_NaN()}) {
        expect_parts(refusal(kTask, documents, {.num_fewshot = {}, .limit = limit}), {"limit"});
    }
}

TEST_F(TaskTest, PromptsAreBounded) {
    const std::string long_prompt = replaced("'{{q}}'", "'{% for i in range(1000) %}{{q}}{% endfor %}'");
    BuildOptions options;
    options.max_bytes = 3000;
    EXPECT_EQ(refusal(long_prompt, kGood, options), "accepted");
    expect_parts(refusal(long_prompt, std::string(kGood) + kGood, options),
                 {"document 1", "more than 3000 bytes", "--limit"});
    options.num_fewshot = 3;
    expect_parts(refusal(long_prompt + "fewshot_split: shots\n", "", options), {"test.jsonl"});
    root_.write("d/shots.jsonl", std::string(kGood) + kGood + kGood);
    expect_parts(refusal(long_prompt + "fewshot_split: shots\n", kGood, options),
                 {"document 0", "more than 3000 bytes"});
}

TEST_F(TaskTest, OtherOutputTypesNeedText) {
    const std::string generates = replaced("multiple_choice", "generate_until");
    expect_parts(refusal(generates, "{\"q\": \"x\", \"gold\": 2}\n"), {"document 0", "choices"});
    expect_parts(refusal(replaced("'{{q}}'", "gold") + "output_type: generate_until\n", kGood),
                 {"document 0", "doc_to_text"});
    const std::string plain =
        "task: t\ndataset_path: d\ntest_split: test\ndoc_to_text: q\ndoc_to_target: gold\noutput_type: ";
    expect_parts(refusal(plain + "loglikelihood\n", kGood),
                 {"document 0", "doc_to_target", "text is needed, not 0 (int)"});
    expect_parts(refusal(plain + "loglikelihood_rolling\n", kGood), {"document 0", "doc_to_target"});
    expect_parts(refusal("include: t.yaml\n" + plain, kGood), {"includes itself"});
}

// The reference study's fork, by hand: lm-evaluation-harness 0.4.13 has none of it.
class PolishTest : public TaskTest {
protected:
    static std::string shots(int count) {
        std::string text;
        for (int i = 0; i < count; ++i) {
            text += "{\"q\": \"p" + std::to_string(i) + "\", \"gold\": " + std::to_string(i % 2) + "}\n";
        }
        return text;
    }
    static BuildOptions polish(std::int64_t count) {
        BuildOptions options;
        options.num_fewshot = count;
        options.harness = Harness::kPolish;
        return options;
    }
    static std::string shot(std::size_t i) { return "p" + std::to_string(i) + " " + (i % 2 == 0 ? "a" : "b") + "\n\n"; }
};

TEST_F(PolishTest, OneMoreIsDrawnWhereTheSplitsHaveOneName) {
    root_.write("d/test.jsonl", shots(30));
    const auto built = build(std::string(kTask) + "fewshot_split: test\n", polish(3));
    ASSERT_TRUE(built.ok()) << built.error().message;
    PythonRandom random(1234);
    for (std::size_t i = 0; i < 30; ++i) {
        std::string expected;
        std::size_t taken = 0;
        for (const std::size_t place : random.sample(30, 4)) {
            if (place != i && taken++ < 3) expected += shot(place);
        }
        EXPECT_EQ(built->items[i].requests[0].context, expected + "p" + std::to_string(i));
    }
}

TEST_F(PolishTest, ADocumentIsDroppedFromOtherSplitsTooAndLeavesFewer) {
    root_.write("d/test.jsonl", shots(6));
    root_.write("d/train.jsonl", shots(6));
    const auto built = build(std::string(kTask) + "fewshot_split: train\n", polish(4));
    ASSERT_TRUE(built.ok()) << built.error().message;
    PythonRandom random(1234);
    bool fewer = false;
    for (std::size_t i = 0; i < 6; ++i) {
        std::string expected;
        for (const std::size_t place : random.sample(6, 4)) {
            if (place == i) fewer = true;
            if (place != i) expected += shot(place);
        }
        EXPECT_EQ(built->items[i].requests[0].context, expected + "p" + std::to_string(i));
    }
    EXPECT_TRUE(fewer);
}

TEST_F(PolishTest, FirstNAndLists) {
    root_.write("d/test.jsonl", shots(5));
    auto built = build(std::string(kTask) + "fewshot_split: test\nfewshot_config: {sampler: first_n}\n", polish(2));
    ASSERT_TRUE(built.ok()) << built.error().message;
    EXPECT_EQ(built->items[0].requests[0].context, shot(1) + shot(2) + "p0");
    EXPECT_EQ(built->items[4].requests[0].context, shot(0) + shot(1) + "p4");

    root_.write("d/test.jsonl", "{\"q\": \"x\", \"g\": [\"r\", \"s\"]}\n{\"q\": \"y\", \"g\": \"\"}\n");
    const std::string generates = "task: t\ndataset_path: d\ntest_split: test\ndoc_to_text: q\ndoc_to_target: g\n";
    built = build(generates + "fewshot_config: {sampler: first_n}\nfewshot_split: test\n", polish(1));
    ASSERT_TRUE(built.ok()) << built.error().message;
    EXPECT_EQ(built->items[0].requests[0].context, "y \n\nx");
    EXPECT_EQ(built->items[1].requests[0].context, "x r\n\ny");
    EXPECT_FALSE(build(generates + "gen_prefix: x y\n", polish(0)).ok());
}

TEST(PythonRandom, VectorsOfTheSpecification) {
    PythonRandom words(1234);
    for (const std::uint32_t word : {0xf7697fb9U, 0xc735df5eU, 0x70d3da1fU, 0x1de9ea66U}) EXPECT_EQ(words.next(), word);
    using Picks = std::vector<std::size_t>;
    PythonRandom large(1234);
    EXPECT_EQ(large.sample(5000, 5), (Picks{3610, 957, 61, 742, 4769}));
    EXPECT_EQ(large.sample(5000, 5), (Picks{286, 687, 806, 2905, 1939}));
    EXPECT_EQ(large.sample(5000, 5), (Picks{142, 252, 129, 2835, 3966}));
    PythonRandom small(1234);
    EXPECT_EQ(small.sample(100, 5), (Picks{99, 56, 14, 0, 11}));
    EXPECT_EQ(small.sample(100, 5), (Picks{74, 4, 85, 88, 10}));
    EXPECT_EQ(small.sample(100, 5), (Picks{12, 98, 45, 30, 2}));
    PythonRandom larger(1234);
    EXPECT_EQ(larger.sample(40001, 5), (Picks{28883, 7657, 490, 5940, 38156}));
    EXPECT_EQ(larger.sample(40001, 5), (Picks{2288, 5500, 6450, 23241, 15519}));
}

}  // namespace
}  // namespace dwubit

#include "tasks/task_index.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/log.h"
#include "support/temp_folder.h"
#include "tasks/task_yaml.h"

namespace dwubit {
namespace {

using testing::TempFolder;

constexpr const char* kTask =
    "task: one\ndataset_path: d\ntest_split: test\noutput_type: multiple_choice\ndoc_to_text: '{{q}}'\n"
    "doc_to_choice: [a, b]\ndoc_to_target: gold\n";

class LogCatcher {
public:
    LogCatcher() {
        before_ = set_log_sink([this](LogLevel, std::string_view message) { lines.emplace_back(message); });
    }
    ~LogCatcher() { set_log_sink(std::move(before_)); }
    LogCatcher(const LogCatcher&) = delete;
    LogCatcher& operator=(const LogCatcher&) = delete;

    std::vector<std::string> lines;

private:
    LogSink before_;
};

Result<TaskIndex> open(const TempFolder& folder) {
    const std::vector<std::filesystem::path> folders = {folder.path()};
    return TaskIndex::open(folders);
}

Result<Selection> select(const TempFolder& folder, const std::vector<std::string>& names) {
    DWUBIT_ASSIGN(const TaskIndex index, open(folder));
    return index.select(names);
}

std::vector<std::string> names_of(const Selection& selection) {
    std::vector<std::string> names;
    for (const TaskConfig& task : selection.tasks) names.push_back(task.task);
    return names;
}

// The error of choosing `one`, as one text.
std::string refusal(const TempFolder& folder, const std::string& name = "one") {
    const auto selection = select(folder, {name});
    if (selection.ok()) return "accepted";
    std::string text = selection.error().message + "|" + selection.error().hint;
    for (const std::string& place : selection.error().context) text += "|" + place;
    return text;
}

std::string with(std::string_view more) {
    return kTask + std::string(more);
}

void expect_parts(const std::string& text, const std::vector<std::string>& parts) {
    for (const std::string& part : parts) EXPECT_NE(text.find(part), std::string::npos) << part << " in " << text;
}

TEST(TaskYaml, ScalarsAreYaml11) {
    const auto value = parse_yaml(
        "{a: yes, b: 'yes', c: 1e-3, d: 1.0e-3, e: 0x1F, f: 017, g: 1_000, h: ~, i: .inf, j: -.5, k: 08, l: "
        "2020-01-01, "
        "m: Off, n: +12, o: 1., p: !!str 5, q: '', r: , s: 12345678901234567890}",
        "x.yaml", "x");
    ASSERT_TRUE(value.ok()) << value.error().message;
    EXPECT_EQ((*value)["a"], true);
    EXPECT_EQ((*value)["b"], "yes");
    EXPECT_EQ((*value)["c"], "1e-3");
    EXPECT_EQ((*value)["d"], 1e-3);
    EXPECT_EQ((*value)["e"], 31);
    EXPECT_EQ((*value)["f"], 15);
    EXPECT_EQ((*value)["g"], 1000);
    EXPECT_TRUE((*value)["h"].is_null());
    EXPECT_GT((*value)["i"].get<double>(), 1e308);
    EXPECT_EQ((*value)["j"], -0.5);
    EXPECT_EQ((*value)["k"], "08");
    EXPECT_EQ((*value)["l"], "2020-01-01");
    EXPECT_EQ((*value)["m"], false);
    EXPECT_EQ((*value)["n"], 12);
    EXPECT_EQ((*value)["o"], 1.0);
    EXPECT_EQ((*value)["p"], "5");
    EXPECT_EQ((*value)["q"], "");
    EXPECT_TRUE((*value)["r"].is_null());
    EXPECT_EQ((*value)["s"], "12345678901234567890");
}

TEST(TaskYaml, AnchorsMergeKeysAndFunctions) {
    const auto value =
        parse_yaml("x: &a {p: 1, q: 2}\ny:\n  <<: *a\n  q: 3\nz: *a\nf: !function utils.g\n", "x.yaml", "here");
    ASSERT_TRUE(value.ok()) << value.error().message;
    EXPECT_EQ((*value)["y"].dump(), R"({"p":1,"q":3})");
    EXPECT_EQ((*value)["z"].dump(), R"({"p":1,"q":2})");
    EXPECT_TRUE(is_function((*value)["f"]));
    EXPECT_EQ((*value)["f"].front()["folder"], "here");
    EXPECT_EQ(without_functions(*value)["f"], "!function utils.g");
}

TEST(TaskYaml, IsBounded) {
    std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 12; ++i) {
        bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
        for (int k = 0; k < 9; ++k) bomb += (k == 0 ? "*a" : ", *a") + std::to_string(i - 1);
        bomb += "]\n";
    }
    const auto exploded = parse_yaml(bomb, "x.yaml", "");
    ASSERT_FALSE(exploded.ok());
    EXPECT_NE(exploded.error().message.find("aliases"), std::string::npos) << exploded.error().message;
    EXPECT_FALSE(parse_yaml("a: " + std::string(100, '[') + std::string(100, ']'), "x.yaml", "").ok());
    const auto deep = parse_yaml("a: " + std::string(100'000, '['), "x.yaml", "");
    ASSERT_FALSE(deep.ok());
    EXPECT_NE(deep.error().message.find("nested too deep"), std::string::npos) << deep.error().message;
    EXPECT_FALSE(parse_yaml("a: &x [*x]", "x.yaml", "").ok());
    EXPECT_FALSE(parse_yaml("a: " + std::string(2 << 20, 'x'), "x.yaml", "").ok());
    EXPECT_FALSE(parse_yaml("a: \xFF", "x.yaml", "").ok());
    EXPECT_FALSE(parse_yaml("a: 1\n---\nb: 2\n", "x.yaml", "").ok());
    EXPECT_FALSE(parse_yaml(",c", "x.yaml", "").ok());  // yaml-cpp's LoadAll() never ends here
    EXPECT_FALSE(parse_yaml("[1]: 2\n", "x.yaml", "").ok() && parse_yaml("? [1]\n: 2\n", "x.yaml", "").ok());
}

TEST(TaskYaml, KeysThatComeTwiceAreWarnedAboutButNotWithoutEnd) {
    std::string text;
    for (int i = 0; i < 50; ++i) text += "a: " + std::to_string(i) + "\n";
    const LogCatcher log;
    const auto value = parse_yaml(text, "x.yaml", "");
    ASSERT_TRUE(value.ok()) << value.error().message;
    EXPECT_EQ((*value)["a"], 49);
    ASSERT_EQ(log.lines.size(), 3U);
    expect_parts(log.lines[0], {"x.yaml:2", "'a'", "the last counts"});
}

TEST(TaskYaml, BrokenNamesFileAndLine) {
    for (const char* text : {"a: 1\nb: [1\n", "a: 1\n\tb: 1\n", "a: 1\nb: *nowhere\n", "a: 1\nb: !strange x\n"}) {
        const auto value = parse_yaml(text, "some/x.yaml", "");
        ASSERT_FALSE(value.ok()) << text;
        const std::string& message = value.error().message;
        EXPECT_TRUE(message.starts_with("some/x.yaml:2") || message.starts_with("some/x.yaml:3")) << message;
    }
}

TEST(TaskIndex, IncludesInOrderAndCyclesAreErrors) {
    const TempFolder folder;
    folder.write("part.yaml", "num_fewshot: 2\ndescription: part\n");
    folder.write("deep/more.yaml", "include: ../part.yaml\ndescription: more\n");
    folder.write("t.yaml", with("include: [deep/more.yaml, part.yaml]\n"));
    auto selection = select(folder, {"one"});
    ASSERT_TRUE(selection.ok()) << selection.error().message;
    EXPECT_EQ(selection->tasks[0].num_fewshot, 2);
    EXPECT_EQ(selection->tasks[0].description, "part");
    EXPECT_FALSE(selection->tasks[0].written.contains("include"));

    folder.write("part.yaml", "include: deep/more.yaml\n");
    const auto cycle = open(folder);
    ASSERT_FALSE(cycle.ok());
    EXPECT_NE(cycle.error().message.find("includes itself"), std::string::npos);
    folder.write("part.yaml", "include: nowhere.yaml\n");
    const auto missing = open(folder);
    ASSERT_FALSE(missing.ok());
    EXPECT_NE(missing.error().message.find("nowhere.yaml"), std::string::npos);
}

TEST(TaskIndex, PatternsFilesAndTags) {
    const TempFolder folder;
    folder.write("b.yaml", "include: a.yaml\ntask: two\ntag: [t, one]\n");
    const auto path = folder.write("a.yaml", with("tag: t\n"));
    folder.write("not_a_task.yaml", "- just\n- a list\n");
    folder.write("__pycache__/c.yaml", "task: [broken\n");
    const auto index = open(folder);
    ASSERT_TRUE(index.ok()) << index.error().message;
    ASSERT_EQ(index->entries().size(), 3U);
    EXPECT_EQ(index->entries().at("t").members, (std::vector<std::string>{"one", "two"}));
    EXPECT_EQ(index->entries().at("one").kind, "task");
    EXPECT_EQ(names_of(*index->select(std::vector<std::string>{"t"})), (std::vector<std::string>{"one", "two"}));
    EXPECT_EQ(names_of(*index->select(std::vector<std::string>{"two", "?n?", "t*"})),
              (std::vector<std::string>{"two", "one"}));
    EXPECT_EQ(names_of(*index->select(std::vector<std::string>{path.string()})), (std::vector<std::string>{"one"}));
    EXPECT_FALSE(index->select(std::vector<std::string>{"x*"}).ok());
    EXPECT_FALSE(index->select(std::vector<std::string>{"nowhere.yaml"}).ok());
}

TEST(TaskIndex, NamesTheNearestAndBothOfTwo) {
    const TempFolder folder;
    folder.write("a.yaml", kTask);
    expect_parts(refusal(folder, "onn"), {"'onn'", "'one'"});
    folder.write("b.yaml", kTask);
    const auto twice = open(folder);
    ASSERT_FALSE(twice.ok());
    expect_parts(twice.error().message, {"'one'", "a.yaml", "b.yaml"});
    const std::vector<std::filesystem::path> folders = {folder / "nowhere"};
    EXPECT_EQ(TaskIndex::open(folders).error().kind, ErrorKind::kNotFound);
}

TEST(TaskIndex, GroupsThatCannotBe) {
    const TempFolder folder;
    folder.write("a.yaml", kTask);
    folder.write("g.yaml", "group: g\ntask: [one, h]\n");
    folder.write("h.yaml", "group: h\ntask: [g]\n");
    expect_parts(refusal(folder, "g"), {"itself"});
    folder.write("h.yaml", "group: h\ntask: [onne]\n");
    expect_parts(refusal(folder, "g"), {"'onne'", "'one'", "group 'h'"});
    folder.write("h.yaml", "group: h\ntask: one\n");
    expect_parts(refusal(folder, "h"), {"'h'", "list of names", "tag"});
    folder.write("h.yaml", "group: h\ntask: [5]\n");
    expect_parts(refusal(folder, "h"), {"'h'", "member"});
    folder.write("h.yaml", "group: h\ntask: [one]\nnum_fewshot: 3\n");
    expect_parts(refusal(folder, "g"), {"'one'", "twice"});
    folder.write("h.yaml", "group: h\ntask: [one]\naggregate_metric_list: [{metric: acc, aggregation: max}]\n");
    expect_parts(refusal(folder, "h"), {"'h'", "aggregation"});
}

TEST(TaskIndex, WrongValuesNameFileTaskAndKey) {
    const TempFolder folder;
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"num_fewshot: many\n", "num_fewshot"},
        {"num_fewshot: -1\n", "num_fewshot"},
        {"repeats: 0\n", "repeats"},
        {"test_split: 5\n", "test_split"},
        {"output_type: choice\n", "output_type"},
        {"target_delimiter: null\n", "target_delimiter"},
        {"doc_to_text: [a]\n", "doc_to_text"},
        {"doc_to_choice: [yes, no]\n", "quote"},
        {"doc_to_choice: 1.5\n", "doc_to_choice"},
        {"doc_to_target: null\n", "doc_to_target"},
        {"doc_to_target: !function utils.nosuch\n", "winogrande.doc_to_target"},
        {"process_docs: !function utils.nosuch\n", "hellaswag.process_docs"},
        {"process_results: !function utils.nosuch\n", "wikitext.process_results"},
        {"process_docs: words\n", "process_docs"},
        {"fewshot_config: 5\n", "fewshot_config"},
        {"fewshot_config: {sampler: balanced}\n", "first_n"},
        {"fewshot_config: {samples: 1}\n", "samples"},
        {"fewshot_config: {samples: [1]}\n", "samples"},
        {"fewshot_config: {fewshot_indices: x}\n", "fewshot_indices"},
        {"generation_kwargs: 1\n", "generation_kwargs"},
        {"generation_kwargs: {temperature: warm}\n", "temperature"},
        {"metric_list: acc\n", "metric_list"},
        {"metric_list: [{name: acc}]\n", "metric"},
        {"metric_list: [{metric: !function utils.acc}]\n", "utils.acc"},
        {"metric_list: [{metric: acc, higher_is_better: 1}]\n", "higher_is_better"},
        {"filter_list: [{filter: []}]\n", "name"},
        {"filter_list: [{name: x}]\n", "'filter'"},
        {"filter_list: [{name: x, filter: [{}]}]\n", "function"},
        {"doc_to_image: x\n", "doc_to_image"},
        {"class: !function task.X\n", "class"},
        {"tag: {a: 1}\n", "tag"},
        {"dataset_kwargs: 1\n", "dataset_kwargs"},
        {"dataset_path: [x]\n", "dataset_path"},
        {"description: 5\n", "description"},
        {"task_alias: 5\n", "task_alias"},
    };
    for (const auto& [text, part] : cases) {
        folder.write("t.yaml", with(text));
        expect_parts(refusal(folder), {"t.yaml", part});
    }
    folder.write("t.yaml", "task: one\noutput_type: multiple_choice\n");
    expect_parts(refusal(folder), {"'one'", "dataset_path"});
    folder.write("t.yaml", "task: one\ndataset_path: x\ntraining_split: train\n");
    expect_parts(refusal(folder), {"'one'", "test_split"});
    folder.write("t.yaml",
                 "task: one\ndataset_path: x\ntest_split: t\noutput_type: multiple_choice\ndoc_to_text: x\n"
                 "doc_to_target: y\n");
    expect_parts(refusal(folder), {"'one'", "doc_to_choice"});
}

TEST(TaskIndex, UnknownKeysAreWarnedAboutOnce) {
    const TempFolder folder;
    folder.write("t.yaml", with("doc_to_tekst: x\nwhatever_this_is: 1\nfewshot_config: {sample: 1}\n"));
    const LogCatcher log;
    ASSERT_TRUE(select(folder, {"one"}).ok());
    ASSERT_EQ(log.lines.size(), 1U);
    expect_parts(log.lines[0], {"t.yaml", "'doc_to_tekst' (did you mean 'doc_to_text'?)", "'whatever_this_is'",
                                "'fewshot_config.sample'"});
}

TEST(TaskIndex, AllTasksOfTheRepositoryLoad) {
    const std::vector<std::filesystem::path> folders = {std::filesystem::path(DWUBIT_SOURCE_DIR) / "tasks"};
    const auto index = TaskIndex::open(folders);
    ASSERT_TRUE(index.ok()) << index.error().message;
    const LogCatcher log;
    const auto all = index->select(std::vector<std::string>{"*"});
    ASSERT_TRUE(all.ok()) << all.error().message;
    EXPECT_GE(all->tasks.size(), 8U);
    EXPECT_TRUE(log.lines.empty()) << log.lines[0];
}

}  // namespace
}  // namespace dwubit

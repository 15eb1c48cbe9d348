// Tasks, prompts and draws against lm-evaluation-harness and CPython (tests/oracle/task_golden.py).
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/atomic_file.h"
#include "json/json.h"
#include "tasks/native_functions.h"
#include "tasks/python_random.h"
#include "tasks/python_value.h"
#include "tasks/task.h"
#include "tasks/task_index.h"

namespace dwubit {
namespace {

namespace fs = std::filesystem;

const fs::path kGolden = fs::path(DWUBIT_SOURCE_DIR) / "tests/golden/tasks";

OrderedJson golden(const std::string& name) {
    auto text = read_file(kGolden / name);
    EXPECT_TRUE(text.ok()) << text.error().message;
    auto json = parse_ordered_json(*text);
    EXPECT_TRUE(json.ok()) << json.error().message;
    return std::move(*json);
}

const TaskIndex& index() {
    static const TaskIndex opened = [] {
        const std::vector<fs::path> folders = {kGolden / "yaml"};
        auto result = TaskIndex::open(folders);
        EXPECT_TRUE(result.ok()) << result.error().message;
        return std::move(*result);
    }();
    return opened;
}

Selection select(const std::string& name) {
    const std::vector<std::string> names = {name};
    auto selection = index().select(names);
    EXPECT_TRUE(selection.ok()) << selection.error().message;
    return std::move(*selection);
}

std::vector<std::string> names_of(const Selection& selection) {
    std::vector<std::string> names;
    for (const TaskConfig& task : selection.tasks) names.push_back(task.task);
    return names;
}

OrderedJson requests_of(const TaskItem& item, OutputType type) {
    OrderedJson requests = OrderedJson::array();
    const bool single = type == OutputType::kGenerateUntil || type == OutputType::kLoglikelihoodRolling;
    for (const TaskRequest& request : item.requests) {
        requests.push_back(
            OrderedJson::array({request.context, single ? OrderedJson() : OrderedJson(request.continuation)}));
    }
    return requests;
}

TEST(TaskGolden, RequestsAreTheHarness) {
    const OrderedJson runs = golden("requests.json");
    ASSERT_GT(runs.size(), 60U);
    for (const OrderedJson& run : runs) {
        const std::string name = run["task"];
        SCOPED_TRACE(name + " " + run["num_fewshot"].dump() + " " + run["limit"].dump());
        const Selection selection = select(name);
        ASSERT_EQ(selection.tasks.size(), 1U);
        BuildOptions options;
        if (!run["num_fewshot"].is_null()) options.num_fewshot = run["num_fewshot"].get<std::int64_t>();
        if (!run["limit"].is_null()) options.limit = run["limit"].get<double>();
        const auto built = build_task(selection.tasks[0], DatasetFolders{{kGolden}}, options);
        ASSERT_TRUE(built.ok()) << built.error().message;
        EXPECT_EQ(built->config.num_fewshot, run["shots"].get<std::int64_t>());
        EXPECT_EQ(built->documents, run["documents"].get<std::int64_t>());
        EXPECT_EQ(built->multiple_input, run["multiple_input"].get<bool>());
        EXPECT_EQ(built->multiple_target, run["multiple_target"].get<bool>());
        ASSERT_EQ(built->items.size(), run["items"].size());
        for (std::size_t i = 0; i < built->items.size(); ++i) {
            const TaskItem& item = built->items[i];
            const OrderedJson& expected = run["items"][i];
            ASSERT_EQ(item.doc_id, expected["doc_id"].get<std::int64_t>());
            OrderedJson requests = requests_of(item, built->config.output_type);
            ASSERT_EQ(requests.dump(), expected["requests"].dump()) << "document " << i;
            ASSERT_EQ(item.target.dump(), expected["target"].dump()) << "document " << i;
            if (expected.contains("choices")) {
                ASSERT_EQ(OrderedJson(item.choices).dump(), expected["choices"].dump()) << "document " << i;
            }
            if (expected.contains("gold")) {
                ASSERT_EQ(item.gold, expected["gold"]) << "document " << i;
            }
        }
    }
}

TEST(TaskGolden, ConfigsAreTheHarness) {
    const OrderedJson all = golden("config.json");
    for (const auto& [name, expected] : all["tasks"].items()) {
        SCOPED_TRACE(name);
        const TaskConfig task = select(name).tasks.at(0);
        EXPECT_EQ(output_type_name(task.output_type), expected["output_type"].get<std::string>());
        if (task.output_type == OutputType::kGenerateUntil) {
            EXPECT_EQ(Json(task.generation_kwargs), Json(expected["generation_kwargs"]));
        }
        std::vector<std::string> metrics;
        for (const MetricConfig& metric : task.metrics) metrics.push_back(metric.name);
        EXPECT_EQ(OrderedJson(metrics), expected["metrics"]);
        std::vector<std::string> filters;
        for (const FilterPipeline& filter : task.filters) filters.push_back(filter.name);
        EXPECT_EQ(OrderedJson(filters), expected["filters"]);
        EXPECT_EQ(task.repeats, expected["repeats"].get<std::int64_t>());
        EXPECT_EQ(task.target_delimiter, expected["target_delimiter"].get<std::string>());
        EXPECT_EQ(task.fewshot_delimiter, expected["fewshot_delimiter"].get<std::string>());
        EXPECT_EQ(task.fewshot.sampler, expected["sampler"].get<std::string>());
        EXPECT_EQ(task.fewshot.split ? OrderedJson(*task.fewshot.split) : OrderedJson(), expected["fewshot_split"]);
        EXPECT_EQ(task.description, expected["description"].get<std::string>());
        EXPECT_EQ(task.num_fewshot ? OrderedJson(*task.num_fewshot) : OrderedJson(), expected["num_fewshot"]);
    }
}

TEST(TaskGolden, GroupsAndTagsAreTheHarness) {
    const OrderedJson all = golden("config.json");
    for (const auto& [name, expected] : all["groups"].items()) {
        SCOPED_TRACE(name);
        const Selection selection = select(name);
        EXPECT_EQ(OrderedJson(names_of(selection)), expected["tasks"]);
        OrderedJson members = OrderedJson::object();
        for (const TaskGroup& group : selection.groups) members[group.name] = group.members;
        EXPECT_EQ(Json(members), Json(expected["group_map"]));
        for (const TaskConfig& task : selection.tasks) {
            EXPECT_EQ(task.description, expected["keys"][task.task]["description"].get<std::string>()) << task.task;
        }
    }
    for (const auto& [name, expected] : all["tags"].items()) {
        EXPECT_EQ(OrderedJson(names_of(select(name))), expected) << name;
    }
}

TEST(TaskGolden, RandomIsPythons) {
    const OrderedJson all = golden("random.json");
    for (const OrderedJson& run : all["random"]) {
        SCOPED_TRACE(run["seed"].dump());
        PythonRandom random(run["seed"].get<std::int64_t>());
        for (const auto& word : run["words"]) EXPECT_EQ(random.next(), word.get<std::uint32_t>());
        for (const auto& real : run["reals"]) EXPECT_EQ(random.real(), real.get<double>());
        for (const auto& drawn : run["bits"]) EXPECT_EQ(random.bits(drawn[0]), drawn[1].get<std::uint64_t>());
        for (const auto& drawn : run["below"]) EXPECT_EQ(random.below(drawn[0]), drawn[1].get<std::uint64_t>());
        for (const auto& drawn : run["samples"]) EXPECT_EQ(OrderedJson(random.sample(drawn[0], drawn[1])), drawn[2]);
        for (const auto& drawn : run["choices"]) {
            EXPECT_EQ(OrderedJson(random.choices(drawn[0].get<std::size_t>(), 6)), drawn[1]);
        }
        for (const auto& drawn : run["weighted"]) {
            const auto weights = drawn[0].get<std::vector<double>>();
            EXPECT_EQ(OrderedJson(random.choices(weights, 8)), drawn[1]);
        }
        std::vector<int> shuffled(12);
        for (int i = 0; i < 12; ++i) shuffled[static_cast<std::size_t>(i)] = i;
        random.shuffle(shuffled);
        EXPECT_EQ(OrderedJson(shuffled), run["shuffled"]);
    }
}

TEST(TaskGolden, LiteralsArePythons) {
    const OrderedJson all = golden("random.json");
    for (const OrderedJson& each : all["literals"]) {
        const std::string text = each[0];
        const auto value = parse_python_literal(text);
        ASSERT_EQ(value.ok(), each[1].get<bool>()) << text << ": " << (value.ok() ? "" : value.error().message);
        if (!value.ok() || each[2] == "inf") continue;
        EXPECT_EQ(value->dump(), each[2].dump()) << text;
    }
}

TEST(TaskGolden, FunctionsAreTheHarness) {
    const OrderedJson all = golden("functions.json");
    EXPECT_EQ(all.size(), native_functions().size());
    for (const auto& [name, calls] : all.items()) {
        const NativeFunction* function = find_native_function(name);
        ASSERT_NE(function, nullptr) << name;
        for (const OrderedJson& call : calls) {
            const auto made = function->function(call[0]);
            ASSERT_TRUE(made.ok()) << name << ": " << made.error().message;
            OrderedJson expected = call[1];
            if (function->kind == NativeFunction::Kind::kDocument) {
                OrderedJson all_fields = call[0];
                for (const auto& [key, value] : made->items()) all_fields[key] = value;
                EXPECT_EQ(all_fields.dump(), expected.dump()) << name;
            } else if (function->kind == NativeFunction::Kind::kResults) {
                EXPECT_EQ(made->get<std::string>().size(), expected[1].get<std::size_t>()) << name;
            } else {
                EXPECT_EQ(made->dump(), expected.dump()) << name;
            }
        }
    }
}

}  // namespace
}  // namespace dwubit

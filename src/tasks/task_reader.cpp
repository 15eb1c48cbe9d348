#include "tasks/task_reader.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "tasks/native_functions.h"
#include "tasks/python_value.h"
#include "tasks/task_keys.h"
#include "tasks/task_yaml.h"

namespace dwubit {
namespace {

constexpr std::int64_t kMaxShots = 10'000;
constexpr std::int64_t kMaxRepeats = 10'000;

// Those of groups and of the reader itself beside a task's own.
constexpr std::array<std::string_view, 6> kOtherKeys = {"group",     "group_alias", "include",
                                                        "task_list", "class",       "aggregate_metric_list"};

constexpr auto kTaskKeys = [] {
    std::array<std::string_view, kTaskConfigKeys.size() + kOtherKeys.size()> all{};
    std::copy(kOtherKeys.begin(), kOtherKeys.end(),
              std::copy(kTaskConfigKeys.begin(), kTaskConfigKeys.end(), all.begin()));
    return all;
}();

constexpr std::array<std::string_view, 11> kFewshotKeys = {
    "sampler",       "split",         "process_docs", "fewshot_indices",   "samples",         "doc_to_text",
    "doc_to_choice", "doc_to_target", "gen_prefix",   "fewshot_delimiter", "target_delimiter"};

// What the harness can do and this cannot.
constexpr std::array<std::string_view, 5> kUnsupportedKeys = {"class", "custom_dataset", "doc_to_image", "doc_to_audio",
                                                              "use_prompt"};

constexpr std::array<std::string_view, 5> kGroupKeys = {"group", "group_alias", "task", "aggregate_metric_list",
                                                        "metadata"};

template <std::size_t N>
std::string unknown_keys(const OrderedJson& keys, const std::array<std::string_view, N>& known,
                         std::string_view prefix) {
    const std::vector<std::string> names(known.begin(), known.end());
    std::string text;
    for (const auto& [key, value] : keys.items()) {
        if (std::find(known.begin(), known.end(), key) != known.end()) continue;
        const auto nearest = nearest_name(key, names);
        text += fmt::format("{}'{}{}'{}", text.empty() ? "" : ", ", prefix, printable(key),
                            nearest ? fmt::format(" (did you mean '{}'?)", *nearest) : std::string());
    }
    return text;
}

// --- parts of a task

Result<OutputType> read_output_type(const TaskKeys& keys) {
    std::string name = "generate_until";
    DWUBIT_TRY(keys.text("output_type", name));
    for (const OutputType type : {OutputType::kLoglikelihood, OutputType::kLoglikelihoodRolling,
                                  OutputType::kMultipleChoice, OutputType::kGenerateUntil}) {
        if (name == output_type_name(type)) return type;
    }
    return errorf(ErrorKind::kInvalidInput, "'output_type' is '{}'", printable(name))
        .with_hint("one of: multiple_choice, loglikelihood, loglikelihood_rolling, generate_until");
}

Result<void> read_splits(const TaskKeys& keys, TaskConfig& task) {
    DWUBIT_TRY(keys.text("training_split", task.training_split));
    DWUBIT_TRY(keys.text("validation_split", task.validation_split));
    DWUBIT_TRY(keys.text("test_split", task.test_split));
    DWUBIT_TRY(keys.text("fewshot_split", task.fewshot_split));
    if (task.test_split || task.validation_split) return {};
    return make_error(ErrorKind::kInvalidInput, "neither 'test_split' nor 'validation_split' is given")
        .with_hint("name the split that is evaluated, as test_split: test");
}

Result<void> read_dataset(const TaskKeys& keys, TaskConfig& task) {
    if (keys.find("dataset_path") == nullptr) return make_error(ErrorKind::kInvalidInput, "'dataset_path' is missing");
    DWUBIT_TRY(keys.text("dataset_path", task.dataset_path));
    if (const OrderedJson* name = keys.find("dataset_name"); name != nullptr) {
        if (name->is_structured()) return wrong_key("dataset_name", "text", *name);
        DWUBIT_ASSIGN(task.dataset_name, python_text(*name));
    }
    return keys.object("dataset_kwargs", task.dataset_kwargs);
}

Result<void> read_fewshot(const OrderedJson& written, TaskConfig& task) {
    FewshotConfig& fewshot = task.fewshot;
    fewshot.split = task.fewshot_split;
    fewshot.process_docs = task.process_docs;
    fewshot.gen_prefix = task.gen_prefix;
    const auto found = written.find("fewshot_config");
    if (found == written.end() || found->is_null()) return {};
    if (!found->is_object()) return wrong_key("fewshot_config", "a mapping", *found);
    const TaskKeys keys(*found);
    // A null takes away what the task has.
    if (found->contains("split")) fewshot.split.reset();
    if (found->contains("process_docs")) fewshot.process_docs.reset();
    if (found->contains("gen_prefix")) fewshot.gen_prefix.reset();
    DWUBIT_TRY(keys.text("sampler", fewshot.sampler));
    if (fewshot.sampler != "default" && fewshot.sampler != "first_n") {
        return wrong_key("sampler", "'default' or 'first_n'", found->at("sampler"));
    }
    DWUBIT_TRY(keys.text("split", fewshot.split));
    DWUBIT_TRY(keys.function("process_docs", NativeFunction::Kind::kDocument, fewshot.process_docs));
    DWUBIT_TRY(keys.text("gen_prefix", fewshot.gen_prefix));
    DWUBIT_TRY(keys.text("fewshot_delimiter", fewshot.fewshot_delimiter));
    DWUBIT_TRY(keys.text("target_delimiter", fewshot.target_delimiter));
    DWUBIT_TRY(keys.field("doc_to_text", fewshot.doc_to_text));
    DWUBIT_TRY(keys.field("doc_to_target", fewshot.doc_to_target));
    DWUBIT_TRY(keys.field("doc_to_choice", fewshot.doc_to_choice));
    if (const OrderedJson* indices = keys.find("fewshot_indices"); indices != nullptr) {
        if (!indices->is_array()) return wrong_key("fewshot_indices", "a list of integers", *indices);
        for (const OrderedJson& index : *indices) {
            if (!index.is_number_integer()) return wrong_key("fewshot_indices", "a list of integers", *indices);
            fewshot.indices.push_back(index.get<std::int64_t>());
        }
    }
    const OrderedJson* samples = keys.find("samples");
    if (samples == nullptr) return {};
    if (!samples->is_array()) return wrong_key("samples", "a list of documents", *samples);
    fewshot.samples.emplace();
    for (const OrderedJson& sample : *samples) {
        if (!sample.is_object()) return wrong_key("samples", "a list of documents", *samples);
        fewshot.samples->push_back(without_functions(sample));
    }
    return {};
}

Result<void> read_generation(const TaskKeys& keys, TaskConfig& task) {
    const bool generates = task.output_type == OutputType::kGenerateUntil;
    if (keys.find("generation_kwargs") == nullptr) {
        if (!generates) return {};
        task.generation_kwargs = {{"temperature", 0.0},
                                  {"do_sample", false},
                                  {"max_gen_toks", 256},
                                  {"until", OrderedJson::array({task.fewshot_delimiter})}};
        return {};
    }
    DWUBIT_TRY(keys.object("generation_kwargs", task.generation_kwargs));
    OrderedJson& arguments = task.generation_kwargs;
    if (const auto temperature = arguments.find("temperature"); temperature != arguments.end()) {
        if (!temperature->is_number()) return wrong_key("temperature", "a number", *temperature);
        *temperature = temperature->get<double>();
    }
    if (!arguments.contains("until")) arguments["until"] = OrderedJson::array({task.fewshot_delimiter});
    return {};
}

Result<std::string> name_in(const OrderedJson& entry, std::string_view list, std::string_view key) {
    if (!entry.is_object() || !entry.contains(key)) {
        return errorf(ErrorKind::kInvalidInput, "an entry of '{}' has no '{}': {}", list, key, shown_value(entry));
    }
    const OrderedJson& name = entry.at(key);
    if (is_function(name)) {
        return errorf(ErrorKind::kUnsupported, "'{}' in '{}': {} is Python, which is not run", key, list,
                      shown_value(name));
    }
    if (!name.is_string()) return wrong_key(key, "text", name);
    return name.get<std::string>();
}

OrderedJson other_members(const OrderedJson& entry, std::initializer_list<std::string_view> known) {
    OrderedJson others = OrderedJson::object();
    for (const auto& [key, value] : entry.items()) {
        if (std::find(known.begin(), known.end(), key) == known.end()) others[key] = without_functions(value);
    }
    return others;
}

Result<void> read_filters(const TaskKeys& keys, TaskConfig& task) {
    const OrderedJson* list = keys.find("filter_list");
    if (list == nullptr) {
        task.filters = {{"none", {{"take_first", OrderedJson::object()}}}};
        return {};
    }
    if (!list->is_array() || list->empty()) return wrong_key("filter_list", "a list of filters", *list);
    for (const OrderedJson& entry : *list) {
        FilterPipeline pipeline;
        DWUBIT_ASSIGN(pipeline.name, name_in(entry, "filter_list", "name"));
        const auto steps = entry.find("filter");
        if (steps == entry.end() || !steps->is_array()) {
            return errorf(ErrorKind::kInvalidInput, "filter '{}' of 'filter_list' needs 'filter', a list of functions",
                          printable(pipeline.name));
        }
        for (const OrderedJson& step : *steps) {
            DWUBIT_ASSIGN(std::string function, name_in(step, "filter", "function"));
            pipeline.steps.push_back({std::move(function), other_members(step, {"function"})});
        }
        task.filters.push_back(std::move(pipeline));
    }
    return {};
}

std::vector<std::string> default_metrics(OutputType type) {
    switch (type) {
        case OutputType::kLoglikelihood:
            return {"perplexity", "acc"};
        case OutputType::kLoglikelihoodRolling:
            return {"word_perplexity", "byte_perplexity", "bits_per_byte"};
        case OutputType::kMultipleChoice:
            return {"acc", "acc_norm"};
        case OutputType::kGenerateUntil:
            return {"exact_match"};
    }
    return {};
}

Result<void> read_metrics(const TaskKeys& keys, TaskConfig& task) {
    const OrderedJson* list = keys.find("metric_list");
    if (list == nullptr) {
        for (std::string& name : default_metrics(task.output_type)) {
            task.metrics.push_back({std::move(name), std::nullopt, std::nullopt, OrderedJson::object()});
        }
        return {};
    }
    if (!list->is_array() || list->empty()) return wrong_key("metric_list", "a list of metrics", *list);
    for (const OrderedJson& entry : *list) {
        MetricConfig metric;
        DWUBIT_ASSIGN(metric.name, name_in(entry, "metric_list", "metric"));
        if (entry.contains("aggregation")) {
            DWUBIT_ASSIGN(metric.aggregation, name_in(entry, "metric_list", "aggregation"));
        }
        if (const auto better = entry.find("higher_is_better"); better != entry.end() && !better->is_null()) {
            if (!better->is_boolean()) return wrong_key("higher_is_better", "true or false", *better);
            metric.higher_is_better = better->get<bool>();
        }
        metric.arguments = other_members(entry, {"metric", "aggregation", "higher_is_better", "hf_evaluate"});
        task.metrics.push_back(std::move(metric));
    }
    return {};
}

Result<void> read_metadata(const TaskKeys& keys, OrderedJson& metadata) {
    const OrderedJson* value = keys.find("metadata");
    if (value == nullptr) return {};
    metadata = value->is_object() ? without_functions(*value) : OrderedJson{{"_metadata", without_functions(*value)}};
    return {};
}

Result<void> read_task(const OrderedJson& written, TaskConfig& task) {
    const TaskKeys keys(written);
    for (const std::string_view key : kUnsupportedKeys) {
        if (keys.find(key) != nullptr) {
            return errorf(ErrorKind::kUnsupported, "'{}' is not supported: no Python is run", key);
        }
    }
    DWUBIT_ASSIGN(task.output_type, read_output_type(keys));
    DWUBIT_TRY(read_dataset(keys, task));
    DWUBIT_TRY(read_splits(keys, task));
    DWUBIT_TRY(keys.function("process_docs", NativeFunction::Kind::kDocument, task.process_docs));
    DWUBIT_TRY(keys.function("process_results", NativeFunction::Kind::kResults, task.process_results));
    DWUBIT_TRY(keys.field("doc_to_text", task.doc_to_text));
    DWUBIT_TRY(keys.field("doc_to_target", task.doc_to_target));
    DWUBIT_TRY(keys.field("doc_to_choice", task.doc_to_choice));
    for (const auto& [key, field] :
         {std::pair{"doc_to_text", &task.doc_to_text}, {"doc_to_target", &task.doc_to_target}}) {
        if (field->kind == FieldSource::Kind::kNone) return errorf(ErrorKind::kInvalidInput, "'{}' is missing", key);
    }
    if (task.output_type == OutputType::kMultipleChoice && task.doc_to_choice.kind == FieldSource::Kind::kNone) {
        return make_error(ErrorKind::kInvalidInput, "'doc_to_choice' is missing; multiple_choice needs it");
    }
    if (keys.find("description") != nullptr) DWUBIT_TRY(keys.text("description", task.description));
    DWUBIT_TRY(keys.text("target_delimiter", task.target_delimiter));
    DWUBIT_TRY(keys.text("fewshot_delimiter", task.fewshot_delimiter));
    DWUBIT_TRY(keys.text("gen_prefix", task.gen_prefix));
    DWUBIT_TRY(read_fewshot(written, task));
    DWUBIT_ASSIGN(task.num_fewshot, keys.integer("num_fewshot", 0, kMaxShots));
    DWUBIT_ASSIGN(const auto repeats, keys.integer("repeats", 1, kMaxRepeats));
    task.repeats = repeats.value_or(1);
    DWUBIT_TRY(read_generation(keys, task));
    DWUBIT_TRY(read_filters(keys, task));
    DWUBIT_TRY(read_metrics(keys, task));
    return read_metadata(keys, task.metadata);
}

void warn_of(const std::filesystem::path& file, const std::string& unknown) {
    if (!unknown.empty()) log_warning(fmt::format("{}: unknown keys are ignored: {}", file.string(), unknown));
}

void warn_of_task(const OrderedJson& keys, const TaskConfig& task) {
    std::string unknown = unknown_keys(keys, kTaskKeys, "");
    const auto fewshot = keys.find("fewshot_config");
    if (fewshot != keys.end() && fewshot->is_object()) {
        const std::string nested = unknown_keys(*fewshot, kFewshotKeys, "fewshot_config.");
        unknown += (unknown.empty() || nested.empty() ? "" : ", ") + nested;
    }
    warn_of(task.file, unknown);
    if (!task.fewshot.indices.empty()) {
        log_warning(
            fmt::format("{}: 'fewshot_indices' has no effect, as in lm-evaluation-harness 0.4.13", task.file.string()));
    }
}

}  // namespace

bool is_group_key(std::string_view key) {
    return std::find(kGroupKeys.begin(), kGroupKeys.end(), key) != kGroupKeys.end();
}

Result<std::vector<std::string>> read_names(const OrderedJson& value, std::string_view key) {
    std::vector<std::string> names;
    const OrderedJson list = value.is_array() ? value : OrderedJson::array({value});
    for (const OrderedJson& name : list) {
        if (!name.is_string()) return wrong_key(key, "a name or a list of names", value);
        names.push_back(name.get<std::string>());
    }
    return names;
}

Result<TaskConfig> read_task_config(const OrderedJson& keys, const std::filesystem::path& file) {
    TaskConfig task;
    task.file = file;
    const auto failed = [&](Error error) {
        error.message =
            fmt::format("{}: {}{}", file.string(),
                        task.task.empty() ? "" : fmt::format("task '{}': ", printable(task.task)), error.message);
        return error;
    };
    const TaskKeys reader(keys);
    if (auto read = reader.text("task", task.task); !read.ok()) return failed(std::move(read).error());
    if (task.task.empty()) return failed(make_error(ErrorKind::kInvalidInput, "'task' is missing"));
    task.alias = task.task;
    if (reader.find("task_alias") != nullptr) {
        if (auto read = reader.text("task_alias", task.alias); !read.ok()) return failed(std::move(read).error());
    }
    if (const OrderedJson* tag = reader.find("tag"); tag != nullptr) {
        auto tags = read_names(*tag, "tag");
        if (!tags.ok()) return failed(std::move(tags).error());
        task.tags = std::move(*tags);
    }
    if (auto read = read_task(keys, task); !read.ok()) return failed(std::move(read).error());
    warn_of_task(keys, task);
    task.written = without_functions(keys);
    return task;
}

Result<TaskGroup> read_task_group(const OrderedJson& keys, const std::string& name, const std::filesystem::path& file) {
    TaskGroup group;
    group.name = name;
    group.file = file;
    const auto failed = [&](Error error) {
        error.message = fmt::format("{}: group '{}': {}", file.string(), printable(name), error.message);
        return error;
    };
    const TaskKeys reader(keys);
    group.alias = name;
    if (reader.find("group_alias") != nullptr) {
        if (auto read = reader.text("group_alias", group.alias); !read.ok()) return failed(std::move(read).error());
    }
    if (auto read = read_metadata(reader, group.metadata); !read.ok()) return failed(std::move(read).error());
    const OrderedJson* list = reader.find("aggregate_metric_list");
    if (list == nullptr) return group;
    const OrderedJson entries = list->is_array() ? *list : OrderedJson::array({*list});
    for (const OrderedJson& entry : entries) {
        TaskGroup::Aggregate aggregate;
        auto metric = name_in(entry, "aggregate_metric_list", "metric");
        if (!metric.ok()) return failed(std::move(metric).error());
        aggregate.metric = std::move(*metric);
        const TaskKeys members(entry);
        if (const OrderedJson* weighted = members.find("weight_by_size"); weighted != nullptr) {
            if (!weighted->is_boolean()) return failed(wrong_key("weight_by_size", "true or false", *weighted));
            aggregate.weight_by_size = weighted->get<bool>();
        }
        if (const OrderedJson* how = members.find("aggregation"); how != nullptr && *how != "mean") {
            return failed(wrong_key("aggregation", "'mean'", *how));
        }
        std::vector<std::string> filters = {aggregate.filter};
        if (const OrderedJson* names = members.find("filter_list"); names != nullptr) {
            auto read = read_names(*names, "filter_list");
            if (!read.ok()) return failed(std::move(read).error());
            filters = std::move(*read);
        }
        for (const std::string& filter : filters) {
            aggregate.filter = filter;
            group.aggregates.push_back(aggregate);
        }
    }
    return group;
}

}  // namespace dwubit

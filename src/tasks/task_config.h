// A task as lm-evaluation-harness writes it in YAML: where the documents are, how they become prompts, how answers are
// scored. Terms are the harness' (docs/task_guide.md there); defaults are those of version 0.4.13.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "json/json.h"

namespace dwubit {

enum class OutputType { kLoglikelihood, kLoglikelihoodRolling, kMultipleChoice, kGenerateUntil };

// "loglikelihood", "loglikelihood_rolling", "multiple_choice", "generate_until"
std::string_view output_type_name(OutputType type);

// How a field of a prompt is made from a document. Of YAML's scalars and lists, and of `!function name`.
struct FieldSource {
    enum class Kind {
        kNone,
        kTemplate,  // text: the name of a document's field, else a template
        kInteger,
        kList,      // of texts
        kFunction,  // text: the name of a native function (native_functions.h)
    };
    Kind kind = Kind::kNone;
    std::string text;
    std::int64_t integer = 0;
    std::vector<std::string> list;
};

struct MetricConfig {
    std::string name;                               // "acc", "exact_match", ...
    std::optional<std::string> aggregation;         // "mean", ...; absent: the metric's own
    std::optional<bool> higher_is_better;           // absent: the metric's own
    OrderedJson arguments = OrderedJson::object();  // every other key of the entry: ignore_case, regexes_to_ignore, ...
};

struct FilterStep {
    std::string function;                           // "regex", "take_first", ...
    OrderedJson arguments = OrderedJson::object();  // every other key of the entry
};

struct FilterPipeline {
    std::string name;
    std::vector<FilterStep> steps;
};

struct FewshotConfig {
    std::string sampler = "default";                        // default, first_n
    std::optional<std::string> split;                       // as read: the task's fewshot_split where absent
    std::optional<std::string> process_docs;                // a native function; as read: the task's own where absent
    std::optional<std::vector<OrderedJson>> samples;        // documents given in the file; used where there is no split
    std::vector<std::int64_t> indices;                      // read, and like in 0.4.13 without effect
    FieldSource doc_to_text, doc_to_target, doc_to_choice;  // kNone: the task's own
    std::optional<std::string> fewshot_delimiter, target_delimiter;  // absent: the task's own
    std::optional<std::string> gen_prefix;                           // as read: the task's own where absent
};

// The keys of a task's configuration, in the harness' order.
inline constexpr std::array<std::string_view, 34> kTaskConfigKeys = {"task",
                                                                     "task_alias",
                                                                     "tag",
                                                                     "custom_dataset",
                                                                     "dataset_path",
                                                                     "dataset_name",
                                                                     "dataset_kwargs",
                                                                     "training_split",
                                                                     "validation_split",
                                                                     "test_split",
                                                                     "fewshot_split",
                                                                     "process_docs",
                                                                     "doc_to_text",
                                                                     "doc_to_target",
                                                                     "doc_to_image",
                                                                     "doc_to_audio",
                                                                     "unsafe_code",
                                                                     "doc_to_choice",
                                                                     "process_results",
                                                                     "use_prompt",
                                                                     "description",
                                                                     "target_delimiter",
                                                                     "fewshot_delimiter",
                                                                     "fewshot_config",
                                                                     "num_fewshot",
                                                                     "metric_list",
                                                                     "output_type",
                                                                     "generation_kwargs",
                                                                     "repeats",
                                                                     "filter_list",
                                                                     "should_decontaminate",
                                                                     "doc_to_decontamination_query",
                                                                     "gen_prefix",
                                                                     "metadata"};

struct TaskConfig {
    std::string task;
    std::string alias;  // of the results table; the task's name where the file has none
    std::vector<std::string> tags;
    std::filesystem::path file;

    std::string dataset_path;
    std::optional<std::string> dataset_name;
    OrderedJson dataset_kwargs = OrderedJson::object();
    std::optional<std::string> training_split, validation_split, test_split, fewshot_split;
    std::optional<std::string> process_docs;  // a native function

    FieldSource doc_to_text, doc_to_target, doc_to_choice;
    std::optional<std::string> process_results;  // a native function
    std::string description;                     // a template
    std::string target_delimiter = " ";
    std::string fewshot_delimiter = "\n\n";
    std::optional<std::string> gen_prefix;
    FewshotConfig fewshot;
    std::optional<std::int64_t> num_fewshot;

    OutputType output_type = OutputType::kGenerateUntil;
    OrderedJson generation_kwargs = OrderedJson::object();  // until, max_gen_toks, do_sample, temperature, ...
    std::int64_t repeats = 1;
    std::vector<FilterPipeline> filters;  // never empty: the harness' default is "none" with take_first
    std::vector<MetricConfig> metrics;
    OrderedJson metadata = OrderedJson::object();
    OrderedJson written =
        OrderedJson::object();  // the keys as the file has them, includes resolved: `configs` of results

    // The split that is evaluated: test, else validation, else training.
    const std::string& evaluated_split() const;
    // metadata.version, null where there is none.
    OrderedJson version() const;
};

}  // namespace dwubit

// Results of an evaluation read back: the files that write_results() or lm-evaluation-harness left in a folder. They
// come from anywhere; everything is checked before it is used.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "dwubit/result.h"
#include "eval/metrics/aggregation.h"
#include "json/json.h"
#include "tasks/task_config.h"

namespace dwubit {

struct LoadedDocument {
    std::int64_t id = 0;
    std::string doc_hash, prompt_hash, target_hash;
    std::int64_t choices = 0;  // of multiple_choice: the answers that were scored; 0 where the line does not say
};

// One "<metric>,<filter>" of a task.
struct LoadedMetric {
    std::string name, filter;
    const Aggregation* aggregation = nullptr;
    bool higher_is_better = true;
    std::optional<double> score;                     // as the results file has it; absent: not a finite number
    std::vector<std::optional<OrderedJson>> values;  // one per document; absent where the document has none
    std::string key() const { return name + "," + filter; }
};

struct LoadedTask {
    std::string name;
    OutputType output_type = OutputType::kGenerateUntil;
    std::string version;  // as JSON
    std::string shots;    // as JSON; "null" where the file does not say
    std::filesystem::path samples;
    std::vector<LoadedDocument> documents;  // by id
    std::vector<LoadedMetric> metrics;      // the first of the task's metric_list with its first filter first
    std::string primary_metric;             // that one's key
};

struct LoadedResults {
    std::filesystem::path file;
    std::string model;                  // "model_name", may be empty
    std::string program;                // "dwubit 0.1.0", "lm_eval 0.4.13"
    std::vector<LoadedTask> tasks;      // in the results file's order
    std::vector<std::string> warnings;  // what was passed over
};

// `path`: a folder with results_*.json in it or one folder below, the newest by name where there are several; or such
// a file. Samples lie beside it as samples_<task>_<the same stamp>.jsonl. Errors name the file, and line or member.
Result<LoadedResults> load_results(const std::filesystem::path& path);

}  // namespace dwubit

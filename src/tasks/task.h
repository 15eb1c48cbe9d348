// Documents of a task made into what a model is asked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tasks/dataset.h"
#include "tasks/task_config.h"

namespace dwubit {

// One question to the model.
//   loglikelihood, multiple_choice   how likely is `continuation` after `context`?
//   loglikelihood_rolling            how likely is `context`? `continuation` is empty
//   generate_until                   continue `context` as TaskConfig::generation_kwargs says
struct TaskRequest {
    std::string context;
    std::string continuation;
    std::string origin = {};  // for messages: "task orlik_para, document 3"; empty: "request 12", its number
};

struct TaskItem {
    std::int64_t doc_id = 0;  // place in the evaluated split
    OrderedJson doc;          // object, keys in file order
    // doc_to_target: an integer, a text or a list, by the harness' rules.
    OrderedJson target;
    OrderedJson gold;                   // multiple_choice: what is compared with the choice: doc_to_text's number where
                                        // the contexts are the choices, else `target`
    std::vector<std::string> choices;   // multiple_choice: doc_to_choice
    std::vector<TaskRequest> requests;  // multiple_choice: one per choice, then, for acc_mutual_info, one per choice
                                        // with empty context; else one
};

enum class Harness { kCurrent, kPolish };  // --harness 0.4, polish

struct BuildOptions {
    std::optional<std::int64_t> num_fewshot;  // overrides the task's, but for a task that says 0
    std::optional<double> limit;              // < 1: this share of the documents, rounded up; else so many
    std::int64_t fewshot_seed = 1234;
    Harness harness = Harness::kCurrent;
    std::size_t max_bytes = std::size_t{8} << 30;  // of all prompts together
};

struct BuiltTask {
    TaskConfig config;               // as resolved: num_fewshot holds what was used
    std::int64_t documents = 0;      // in the split; n-samples' "original"
    std::vector<TaskItem> items;     // n-samples' "effective"
    bool multiple_input = false;     // the choices are contexts
    bool multiple_target = false;    // `gold` is a list
    std::vector<std::string> files;  // datasets read, each with its sha256: "<sha256>  <path>"
};

// Errors name task, document (its number in the split) and field: a field that a document lacks, a template that does
// not render, a gold index outside the choices, an empty split, fewer documents than shots.
Result<BuiltTask> build_task(const TaskConfig& config, const DatasetFolders& datasets, const BuildOptions& options);

}  // namespace dwubit

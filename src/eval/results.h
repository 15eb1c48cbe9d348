// The results of an evaluation as lm-evaluation-harness 0.4.13 writes them: one object, its files, and a table for
// people.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eval/task_scores.h"
#include "tasks/task_index.h"

namespace dwubit {

struct NamedToken {
    std::string text;
    std::int64_t id = 0;
};

// What the command knows beside tasks and scores.
struct RunInfo {
    std::string model;       // its path, as given: the name of the folder of results
    OrderedJson model_args;  // text or object, as given
    std::optional<std::int64_t> parameters;
    std::string dtype;
    OrderedJson batch_size;  // a number or "auto"
    std::string device = "cpu";
    std::optional<double> limit;
    std::int64_t bootstrap_iters = 100'000;
    OrderedJson gen_kwargs;  // null: none given
    std::int64_t fewshot_seed = 1234;
    std::optional<std::int64_t> max_length, eos_id;
    std::optional<NamedToken> bos, eos;
    std::string environment;  // what the numbers were computed with
    std::optional<std::string> chat_template;
    double date = 0;                      // when it began, seconds since 1970
    double start_time = 0, end_time = 0;  // of a clock that only runs forward
    std::int64_t tokens_evaluated = 0, tokens_reused = 0;
};

struct TaskResult {
    const BuiltTask& task;
    const TaskScores& scores;
};

// Groups: parents before their children, as Selection has them. Means of groups are weighted by documents, their
// standard errors pooled. `files` is empty until write_results() fills it.
OrderedJson results_object(const RunInfo& info, std::span<const TaskResult> tasks, std::span<const TaskGroup> groups);

// Writes <output>/<model>/results_<stamp>.json and, where there are samples, samples_<task>_<stamp>.jsonl beside it;
// with an `output` that ends in .json <stem>_<stamp>.json. Sets `files` of `results` to their paths. All of them
// appear, or, but for an error while they are renamed, none.
enum class FileNames { kPaths, kBeside };  // `files`: as paths, or as names in the folder of the results file
Result<void> write_results(const std::filesystem::path& output, const std::string& stamp,
                           std::span<const TaskResult> tasks, FileNames names, OrderedJson& results);

// "2026-11-24T04-38-43.427282", local time.
std::string results_stamp(std::chrono::system_clock::time_point time);

// A name that is safe in a path: runs of "<>:/|\?*[] become two underscores.
std::string sanitized_name(std::string_view name);

// Tasks and the groups that hold them, or groups alone; empty where there are none.
enum class ResultsTable { kTasks, kGroups };
std::string results_table(const OrderedJson& results, ResultsTable which = ResultsTable::kTasks);

}  // namespace dwubit

// `dwubit eval` from its arguments to its object: a model and tasks in, the harness' results out, and files of them.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/thread_pool.h"
#include "eval/evaluate.h"
#include "json/json.h"

namespace dwubit {

struct EvalRequest {
    std::filesystem::path model;
    std::vector<std::string> tasks;  // names of tasks, groups, tags; patterns; paths of YAML files
    std::vector<std::filesystem::path> include_paths = {};
    EvaluateOptions options = {};
    ScorerOptions scorer = {};
    ActType act = ActType::kF32;
    std::string model_args = {};           // as given, for the results file
    std::optional<std::string> name = {};  // what results call the model; unset: its path
    std::string device = "cpu";
    bool log_samples = false;
    std::optional<std::filesystem::path> output = {};  // folder of results and samples files
    // Names and times of the files: unset, those of now. A study sets it, so that the same run gives the same bytes;
    // `files` in the results file are then names beside it.
    std::optional<std::string> stamp = {};
};

struct EvalAnswer {
    OrderedJson object;  // the harness' results, and `files`, `tokens_evaluated`, `tokens_reused`
    std::string table;   // for people
};

// `warn` takes a line for the user.
Result<EvalAnswer> run_eval(const EvalRequest& request, ThreadPool& pool, ProgressSink& progress,
                            const std::function<void(std::string)>& warn);

}  // namespace dwubit

// Tasks from files to scores: what `dwubit eval` does between its flags and its output.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "eval/scorer.h"
#include "eval/task_scores.h"
#include "tasks/task_index.h"

namespace dwubit {

struct EvaluateOptions {
    BuildOptions build;
    ScoreOptions score;
    DatasetFolders datasets;
    OrderedJson generation = OrderedJson::object();  // replaces keys of the tasks' generation_kwargs
    // Answers of finished tasks are kept in this folder and taken from it. Whoever names it sees to it that they are
    // the same model's.
    std::optional<std::filesystem::path> kept_answers = {};
};

// Documents to requests, for every task of the selection; what can be wrong without a model is found here. Errors name
// the task.
Result<std::vector<BuiltTask>> build_tasks(const Selection& selection, const EvaluateOptions& options);

struct EvaluatedTask {
    BuiltTask task;
    TaskScores scores;
};

struct Evaluation {
    std::vector<EvaluatedTask> tasks;
    ScorerCounts counts;
};

// Asks the model and scores its answers.
Result<Evaluation> evaluate(std::vector<BuiltTask> tasks, Scorer& scorer, const EvaluateOptions& options,
                            ProgressSink& progress = no_progress());

}  // namespace dwubit

#include "eval/evaluate.h"

#include <fmt/format.h>

#include "base/error.h"

namespace dwubit {
namespace {

std::vector<TaskRequest> all_requests(const BuiltTask& task) {
    std::vector<TaskRequest> requests;
    for (const TaskItem& item : task.items) {
        for (TaskRequest request : item.requests) {
            request.origin = fmt::format("task {}, document {}", task.config.task, item.doc_id);
            for (std::int64_t i = 0; i < task.config.repeats; ++i) requests.push_back(request);
        }
    }
    return requests;
}

// Answers in the order of all_requests(), per item and request.
TaskResponses by_item(const BuiltTask& task, std::vector<Response> answers) {
    TaskResponses responses;
    auto next = answers.begin();
    for (const TaskItem& item : task.items) {
        ItemResponses& of_item = responses.emplace_back();
        for (std::size_t i = 0; i < item.requests.size(); ++i) {
            auto& repeats = of_item.emplace_back();
            for (std::int64_t k = 0; k < task.config.repeats; ++k) repeats.push_back(std::move(*next++));
        }
    }
    return responses;
}

Result<std::vector<Response>> ask(const BuiltTask& task, Scorer& scorer, ProgressSink& progress) {
    const std::vector<TaskRequest> requests = all_requests(task);
    switch (task.config.output_type) {
        case OutputType::kLoglikelihood:
        case OutputType::kMultipleChoice:
            return scorer.loglikelihood(requests, progress);
        case OutputType::kLoglikelihoodRolling:
            return scorer.loglikelihood_rolling(requests, progress);
        case OutputType::kGenerateUntil:
            return scorer.generate_until(requests, task.config.generation_kwargs, progress);
    }
    return make_error(ErrorKind::kInternal, "unknown output type");
}

}  // namespace

Result<std::vector<BuiltTask>> build_tasks(const Selection& selection, const EvaluateOptions& options) {
    std::vector<TaskConfig> configs = selection.tasks;
    for (TaskConfig& config : configs) {
        if (config.output_type == OutputType::kGenerateUntil) config.generation_kwargs.update(options.generation);
        DWUBIT_TRY(check_scoring(config, options.score));
    }
    std::vector<BuiltTask> tasks;
    for (const TaskConfig& config : configs) {
        DWUBIT_ASSIGN(BuiltTask task, build_task(config, options.datasets, options.build));
        tasks.push_back(std::move(task));
    }
    return tasks;
}

Result<Evaluation> evaluate(std::vector<BuiltTask> tasks, Scorer& scorer, const EvaluateOptions& options,
                            ProgressSink& progress) {
    Evaluation evaluation;
    for (BuiltTask& task : tasks) {
        auto answers = ask(task, scorer, progress);
        if (!answers.ok()) return std::move(answers).context(fmt::format("task {}", task.config.task)).error();
        const TaskResponses responses = by_item(task, std::move(*answers));
        DWUBIT_ASSIGN(TaskScores scores, score_task(task, responses, options.score));
        evaluation.tasks.push_back({std::move(task), std::move(scores)});
    }
    evaluation.counts = scorer.counts();
    return evaluation;
}

}  // namespace dwubit

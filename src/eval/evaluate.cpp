#include "eval/evaluate.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/stop.h"
#include "eval/kept_answers.h"

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

Result<std::vector<Response>> ask(const BuiltTask& task, std::span<const TaskRequest> requests, Scorer& scorer,
                                  ProgressSink& progress) {
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

// What `after` has more than `before`.
ScorerCounts difference(const ScorerCounts& after, const ScorerCounts& before) {
    return {after.tokens_evaluated - before.tokens_evaluated, after.tokens_reused - before.tokens_reused};
}

// The answers to a task: those that an earlier run kept, else the model's.
Result<KeptAnswers> answers_to(const BuiltTask& task, Scorer& scorer, const EvaluateOptions& options,
                               ProgressSink& progress) {
    const std::vector<TaskRequest> requests = all_requests(task);
    const std::string& name = task.config.task;
    std::string asked;
    if (options.kept_answers) {
        asked = asked_sha256(requests, task.config.generation_kwargs);
        auto kept = read_kept_answers(*options.kept_answers, name, asked, requests.size());
        if (kept) return std::move(*kept);
    }
    DWUBIT_TRY(check_stop());
    const ScorerCounts before = scorer.counts();
    auto responses = ask(task, requests, scorer, progress);
    if (!responses.ok()) return std::move(responses).context(fmt::format("task {}", name)).error();
    KeptAnswers answers{std::move(*responses), difference(scorer.counts(), before)};
    if (options.kept_answers) DWUBIT_TRY(keep_answers(*options.kept_answers, name, asked, answers));
    return answers;
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
        DWUBIT_ASSIGN(KeptAnswers answers, answers_to(task, scorer, options, progress));
        evaluation.counts.tokens_evaluated += answers.counts.tokens_evaluated;
        evaluation.counts.tokens_reused += answers.counts.tokens_reused;
        const TaskResponses responses = by_item(task, std::move(answers.responses));
        DWUBIT_ASSIGN(TaskScores scores, score_task(task, responses, options.score));
        evaluation.tasks.push_back({std::move(task), std::move(scores)});
    }
    return evaluation;
}

}  // namespace dwubit

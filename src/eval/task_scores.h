// From answers to scores, as lm-evaluation-harness computes them: filters, metrics, aggregation, standard errors.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "eval/responses.h"
#include "tasks/task.h"

namespace dwubit {

struct ScoreOptions {
    std::int64_t bootstrap_iters = 100'000;  // 0: no standard errors; those without a formula take at most 100 where
                                             // the harness does
    bool samples = false;
    Harness harness = Harness::kCurrent;
    ThreadPool* pool = nullptr;  // for the bootstrap; the numbers are the same without
};

struct TaskScores {
    // The harness' object of one task: "name", "alias", "sample_len" (kPolish: "alias"), then "<metric>,<filter>" and
    // "<metric>_stderr,<filter>" ("N/A" where there is none).
    OrderedJson results = OrderedJson::object();
    OrderedJson higher_is_better = OrderedJson::object();
    std::vector<OrderedJson> samples;  // one object per filter and document: the lines of samples_<task>_*.jsonl
};

// Errors name task, filter and metric: an unknown one, one that the output type does not have.
Result<TaskScores> score_task(const BuiltTask& task, const TaskResponses& responses, const ScoreOptions& options);

// Checks filters and metrics without answers, so that a typo is found before an hour of computing.
Result<void> check_scoring(const TaskConfig& config, const ScoreOptions& options);

}  // namespace dwubit

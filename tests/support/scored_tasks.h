// Tasks with answers, from tests/golden/scores: what the tests of scores and of results files start from.
#pragma once

#include <string>

#include "eval/responses.h"
#include "json/json.h"
#include "tasks/task.h"

namespace dwubit {

// A file of tests/golden/scores, parsed; null where it is not there, which fails the test.
OrderedJson golden_scores(const std::string& name);

struct ScoredTask {
    BuiltTask task;
    TaskResponses responses;
};

// Of an entry of tasks.json.
ScoredTask scored_task(const OrderedJson& entry);

}  // namespace dwubit

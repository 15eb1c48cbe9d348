// How much of the base model's score above chance is left, over the tasks of a kind.
#pragma once

#include <vector>

#include "eval/resample.h"
#include "json/json.h"

namespace dwubit {

// The scores of one task, of all documents and of each draw.
struct RetainedTask {
    double base = 0, other = 0, chance = 0;
    std::vector<double> base_draws, other_draws, chance_draws;  // equally many for all tasks
};

// {"value", "low", "high", "tasks"}: the mean of (other - chance) / (base - chance); null without a task. Each task's
// documents are drawn by themselves. A draw in which the base is not above chance for some task says nothing and is
// left out.
Json retention(const std::vector<RetainedTask>& tasks, double level);

}  // namespace dwubit

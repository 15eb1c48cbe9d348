// Scores of groups, from those of their tasks. Part of results.cpp.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "json/json.h"
#include "tasks/task_index.h"

namespace dwubit {

// Appends an object per group to `results`, children before parents, from the objects of tasks that are there.
// `sizes`: documents per task.
void add_group_scores(std::span<const TaskGroup> groups, const std::map<std::string, double>& sizes,
                      OrderedJson& results);

// A group's number of shots, where its members agree.
void add_group_shots(std::span<const TaskGroup> groups, OrderedJson& shots);
// Per metric what its members say; null where they differ.
void add_group_directions(std::span<const TaskGroup> groups, OrderedJson& higher_is_better);

}  // namespace dwubit

// The keys of a task's or group's YAML (task_yaml.h) as TaskConfig and TaskGroup.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tasks/task_config.h"
#include "tasks/task_index.h"

namespace dwubit {

// Errors name the file, the task and the key. Unknown keys are warned about (base/log.h), in one warning a file.
Result<TaskConfig> read_task_config(const OrderedJson& keys, const std::filesystem::path& file);

// `members` stay empty: task_index.cpp resolves them.
Result<TaskGroup> read_task_group(const OrderedJson& keys, const std::string& name, const std::filesystem::path& file);

bool is_group_key(std::string_view key);

// "a" or ["a", "b"] -> the texts. Error: kInvalidInput that names `key`.
Result<std::vector<std::string>> read_names(const OrderedJson& value, std::string_view key);

}  // namespace dwubit

// The tasks, groups and tags that YAML files in folders define, by name.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "tasks/task_config.h"

namespace dwubit {

struct TaskGroup {
    std::string name;
    std::string alias;
    std::vector<std::string> members;  // tasks, groups or tags, as written
    struct Aggregate {
        std::string metric;
        std::string filter;  // empty: every filter that its members have
        bool weight_by_size = true;
    };
    std::vector<Aggregate> aggregates;  // aggregate_metric_list
    OrderedJson metadata = OrderedJson::object();
    std::filesystem::path file;
};

struct Selection {
    std::vector<TaskConfig> tasks;  // each once, in the order first named
    std::vector<TaskGroup> groups;  // groups that were named or met on the way, parents first; members resolved to
                                    // names of tasks and groups
};

class TaskIndex {
public:
    // Reads the names of every *.yaml below the folders. Two files with one name are an error that names both. A file
    // that is no task (no `task` key, as files for `include`) is passed over. Broken YAML is an error with file and
    // line.
    static Result<TaskIndex> open(std::span<const std::filesystem::path> folders);

    // Names, comma-separated by the caller: tasks, groups, tags, patterns with * and ?, or paths of YAML files. An
    // unknown name is an error with the nearest known one as hint. Unknown keys are warned about (base/log.h).
    Result<Selection> select(std::span<const std::string> names) const;

    struct Entry {
        std::string name;
        std::string kind;  // "task", "group", "tag"
        std::filesystem::path file;
        std::vector<std::string> members;  // of a group or tag
        std::string output_type;           // of a task
        std::string dataset_path;          // of a task
    };
    const std::map<std::string, Entry>& entries() const { return entries_; }

private:
    std::map<std::string, Entry> entries_;
};

}  // namespace dwubit

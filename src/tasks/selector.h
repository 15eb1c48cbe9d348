// Names of tasks, groups, tags, patterns and files made into the tasks they mean.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tasks/task_index.h"
#include "tasks/task_yaml.h"

namespace dwubit {

// What `keys` of `file` define; none where they are no task and no group.
std::optional<TaskIndex::Entry> index_entry(const OrderedJson& keys, const std::filesystem::path& file);

class Selector {
public:
    explicit Selector(const std::map<std::string, TaskIndex::Entry>& entries) : entries_(entries) {}

    Result<void> add(const std::string& name);
    Selection take() { return std::move(selection_); }

private:
    using Names = std::vector<std::string>;

    // Each appends the names of what it chose to `chosen`. `overrides`: keys that a group gives its members.
    Result<void> add_entry(const TaskIndex::Entry& entry, const OrderedJson& overrides, Names& chosen);
    Result<void> add_task(const std::string& name, OrderedJson keys, const OrderedJson& overrides,
                          const std::filesystem::path& file, Names& chosen);
    Result<void> add_group(const std::string& name, const OrderedJson& keys, const OrderedJson& overrides,
                           const std::filesystem::path& file, Names& chosen);
    Result<void> add_member(const std::string& group, const OrderedJson& member, const OrderedJson& overrides,
                            const std::filesystem::path& file, Names& chosen);
    Result<void> add_file(const std::string& path);
    Error unknown(const std::string& name) const;

    const std::map<std::string, TaskIndex::Entry>& entries_;
    TaskYamlReader reader_;
    Selection selection_;
    std::map<std::string, OrderedJson> task_keys_;   // of the chosen tasks, by name
    std::map<std::string, OrderedJson> group_keys_;  // of the chosen groups, with their overrides
    Names open_groups_;                              // from the outermost to the current
};

}  // namespace dwubit

#include "tasks/selector.h"

#include <algorithm>
#include <system_error>

#include "base/error.h"
#include "base/text.h"
#include "tasks/task_reader.h"

namespace dwubit {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxGroupDepth = 32;
constexpr std::size_t kMaxMembers = 100'000;

// "*" is any text, "?" one byte. Linear in text for each "*": the last one alone is tried again.
bool matches(std::string_view pattern, std::string_view text) {
    std::size_t p = 0;
    std::size_t t = 0;
    std::size_t star = std::string_view::npos;
    std::size_t from = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            from = t;
        } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++from;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

OrderedJson over(OrderedJson keys, const OrderedJson& overrides) {
    for (const auto& [key, value] : overrides.items()) keys[key] = value;
    return keys;
}

std::string name_in(const OrderedJson& member, const char* key) {
    const auto found = member.find(key);
    return found != member.end() && found->is_string() ? found->get<std::string>() : std::string();
}

void append(std::vector<std::string>& names, const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

}  // namespace

Error Selector::unknown(const std::string& name) const {
    std::vector<std::string> names;
    for (const auto& [known, entry] : entries_) names.push_back(known);
    const auto nearest = nearest_name(name, names);
    return errorf(ErrorKind::kUsage, "unknown task '{}'", printable(name))
        .with_hint(nearest ? fmt::format("did you mean '{}'?", *nearest)
                           : fmt::format("{} tasks, groups and tags are known: dwubit tasks lists them; --include_path "
                                         "adds a folder of YAML files",
                                         entries_.size()));
}

Result<void> Selector::add(const std::string& name) {
    Names chosen;
    if (const auto found = entries_.find(name); found != entries_.end()) {
        return add_entry(found->second, OrderedJson::object(), chosen);
    }
    if (name.find_first_of("*?") != std::string::npos) {
        bool any = false;
        for (const auto& [known, entry] : entries_) {
            if (!matches(name, known)) continue;
            any = true;
            DWUBIT_TRY(add_entry(entry, OrderedJson::object(), chosen));
        }
        if (any) return {};
    }
    if (name.ends_with(".yaml") || name.ends_with(".yml")) return add_file(name);
    return unknown(name);
}

Result<void> Selector::add_file(const std::string& path) {
    std::error_code failed;
    if (!fs::is_regular_file(path, failed)) {
        return errorf(ErrorKind::kNotFound, "there is no task file {}", printable(path, 400));
    }
    DWUBIT_ASSIGN(const OrderedJson keys, reader_.read(path));
    const auto entry = index_entry(keys, path);
    if (!entry) {
        return errorf(ErrorKind::kInvalidInput, "{}: neither a task nor a group: 'task' or 'group' is missing",
                      printable(path, 400));
    }
    Names chosen;
    return add_entry(*entry, OrderedJson::object(), chosen);
}

Result<void> Selector::add_entry(const TaskIndex::Entry& entry, const OrderedJson& overrides, Names& chosen) {
    if (entry.kind == "tag") {
        for (const std::string& member : entry.members) {
            DWUBIT_TRY(add_entry(entries_.at(member), overrides, chosen));
        }
        return {};
    }
    DWUBIT_ASSIGN(const OrderedJson keys, reader_.read(entry.file));
    if (entry.kind == "group") return add_group(entry.name, keys, overrides, entry.file, chosen);
    return add_task(entry.name, keys, overrides, entry.file, chosen);
}

Result<void> Selector::add_task(const std::string& name, OrderedJson keys, const OrderedJson& overrides,
                                const fs::path& file, Names& chosen) {
    keys = over(std::move(keys), overrides);
    keys["task"] = name;
    append(chosen, name);
    if (const auto found = task_keys_.find(name); found != task_keys_.end()) {
        if (found->second == keys) return {};
        return errorf(ErrorKind::kUsage, "task '{}' is chosen twice, with different keys", printable(name))
            .with_hint("a group changes keys of its tasks: evaluate it apart from them");
    }
    if (task_keys_.size() >= kMaxMembers) {
        return errorf(ErrorKind::kUsage, "more than {} tasks are chosen", kMaxMembers);
    }
    DWUBIT_ASSIGN(TaskConfig task, read_task_config(keys, file));
    selection_.tasks.push_back(std::move(task));
    task_keys_.emplace(name, std::move(keys));
    return {};
}

Result<void> Selector::add_group(const std::string& name, const OrderedJson& keys, const OrderedJson& overrides,
                                 const fs::path& file, Names& chosen) {
    if (std::find(open_groups_.begin(), open_groups_.end(), name) != open_groups_.end() ||
        open_groups_.size() >= kMaxGroupDepth) {
        return errorf(ErrorKind::kInvalidInput, "{}: group '{}' has itself as member, by way of '{}'", file.string(),
                      printable(name), printable(open_groups_.back()));
    }
    append(chosen, name);
    const OrderedJson all = over(keys, overrides);
    if (const auto found = group_keys_.find(name); found != group_keys_.end()) {
        if (found->second == all) return {};
        return errorf(ErrorKind::kUsage, "group '{}' is chosen twice, with different keys", printable(name));
    }
    group_keys_.emplace(name, all);

    OrderedJson given = OrderedJson::object();
    for (const auto& [key, value] : keys.items()) {
        if (!is_group_key(key) && key != "tag" && key != "task_list") given[key] = value;
    }
    given = over(std::move(given), overrides);

    DWUBIT_ASSIGN(TaskGroup group, read_task_group(keys, name, file));
    const std::size_t place = selection_.groups.size();
    selection_.groups.push_back(std::move(group));
    const auto members = keys.find("task");
    if (members == keys.end() || !members->is_array() || members->empty()) {
        return errorf(ErrorKind::kInvalidInput, "{}: group '{}' has no members: 'task' must be a list of names",
                      file.string(), printable(name))
            .with_hint("'tag' is the key that puts one task under a common name");
    }
    open_groups_.push_back(name);
    Names names;
    for (const OrderedJson& member : *members) DWUBIT_TRY(add_member(name, member, given, file, names));
    open_groups_.pop_back();
    selection_.groups[place].members = std::move(names);
    return {};
}

Result<void> Selector::add_member(const std::string& group, const OrderedJson& member, const OrderedJson& overrides,
                                  const fs::path& file, Names& chosen) {
    const auto in_group = [&](Error error) {
        return std::move(error).add_context(fmt::format("group '{}' of {}", printable(group), file.string()));
    };
    const bool is_subgroup = member.is_object() && member.contains("group");
    const std::string name = member.is_string()   ? member.get<std::string>()
                             : member.is_object() ? name_in(member, is_subgroup ? "group" : "task")
                                                  : "";
    if (name.empty()) {
        return errorf(ErrorKind::kInvalidInput,
                      "{}: group '{}': a member must be a name, or a mapping with 'task' or "
                      "'group'",
                      file.string(), printable(group));
    }
    OrderedJson given = overrides;
    if (member.is_object()) {
        for (const auto& [key, value] : member.items()) {
            const bool structural = is_subgroup ? is_group_key(key) : key == "task";
            if (!structural) given[key] = value;
        }
    }
    const auto known = entries_.find(name);
    if (known != entries_.end()) {
        auto added = add_entry(known->second, given, chosen);
        if (!added.ok()) return in_group(std::move(added).error());
        return {};
    }
    if (!member.is_object()) return in_group(unknown(name));
    // Defined here, in the group's own file.
    const std::string full_name = group + "::" + name;
    if (is_subgroup) return add_group(full_name, member, overrides, file, chosen);
    return add_task(full_name, OrderedJson::object(), given, file, chosen);
}

}  // namespace dwubit

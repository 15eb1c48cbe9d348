#include "tasks/task_index.h"

#include <algorithm>
#include <optional>
#include <set>
#include <system_error>

#include "base/error.h"
#include "base/text.h"
#include "tasks/selector.h"
#include "tasks/task_reader.h"
#include "tasks/task_yaml.h"

namespace dwubit {
namespace {

namespace fs = std::filesystem;

bool is_ignored(const fs::path& folder) {
    const std::string name = folder.filename().string();
    return name == "__pycache__" || name == ".ipynb_checkpoints";
}

// Every *.yaml below `folder`, sorted.
Result<std::vector<fs::path>> yaml_files(const fs::path& folder) {
    std::vector<fs::path> files;
    std::error_code failed;
    fs::recursive_directory_iterator it(folder, failed);
    if (failed) {
        return errorf(ErrorKind::kNotFound, "cannot read the folder of tasks {}: {}", folder.string(),
                      failed.message());
    }
    for (const fs::recursive_directory_iterator end; it != end; it.increment(failed)) {
        std::error_code ignored;
        if (it->is_directory(ignored) && is_ignored(it->path())) it.disable_recursion_pending();
        if (it->path().extension() == ".yaml" && it->is_regular_file(ignored)) files.push_back(it->path());
        if (failed) break;
    }
    if (failed) {
        return errorf(ErrorKind::kIo, "cannot read the folder of tasks {}: {}", folder.string(), failed.message());
    }
    std::sort(files.begin(), files.end());
    return files;
}

std::string text_of(const OrderedJson& keys, std::string_view key) {
    const auto found = keys.find(key);
    return found != keys.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Names of a group's members, as written.
std::vector<std::string> members_of(const OrderedJson& keys) {
    std::vector<std::string> members;
    const auto found = keys.find("task");
    if (found == keys.end() || !found->is_array()) return members;
    for (const OrderedJson& member : *found) {
        std::string name = member.is_string() ? member.get<std::string>() : std::string();
        if (member.is_object()) name = text_of(member, member.contains("group") ? "group" : "task");
        if (!name.empty()) members.push_back(std::move(name));
    }
    return members;
}

}  // namespace

std::optional<TaskIndex::Entry> index_entry(const OrderedJson& keys, const fs::path& file) {
    TaskIndex::Entry entry;
    entry.file = file;
    const bool is_class = keys.contains("class");
    if (!is_class && keys.contains("group")) {
        entry.name = text_of(keys, "group");
        entry.kind = "group";
        entry.members = members_of(keys);
    } else {
        entry.name = text_of(keys, "task");
        entry.kind = "task";
        entry.output_type = keys.contains("output_type") ? text_of(keys, "output_type") : "generate_until";
        entry.dataset_path = text_of(keys, "dataset_path");
    }
    if (entry.name.empty()) return std::nullopt;
    return entry;
}

Result<TaskIndex> TaskIndex::open(std::span<const fs::path> folders) {
    TaskIndex index;
    TaskYamlReader reader;
    std::set<fs::path> seen;
    std::map<std::string, std::vector<std::string>> tags;
    for (const fs::path& folder : folders) {
        DWUBIT_ASSIGN(const std::vector<fs::path> files, yaml_files(folder));
        for (const fs::path& file : files) {
            std::error_code failed;
            if (!seen.insert(fs::weakly_canonical(file, failed)).second) continue;
            DWUBIT_ASSIGN(const bool holds_mapping, reader.holds_mapping(file));
            if (!holds_mapping) continue;
            DWUBIT_ASSIGN(const OrderedJson keys, reader.read(file));
            const auto entry = index_entry(keys, file);
            if (!entry) continue;
            const auto [known, added] = index.entries_.emplace(entry->name, *entry);
            if (!added) {
                return errorf(ErrorKind::kInvalidInput, "two {}s are called '{}': {} and {}", entry->kind,
                              printable(entry->name), known->second.file.string(), file.string());
            }
            const auto tag = keys.find("tag");
            if (entry->kind != "task" || tag == keys.end() || tag->is_null()) continue;
            DWUBIT_ASSIGN(const std::vector<std::string> names, read_names(*tag, "tag").context(file.string()));
            for (const std::string& name : names) tags[name].push_back(entry->name);
        }
    }
    for (auto& [name, members] : tags) {
        std::sort(members.begin(), members.end());
        // A task or group of that name is what the name means.
        index.entries_.emplace(name, Entry{name, "tag", {}, members, "", ""});
    }
    return index;
}

Result<Selection> TaskIndex::select(std::span<const std::string> names) const {
    Selector selector(entries_);
    for (const std::string& name : names) DWUBIT_TRY(selector.add(name));
    return selector.take();
}

}  // namespace dwubit

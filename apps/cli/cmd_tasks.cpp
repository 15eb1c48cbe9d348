#include <fmt/format.h>
#include <fmt/ranges.h>

#include "arguments.h"
#include "command.h"
#include "tasks/task_index.h"

namespace dwubit::cli {
namespace {

Json describe(const TaskIndex::Entry& entry) {
    Json object = {{"name", entry.name}, {"kind", entry.kind}};
    if (entry.kind == "task") {
        object["output_type"] = entry.output_type;
        object["dataset_path"] = entry.dataset_path;
    } else {
        object["members"] = entry.members;
    }
    object["file"] = entry.file.empty() ? Json() : Json(entry.file.string());
    return object;
}

std::string text_of(const TaskIndex::Entry& entry) {
    const std::string what = entry.kind == "task" ? fmt::format("{}, {}", entry.output_type, entry.dataset_path)
                                                  : fmt::format("{}", fmt::join(entry.members, ", "));
    return fmt::format("{:<32} {:<6} {}\n", entry.name, entry.kind, what);
}

class Tasks final : public Command {
public:
    void declare(CLI::App& app) override { add_task_folders(app, include_paths_); }

    Result<Json> run(Console& console, const CommonOptions&) override {
        DWUBIT_ASSIGN(const auto folders, task_folders(include_paths_));
        DWUBIT_ASSIGN(const TaskIndex index, TaskIndex::open(folders));
        Json list = Json::array();
        std::string text;
        for (const auto& [name, entry] : index.entries()) {
            list.push_back(describe(entry));
            text += text_of(entry);
        }
        console.print(text);
        return Json{{"tasks", std::move(list)}};
    }

private:
    std::vector<std::filesystem::path> include_paths_;
};

}  // namespace

std::unique_ptr<Command> make_tasks() {
    return std::make_unique<Tasks>();
}

}  // namespace dwubit::cli

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "arguments.h"
#include "command.h"
#include "tasks/task_index.h"

namespace dwubit::cli {
namespace {

class Tasks final : public Command {
public:
    void declare(CLI::App& app) override { add_task_folders(app, include_paths_); }

    Result<Json> run(Console& console, const CommonOptions&) override {
        DWUBIT_ASSIGN(const auto folders, task_folders(include_paths_));
        DWUBIT_ASSIGN(const TaskIndex index, TaskIndex::open(folders));
        Json tasks = Json::array();
        Json groups = Json::array();
        for (const auto& [name, entry] : index.entries()) {
            const std::string file = entry.file.string();
            if (entry.kind == "task") {
                tasks.push_back({{"name", name},
                                 {"output_type", entry.output_type},
                                 {"dataset_path", entry.dataset_path},
                                 {"file", file}});
                console.print(fmt::format("{:<5} {:<32} {:<22} {}\n", entry.kind, name, entry.output_type, file));
            } else {
                groups.push_back({{"name", name}, {"kind", entry.kind}, {"members", entry.members}, {"file", file}});
                console.print(fmt::format("{:<5} {:<32} {}\n", entry.kind, name, fmt::join(entry.members, ", ")));
            }
        }
        return Json{{"tasks", std::move(tasks)}, {"groups", std::move(groups)}};
    }

private:
    std::vector<std::filesystem::path> include_paths_;
};

}  // namespace

std::unique_ptr<Command> make_tasks() {
    return std::make_unique<Tasks>();
}

}  // namespace dwubit::cli

// A task file of any text, up to its requests. Three inputs in one, cut at the first NULs: the YAML, the documents as
// JSON lines, and as CSV. Also read as a Python literal.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "tasks/csv.h"
#include "tasks/python_value.h"
#include "tasks/task.h"
#include "tasks/task_index.h"
#include "tasks/task_yaml.h"

namespace {

namespace fs = std::filesystem;

const fs::path& folder() {
    static const fs::path made = [] {
        fs::path path = fs::temp_directory_path() / ("fuzz_task_yaml." + std::to_string(getpid()));
        fs::create_directories(path / "d");
        return path;
    }();
    return made;
}

void write(const char* name, std::string_view text) {
    std::ofstream(folder() / name, std::ios::binary | std::ios::trunc)
        .write(text.data(), static_cast<std::streamsize>(text.size()));
}

std::string_view take_part(std::string_view& rest) {
    const auto cut = rest.find('\0');
    const std::string_view part = rest.substr(0, cut);
    rest.remove_prefix(cut == std::string_view::npos ? rest.size() : cut + 1);
    return part;
}

template <class T>
bool accepted(const dwubit::Result<T>& result) {
    if (!result.ok()) DWUBIT_CHECK(!result.error().message.empty() && result.error().message.size() < 4096);
    return result.ok();
}

void build(const dwubit::TaskConfig& task) {
    dwubit::BuildOptions options;
    options.num_fewshot = 2;
    options.limit = 4;
    options.max_bytes = std::size_t{64} << 20;
    for (const auto harness : {dwubit::Harness::kCurrent, dwubit::Harness::kPolish}) {
        options.harness = harness;
        const auto built = build_task(task, {{folder()}}, options);
        if (!accepted(built)) continue;
        DWUBIT_CHECK(built->items.size() <= 4 && !built->items.empty());
        for (const auto& item : built->items) DWUBIT_CHECK(!item.requests.empty());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    const std::string_view yaml = take_part(rest);
    const std::string_view documents = take_part(rest);
    accepted(dwubit::parse_csv(rest, "x.csv"));
    accepted(dwubit::parse_python_literal(rest));
    if (!accepted(dwubit::parse_yaml(yaml, "x.yaml", "x"))) return 0;
    write("x.yaml", yaml);
    write("d/test.jsonl", documents);
    const std::vector<fs::path> folders = {folder()};
    const auto index = dwubit::TaskIndex::open(folders);
    if (!accepted(index)) return 0;
    for (const auto& [name, entry] : index->entries()) {
        const auto selection = index->select(std::vector<std::string>{name});
        if (!accepted(selection)) continue;
        for (dwubit::TaskConfig task : selection->tasks) {
            // Nothing outside the folder is read.
            task.dataset_path = "d";
            task.dataset_name.reset();
            task.dataset_kwargs = dwubit::OrderedJson::object();
            build(task);
        }
    }
    return 0;
}

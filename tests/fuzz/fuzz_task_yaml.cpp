// A task file of any text, up to its requests. Three inputs in one, cut at the first NULs: the YAML, the documents as
// JSON lines, and as CSV. Also read as a Python literal.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "readers.h"
#include "tasks/csv.h"
#include "tasks/python_value.h"
#include "tasks/task.h"
#include "tasks/task_index.h"
#include "tasks/task_yaml.h"

namespace {

namespace fs = std::filesystem;

const fs::path& folder() {
    static const fs::path made = fuzz::make_folder("fuzz_task_yaml", {"d"});
    return made;
}

void build(const dwubit::TaskConfig& task) {
    dwubit::BuildOptions options;
    options.num_fewshot = 2;
    options.limit = 4;
    options.max_bytes = std::size_t{64} << 20;
    for (const auto harness : {dwubit::Harness::kCurrent, dwubit::Harness::kPolish}) {
        options.harness = harness;
        const auto built = build_task(task, {{folder()}}, options);
        if (!fuzz::accepted(built)) continue;
        DWUBIT_CHECK(built->items.size() <= 4 && !built->items.empty());
        for (const auto& item : built->items) DWUBIT_CHECK(!item.requests.empty());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    const std::string_view yaml = fuzz::take_part(rest);
    const std::string_view documents = fuzz::take_part(rest);
    fuzz::accepted(dwubit::parse_csv(rest, "x.csv"));
    fuzz::accepted(dwubit::parse_python_literal(rest));
    if (!fuzz::accepted(dwubit::parse_yaml(yaml, "x.yaml", "x"))) return 0;
    fuzz::write(folder() / "x.yaml", yaml);
    fuzz::write(folder() / "d/test.jsonl", documents);
    const std::vector<fs::path> folders = {folder()};
    const auto index = dwubit::TaskIndex::open(folders);
    if (!fuzz::accepted(index)) return 0;
    for (const auto& [name, entry] : index->entries()) {
        const auto selection = index->select(std::vector<std::string>{name});
        if (!fuzz::accepted(selection)) continue;
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

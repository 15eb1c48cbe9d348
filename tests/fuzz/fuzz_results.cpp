// Results and samples files of any text, loaded and compared. Three inputs in one, cut at the first NULs: the results
// file, the samples of task "t" beside it, and those of a second run with the same results file.
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/thread_pool.h"
#include "eval/loaded_results.h"
#include "eval/run_compare.h"

namespace {

namespace fs = std::filesystem;

const fs::path& folder() {
    static const fs::path made = [] {
        fs::path path = fs::temp_directory_path() / ("fuzz_results." + std::to_string(getpid()));
        for (const char* side : {"a", "b"}) fs::create_directories(path / side);
        return path;
    }();
    return made;
}

void write(const fs::path& name, std::string_view text) {
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static dwubit::ThreadPool pool(1);
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    const std::string_view results = take_part(rest);
    const std::array<std::string_view, 2> samples = {take_part(rest), rest};
    for (const std::size_t side : {0, 1}) {
        const fs::path place = side == 0 ? "a" : "b";
        write(place / "results_1.json", results);
        write(place / "samples_t_1.jsonl", samples[side]);
    }
    const auto loaded = dwubit::load_results(folder() / "a");
    if (!accepted(loaded)) return 0;
    for (const dwubit::LoadedTask& task : loaded->tasks) {
        for (const auto& metric : task.metrics) DWUBIT_CHECK(metric.values.size() == task.documents.size());
    }
    dwubit::CompareRequest request;
    request.options.resamples = 8;
    for (const char* other : {"a", "b"}) {
        request.a = folder() / "a";
        request.b = folder() / other;
        const auto compared = dwubit::run_compare(request, pool);
        if (accepted(compared)) DWUBIT_CHECK(!compared->text.empty());
    }
    return 0;
}

// Results and samples files of any text, loaded and compared. Three inputs in one, cut at the first NULs: the results
// file, the samples of task "t" beside it, and those of a second run with the same results file.
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/thread_pool.h"
#include "eval/loaded_results.h"
#include "eval/run_compare.h"
#include "readers.h"

namespace {

namespace fs = std::filesystem;

const fs::path& folder() {
    static const fs::path made = fuzz::make_folder("fuzz_results", {"a", "b"});
    return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static dwubit::ThreadPool pool(1);
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    const std::string_view results = fuzz::take_part(rest);
    const std::array<std::string_view, 2> samples = {fuzz::take_part(rest), rest};
    for (const std::size_t side : {0, 1}) {
        const fs::path place = side == 0 ? "a" : "b";
        fuzz::write(folder() / place / "results_1.json", results);
        fuzz::write(folder() / place / "samples_t_1.jsonl", samples[side]);
    }
    const auto loaded = dwubit::load_results(folder() / "a");
    if (!fuzz::accepted(loaded)) return 0;
    for (const dwubit::LoadedTask& task : loaded->tasks) {
        for (const auto& metric : task.metrics) DWUBIT_CHECK(metric.values.size() == task.documents.size());
    }
    dwubit::CompareRequest request;
    request.options.resamples = 8;
    for (const char* other : {"a", "b"}) {
        request.a = folder() / "a";
        request.b = folder() / other;
        const auto compared = dwubit::run_compare(request, pool);
        if (fuzz::accepted(compared)) DWUBIT_CHECK(!compared->text.empty());
    }
    return 0;
}

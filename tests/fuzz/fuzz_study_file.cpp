// parse_study on any text: what it accepts keeps the promises of Study, what it refuses is said in few words.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "base/check.h"
#include "study/study_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto study = dwubit::parse_study({reinterpret_cast<const char*>(data), size}, "studies/s.toml");
    if (!study.ok()) {
        DWUBIT_CHECK(!study.error().message.empty() && study.error().message.size() < 2048);
        return 0;
    }
    DWUBIT_CHECK(!study->model.empty() && !study->name.empty());
    DWUBIT_CHECK(study->name.find('/') == std::string::npos && study->name.front() != '.');
    DWUBIT_CHECK(study->calibration.sequences >= 1 && study->calibration.length >= 1);
    DWUBIT_CHECK(!study->perplexity || (study->perplexity->window >= 1 && !study->corpus.heldout.empty()));
    DWUBIT_CHECK(!study->eval || !study->eval->tasks.empty());
    DWUBIT_CHECK(study->methods.empty() || !study->corpus.calibration.empty());
    DWUBIT_CHECK(std::isfinite(study->budget.usd_per_hour) && study->budget.usd_per_hour >= 0);
    std::set<std::string> ids;
    for (const dwubit::StudyMethod& method : study->methods) {
        DWUBIT_CHECK(method.id != dwubit::kBaseId && method.id.find('/') == std::string::npos);
        DWUBIT_CHECK(ids.insert(method.id).second && !method.method.empty());
    }
    return 0;
}

// The report object of a study (docs/report.md) from its folder: journal, manifests, results.
#pragma once

#include <filesystem>

#include "base/thread_pool.h"
#include "json/json.h"
#include "study/journal.h"

namespace dwubit {

// What the journal keeps of the study, so that a report needs neither its file nor its inputs: name, title, settings,
// inputs with hashes, models with their methods, in order, keys of its steps. A step that was done with another key, or
// is no step of the study any more, is none of the report.
inline constexpr const char* kStudyNote = "study";

// `timings`: seconds, times and machines too. Models whose steps are not done are left out, with a warning.
Result<Json> collect_report(const std::filesystem::path& folder, Journal& journal, bool timings, ThreadPool& pool);

}  // namespace dwubit

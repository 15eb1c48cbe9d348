// The files of a study's report.
#pragma once

#include <filesystem>
#include <vector>

#include "base/thread_pool.h"
#include "report/report.h"
#include "study/journal.h"

namespace dwubit {

// collect_report(), rendered.
Result<std::vector<ReportFile>> study_report_files(const std::filesystem::path& folder, Journal& journal, bool timings,
                                                   ThreadPool& pool);
// Each appears whole; report.html last.
Result<void> write_report_files(const std::filesystem::path& folder, const std::vector<ReportFile>& files);

}  // namespace dwubit

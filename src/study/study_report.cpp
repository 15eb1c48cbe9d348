#include "study/study_report.h"

#include "base/atomic_file.h"
#include "base/error.h"
#include "study/collect.h"
#include "study/run_study.h"

namespace dwubit {

Result<std::vector<ReportFile>> study_report_files(const std::filesystem::path& folder, Journal& journal, bool timings,
                                                   ThreadPool& pool) {
    DWUBIT_ASSIGN(Json report, collect_report(folder, journal, timings, pool));
    return render_report(std::move(report));
}

Result<void> write_report_files(const std::filesystem::path& folder, const std::vector<ReportFile>& files) {
    for (const ReportFile& file : files) DWUBIT_TRY(write_file_atomically(folder / file.name, file.bytes));
    return {};
}

Result<Json> write_study_report(const ReportRequest& request, ThreadPool& pool) {
    std::error_code ignored;
    if (!std::filesystem::is_directory(request.study, ignored)) {
        return errorf(ErrorKind::kNotFound, "{} is no folder", request.study.string())
            .with_hint("name the folder that dwubit study -o made");
    }
    DWUBIT_ASSIGN(Journal journal, Journal::read(request.study));
    DWUBIT_ASSIGN(const auto files, study_report_files(request.study, journal, request.timings, pool));
    const std::filesystem::path output = request.output.value_or(request.study);
    DWUBIT_TRY(write_report_files(output, files));
    Json names = Json::array();
    Json verdict;
    for (const ReportFile& file : files) {
        names.push_back((output / file.name).string());
        if (file.name != "report.json") continue;
        DWUBIT_ASSIGN(const Json object, parse_json(file.bytes));
        verdict = object.value("verdict", Json());
    }
    return Json{{"files", std::move(names)}, {"verdict", std::move(verdict)}};
}

}  // namespace dwubit

// `dwubit study`: carries out the steps of a study file in one folder, resumably, and writes the report.
//
//   OUT/hessians, OUT/models/<id>, OUT/results/<id>, OUT/report.{json,md,html}, OUT/report-charts, OUT/journal.sqlite
//
// Whenever the process ends, the same command goes on from there, and the files (but for the journal, times and
// dwubit-run.json) are in the end those of a run that was never stopped.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/thread_pool.h"
#include "json/json.h"
#include "study/progress.h"

namespace dwubit {

struct StudyRequest {
    std::filesystem::path file;
    std::optional<std::filesystem::path> output;  // unset: out/<name of the study>
    bool dry_run = false;                         // look, write nothing
    bool wait = false;                            // for another process that is running the same study
};

struct StudyEnvironment {
    ThreadPool& pool;
    StudyProgress& progress;
    std::string device = "cpu";  // of calibrate and quantize
    std::function<void(std::string)> warn;
};

// The command's object: {study, status ("done", "resumable", "failed"), steps, total, report, failed}. A step that
// fails does not keep others from running, unless it is the disk or memory that fails: that is an Error.
Result<Json> run_study(const StudyRequest& request, const StudyEnvironment& environment);

// `dwubit report`: writes the report of a study's folder again, from what its journal and results say, into `output`.
struct ReportRequest {
    std::filesystem::path study;                  // its folder
    std::optional<std::filesystem::path> output;  // unset: the study's folder
    bool timings = true;                          // false: leave out what differs from run to run
};
// {files, verdict}
Result<Json> write_study_report(const ReportRequest& request, ThreadPool& pool);

}  // namespace dwubit

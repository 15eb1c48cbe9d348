// The report of a study: from what was measured to a verdict in words, a Markdown page with charts and one HTML page.
//
// Pure: no file is read or written, and equal objects give equal bytes. docs/report.md says what the pages show and
// where their words come from.
#pragma once

#include <string>
#include <vector>

#include "dwubit/result.h"
#include "json/json.h"

namespace dwubit {

struct ReportFile {
    std::string name;  // relative to the output folder: "report.json", "report-charts/quality.svg"
    std::string bytes;
};

// Takes a report object (schema dwubit.report/1), whose members may be null wherever nothing was measured, and gives it
// the member `verdict`. The files: report.json, report.md, report-charts/*.svg, report.html.
// An object of another schema or shape is InvalidInput; the message names the member and what would be right.
Result<std::vector<ReportFile>> render_report(Json report);

}  // namespace dwubit

#include "report/report.h"

#include <utility>

#include "report/document.h"
#include "report/pages.h"
#include "report/report_data.h"
#include "report/verdict.h"

namespace dwubit {

Result<std::vector<ReportFile>> render_report(Json object) {
    auto read = report::read_report(object);
    if (!read.ok()) return std::move(read).error();
    const report::Verdict verdict = report::write_verdict(read.value());
    Json& sentences = object["verdict"] = Json::array();
    for (const std::string& sentence : verdict.findings) sentences.push_back(sentence);
    for (const std::string& sentence : verdict.limits) sentences.push_back(sentence);
    const report::Document document = report::write_document(read.value(), verdict);
    std::vector<ReportFile> files;
    files.push_back({"report.json", dump_json(object, 2) + "\n"});
    files.push_back({"report.md", report::markdown_page(document)});
    files.push_back({"report.html", report::html_page(document)});
    return files;
}

}  // namespace dwubit

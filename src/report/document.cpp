#include "report/document.h"

#include <fmt/format.h>

#include "report/numbers.h"

namespace dwubit::report {

Section verdict_section(const Report& report, const Verdict& verdict) {
    Section section{"Verdict", {}};
    section.blocks.emplace_back(List{verdict.findings});
    if (!verdict.limits.empty()) {
        section.blocks.emplace_back(Heading{"What nobody may conclude"});
        section.blocks.emplace_back(List{verdict.limits});
    }
    if (!report.warnings.empty()) {
        section.blocks.emplace_back(Heading{"Warnings of the run"});
        section.blocks.emplace_back(List{report.warnings});
    }
    return section;
}

Document write_document(const Report& report, const Verdict& verdict) {
    Document document;
    document.title = !report.title.empty() ? report.title : !report.name.empty() ? report.name : "dwubit report";
    const std::size_t methods = report.models.size() - 1;
    document.subtitle =
        fmt::format("{} against the base \"{}\"", counted(methods, "model", "models"), report.models[report.base].id);
    if (!report.tasks.empty()) document.subtitle += ", " + counted(report.tasks.size(), "task", "tasks");
    if (!report.version.empty()) document.subtitle += "; dwubit " + report.version;
    document.sections = {verdict_section(report, verdict), summary_section(report), quality_section(report),
                         retention_section(report),        layers_section(report),  run_section(report)};
    return document;
}

}  // namespace dwubit::report

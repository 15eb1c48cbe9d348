// What was run: inputs, steps, environment, settings.
#include <fmt/format.h>

#include <algorithm>

#include "report/document.h"
#include "report/numbers.h"

namespace dwubit::report {
namespace {

constexpr std::size_t kShortHash = 16;

std::string short_hash(const std::string& hash) {
    return hash.empty() ? kNone : hash.substr(0, kShortHash);
}

std::string or_none(const std::string& text) {
    return text.empty() ? kNone : text;
}

// "dwubit 0.1.0, torch 1.13.1, device cpu"
std::string environment_text(const Json& environment) {
    std::string text;
    for (const auto& [name, value] : environment.items()) {
        if (value.is_null()) continue;
        const std::string shown = value.is_string() ? value.get<std::string>() : dump_json(value);
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, shown);
    }
    return text;
}

// The environments that steps ran in, in the order of their first step.
std::vector<std::string> environments(const Report& report) {
    std::vector<std::string> found;
    for (const Step& step : report.steps) {
        const std::string text = environment_text(step.environment);
        if (!text.empty() && std::find(found.begin(), found.end(), text) == found.end()) found.push_back(text);
    }
    return found;
}

Table input_table(const Report& report) {
    Table table{{{"input", "", false}, {"path", "", false}, {"SHA-256", "", false}}, {}};
    if (!report.file.empty() || !report.sha256.empty()) {
        table.rows.push_back({"study file", or_none(report.file), or_none(report.sha256)});
    }
    for (const Input& input : report.inputs)
        table.rows.push_back({input.name, or_none(input.path), or_none(input.sha256)});
    return table;
}

Table step_table(const Report& report, const std::vector<std::string>& machines) {
    Table table{{{"step", "", false},
                 {"key", "of its inputs and settings", false},
                 {"outputs", "SHA-256", false},
                 {"seconds", "", true},
                 {"finished", "UTC", false}},
                {}};
    if (machines.size() > 1) table.columns.push_back({"machine", "", true});
    for (const Step& step : report.steps) {
        std::vector<Cell> row = {step.id, short_hash(step.key), short_hash(step.outputs_sha256),
                                 step.seconds ? seconds_text(*step.seconds) : kNone, or_none(step.finished)};
        if (machines.size() > 1) {
            const auto at = std::find(machines.begin(), machines.end(), environment_text(step.environment));
            row.emplace_back(at == machines.end() ? kNone : fmt::format("{}", at - machines.begin() + 1));
        }
        table.rows.push_back(std::move(row));
    }
    return table;
}

}  // namespace

Section run_section(const Report& report) {
    Section section{"What was run", {}};
    std::string lead = fmt::format("dwubit {}.", report.version.empty() ? "of unknown version" : report.version);
    if (report.total_seconds) lead += fmt::format(" All steps took {}.", seconds_text(*report.total_seconds));
    lead += " Equal keys mean equal inputs and settings; hashes are shortened here and whole in report.json.";
    section.blocks.emplace_back(Paragraph{lead});
    const std::vector<std::string> machines = environments(report);
    if (machines.size() == 1) section.blocks.emplace_back(Paragraph{"All steps ran with: " + machines[0] + "."});
    if (machines.size() > 1) {
        section.blocks.emplace_back(Heading{"Machines"});
        List list;
        for (std::size_t i = 0; i < machines.size(); ++i)
            list.items.push_back(fmt::format("{}: {}", i + 1, machines[i]));
        section.blocks.emplace_back(std::move(list));
    }
    Table inputs = input_table(report);
    if (!inputs.rows.empty()) {
        section.blocks.emplace_back(Heading{"Inputs"});
        section.blocks.emplace_back(std::move(inputs));
    }
    if (!report.steps.empty()) {
        section.blocks.emplace_back(Heading{"Steps"});
        section.blocks.emplace_back(step_table(report, machines));
    }
    if (!report.settings.empty()) {
        section.blocks.emplace_back(Code{"Settings, as the study file was read", dump_json(report.settings, 2)});
    }
    return section;
}

}  // namespace dwubit::report

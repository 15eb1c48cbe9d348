// What is left of multiple choice and of generation.
#include <fmt/format.h>

#include <algorithm>

#include "report/comparison.h"
#include "report/document.h"
#include "report/numbers.h"

namespace dwubit::report {
namespace {

// Shares beyond these are at the picture's edge: a base near chance makes quotients of any size.
constexpr double kLowest = -0.5;
constexpr double kHighest = 1.5;

std::string share_text(const Retention& retention) {
    if (!retention.low || !retention.high) return percent(retention.value);
    return fmt::format("{} [{}, {}]", percent(retention.value), percent(*retention.low), percent(*retention.high));
}

Cell share_cell(const std::optional<Retention>& retention) {
    if (!retention) return kNone;
    return {share_text(*retention),
            retention->tasks ? counted(static_cast<std::size_t>(*retention->tasks), "task", "tasks") : ""};
}

Cell pattern_cell(const Model& model) {
    switch (pattern_of(model)) {
        case Pattern::kAlike:
            return "alike, within noise";
        case Pattern::kCollapse:
            return {"generation collapses", "", Tone::kWorse};
        case Pattern::kGenerationLess:
            return {"less is left of generation", "", Tone::kWorse};
        case Pattern::kChoiceLess:
            return "less is left of multiple choice";
        case Pattern::kUnknown:
            break;
    }
    return kNone;
}

Number bounded(const Number& value) {
    return value ? Number(std::clamp(*value, kLowest, kHighest)) : value;
}

Chart retention_chart(const Report& report) {
    Chart chart;
    chart.name = "retention";
    chart.title = "Multiple choice against generation";
    chart.x.title = "left of multiple choice";
    chart.y.title = "left of generation";
    chart.x.percent = chart.y.percent = true;
    chart.diagonal = true;
    chart.facts = {"multiple choice left", "generation left"};
    chart.caption =
        "On the dashed line multiple choice and generation keep the same share of the base's score above chance; below "
        "it "
        "multiple choice hides what generation lost. Bars are 95 % intervals.";
    Panel panel;
    std::vector<double> choices;
    std::vector<double> generations;
    std::vector<std::string> outside;
    for (std::size_t i = 0; i < report.models.size(); ++i) {
        const Model& model = report.models[i];
        if (i == report.base || !model.choice || !model.generation) continue;
        Point point;
        point.x = *bounded(model.choice->value);
        point.y = *bounded(model.generation->value);
        point.x_low = bounded(model.choice->low);
        point.x_high = bounded(model.choice->high);
        point.y_low = bounded(model.generation->low);
        point.y_high = bounded(model.generation->high);
        point.facts = {share_text(*model.choice), share_text(*model.generation)};
        if (point.x != model.choice->value || point.y != model.generation->value) outside.push_back(model.id);
        for (const Number& value : {Number(point.x), point.x_low, point.x_high}) {
            if (value) choices.push_back(*value);
        }
        for (const Number& value : {Number(point.y), point.y_low, point.y_high}) {
            if (value) generations.push_back(*value);
        }
        panel.series.push_back({model.id, style_of(report, i), {point}});
    }
    choices.push_back(1);
    generations.push_back(1);
    generations.push_back(std::min(*std::min_element(choices.begin(), choices.end()), 0.8));
    fit_axis(chart.x, choices);
    fit_axis(chart.y, generations);
    if (!outside.empty()) chart.caption += fmt::format(" Beyond the picture's edge: {}.", listed(outside, 6));
    chart.panels.push_back(std::move(panel));
    return chart;
}

}  // namespace

Section retention_section(const Report& report) {
    Section section{"Multiple choice against generation", {}};
    Table table{{{"method", "", false},
                 {"multiple choice left", "", true},
                 {"generation left", "", true},
                 {"compared", "", false}},
                {}};
    bool any = false;
    for (const Model& model : report.models) {
        if (is_base(report, model)) continue;
        any = any || model.choice || model.generation;
        table.rows.push_back({model.id, share_cell(model.choice), share_cell(model.generation), pattern_cell(model)});
    }
    if (!any) {
        section.blocks.emplace_back(
            Paragraph{"Nothing is known of it: no task was measured on which the base is above chance."});
        return section;
    }
    section.blocks.emplace_back(Paragraph{
        "Left is (score − chance) / (the base's score − chance), the mean over the tasks on which the base is above "
        "chance: 100 % is all of it, 0 % is guessing. Brackets are 95 % intervals."});
    Chart chart = retention_chart(report);
    if (!chart.panels[0].series.empty()) section.blocks.emplace_back(std::move(chart));
    section.blocks.emplace_back(std::move(table));
    return section;
}

}  // namespace dwubit::report

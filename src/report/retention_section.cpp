// What is left of multiple choice and of generation.
#include <fmt/format.h>

#include "report/comparison.h"
#include "report/document.h"
#include "report/numbers.h"

namespace dwubit::report {
namespace {

Cell retention_cell(const std::optional<Retention>& retention) {
    if (!retention) return kNone;
    std::string text = percent(retention->value);
    if (retention->low && retention->high) {
        text += fmt::format(" [{}, {}]", percent(*retention->low), percent(*retention->high));
    }
    return {text, retention->tasks ? counted(static_cast<std::size_t>(*retention->tasks), "task", "tasks") : ""};
}

}  // namespace

Section retention_section(const Report& report) {
    Section section{"Multiple choice against generation", {}};
    Table table{{{"method", "", false}, {"multiple choice left", "", true}, {"generation left", "", true}}, {}};
    bool any = false;
    for (const Model& model : report.models) {
        if (is_base(report, model)) continue;
        any = any || model.choice || model.generation;
        table.rows.push_back({model.id, retention_cell(model.choice), retention_cell(model.generation)});
    }
    if (!any) {
        section.blocks.emplace_back(
            Paragraph{"No task above chance was measured, so nothing can be said about what is left of them."});
        return section;
    }
    section.blocks.emplace_back(Paragraph{
        "Left is (score − chance) / (the base's score − chance), the mean over the tasks on which the base is above "
        "chance: 100 % is all of it, 0 % is guessing. Brackets are 95 % intervals."});
    section.blocks.emplace_back(std::move(table));
    return section;
}

}  // namespace dwubit::report

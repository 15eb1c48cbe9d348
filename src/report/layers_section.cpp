// Where the loss lies: by layer and by kind of linear.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "report/document.h"
#include "report/layer_losses.h"
#include "report/numbers.h"

namespace dwubit::report {
namespace {

Table kind_table(const Report& report, const LayerLosses& losses) {
    Table table{{{"method", "", false}, {"mean of all", "", true}}, {}};
    for (const std::string& kind : losses.kinds) table.columns.push_back({kind, "mean, worst layer", true});
    for (const ModelLosses& model : losses.models) {
        const Model& measured = report.models[model.place];
        std::vector<Cell> row = {measured.id, significant(measured.mean_relative_proxy)};
        for (const std::string& kind : losses.kinds) {
            const auto at = model.kinds.find(kind);
            if (at == model.kinds.end()) {
                row.emplace_back(kNone);
                continue;
            }
            double sum = 0;
            auto worst = at->second.begin();
            for (auto layer = at->second.begin(); layer != at->second.end(); ++layer) {
                sum += layer->second;
                if (layer->second > worst->second) worst = layer;
            }
            row.emplace_back(significant(sum / static_cast<double>(at->second.size())),
                             fmt::format("{} in layer {}", significant(worst->second), worst->first));
        }
        table.rows.push_back(std::move(row));
    }
    return table;
}

}  // namespace

Section layers_section(const Report& report) {
    Section section{"Loss per layer and kind of linear", {}};
    const LayerLosses losses = layer_losses(report);
    if (losses.models.empty()) {
        section.blocks.emplace_back(Paragraph{"No method reported a loss per tensor."});
        return section;
    }
    section.blocks.emplace_back(
        Paragraph{"Relative proxy: the expected squared error of a linear's output on calibration text, over the "
                  "squared output itself. "
                  "0 is exact, 1 is as bad as leaving the linear out."});
    section.blocks.emplace_back(kind_table(report, losses));
    return section;
}

}  // namespace dwubit::report

// Perplexity and KL divergence against the bytes of the file.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "report/comparison.h"
#include "report/document.h"
#include "report/numbers.h"

namespace dwubit::report {
namespace {

constexpr double kLogarithmicFrom = 2.5;  // largest over smallest value

struct Unit {
    double bytes = 1;
    const char* name = "bytes";
};

Unit unit_for(double bytes) {
    constexpr std::array kUnits = {Unit{1e12, "TB"}, Unit{1e9, "GB"}, Unit{1e6, "MB"}, Unit{1e3, "kB"}};
    const auto* const at =
        std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& unit) { return bytes >= unit.bytes; });
    return at == kUnits.end() ? Unit{} : *at;
}

// The measured value with its interval, if it has one.
struct Quality {
    double value = 0;
    Number low, high;
    std::string text;
};

using Measured = std::optional<Quality> (*)(const Model&);

std::optional<Quality> perplexity_ratio(const Model& model) {
    const Number ratio = model.perplexity.ratio;
    if (!ratio || *ratio <= 0) return std::nullopt;
    return Quality{*ratio, {}, {}, "×" + significant(*ratio, 4)};
}

std::optional<Quality> divergence(const Model& model) {
    const Divergence& kl = model.divergence;
    if (!kl.mean || *kl.mean < 0) return std::nullopt;
    Quality quality{*kl.mean, {}, {}, with_error(*kl.mean, kl.standard_error)};
    if (kl.standard_error) {
        quality.low = *kl.mean - kTwoSided95 * *kl.standard_error;
        quality.high = *kl.mean + kTwoSided95 * *kl.standard_error;
    }
    return quality;
}

// Empty where no model has both; `missing` gets the models that have not.
std::optional<Chart> against_bytes(const Report& report, Chart chart, Measured measured,
                                   std::vector<std::string>& missing) {
    std::vector<double> bytes;
    std::vector<double> values;
    Panel panel;
    for (std::size_t i = 0; i < report.models.size(); ++i) {
        const Model& model = report.models[i];
        if (i == report.base) continue;
        const auto quality = measured(model);
        if (!model.bytes || !quality) {
            missing.push_back(model.id);
            continue;
        }
        Point point;
        point.x = static_cast<double>(*model.bytes);
        point.y = quality->value;
        point.y_low = quality->low;
        point.y_high = quality->high;
        point.facts = {bytes_text(point.x), significant(model.bits_linears, 4), quality->text};
        bytes.push_back(point.x);
        for (const Number& value : {Number(point.y), point.y_low, point.y_high}) {
            if (value) values.push_back(*value);
        }
        panel.series.push_back({model.id, style_of(report, i), {point}});
    }
    if (panel.series.empty()) return std::nullopt;
    const Unit unit = unit_for(*std::max_element(bytes.begin(), bytes.end()));
    for (Series& series : panel.series) series.points[0].x /= unit.bytes;
    for (double& value : bytes) value /= unit.bytes;
    if (chart.level) values.push_back(*chart.level);
    chart.x.title = fmt::format("size of the file ({})", unit.name);
    fit_axis(chart.x, bytes, kLogarithmicFrom);
    fit_axis(chart.y, values, kLogarithmicFrom);
    chart.panels.push_back(std::move(panel));
    return chart;
}

std::string caption(const Report& report, std::string text, const Chart& chart,
                    const std::vector<std::string>& missing) {
    const Model& base = report.models[report.base];
    if (base.bytes) text += fmt::format(" The base takes {}.", bytes_text(static_cast<double>(*base.bytes)));
    if (chart.y.logarithmic) text += " The vertical scale is logarithmic.";
    if (!missing.empty()) text += fmt::format(" Not in the picture, as not measured: {}.", listed(missing, 6));
    return text;
}

void add(Section& section, const Report& report, Chart chart, Measured measured, const std::string& text) {
    std::vector<std::string> missing;
    auto drawn = against_bytes(report, std::move(chart), measured, missing);
    if (!drawn) return;
    drawn->caption = caption(report, text, *drawn, missing);
    section.blocks.emplace_back(*std::move(drawn));
}

// A mean hides its tail: text is as good as its worst predictions.
Table divergence_table(const Report& report) {
    Table table{{{"method", "", false},
                 {"mean KL", "± 95 %", true},
                 {"median", "", true},
                 {"99th percentile", "", true},
                 {"largest", "", true},
                 {"same top token", "of all predictions", true}},
                {}};
    for (const Model& model : report.models) {
        const Divergence& kl = model.divergence;
        if (is_base(report, model) || !kl.mean) continue;
        table.rows.push_back({model.id, with_error(*kl.mean, kl.standard_error), significant(kl.p50),
                              significant(kl.p99), significant(kl.max),
                              kl.same_top ? percent(*kl.same_top, 1) : kNone});
    }
    return table;
}

}  // namespace

Section quality_section(const Report& report) {
    Section section{"Quality against bytes", {}};
    Chart ratio;
    ratio.name = "quality";
    ratio.title = "Perplexity against bytes";
    ratio.y.title = "perplexity / the base's";
    ratio.level = 1;
    ratio.facts = {"bytes", "bits of linears", "perplexity ratio"};
    add(section, report, std::move(ratio), perplexity_ratio,
        "Lower and further left is better; the dashed line is the base's perplexity.");
    Chart kl;
    kl.name = "divergence";
    kl.title = "KL divergence against bytes";
    kl.y.title = "KL divergence from the base";
    kl.facts = {"bytes", "bits of linears", "KL divergence"};
    add(section, report, std::move(kl), divergence,
        "Lower and further left is better; bars are 95 % intervals, often shorter than the mark.");
    Table divergences = divergence_table(report);
    if (!divergences.rows.empty()) section.blocks.emplace_back(std::move(divergences));
    if (section.blocks.empty() && report.models.size() > 1) {
        section.blocks.emplace_back(Paragraph{"No method has both a size and a measured quality."});
    }
    return section;
}

}  // namespace dwubit::report

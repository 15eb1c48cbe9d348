// A comparison in words and tables, in Markdown.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/text.h"
#include "eval/run_compare.h"
#include "template/python_text.h"

namespace dwubit {
namespace {

using Row = std::vector<std::string>;

std::string number(const Json& value, bool sign = false) {
    if (!value.is_number()) return "-";
    return sign ? fmt::format("{:+.4f}", value.get<double>()) : fmt::format("{:.4f}", value.get<double>());
}

std::string with_interval(const Json& value, const Json& low, const Json& high, bool sign = false) {
    return fmt::format("{} [{}, {}]", number(value, sign), number(low, sign), number(high, sign));
}

std::string verdict(const Json& row) {
    if (row.at("within_noise").is_null()) return "no interval";
    if (row.at("within_noise").get<bool>()) return "within noise";
    return (row.at("difference_low").get<double>() > 0) == row.at("higher_is_better").get<bool>() ? "better" : "worse";
}

// Names are of strangers: no line breaks, no column ends.
std::string cell(const Json& value) {
    std::string text = printable(value.is_string() ? value.get<std::string>() : dump_json(value));
    for (std::size_t at = text.find('|'); at != std::string::npos; at = text.find('|', at + 2)) text.insert(at, "\\");
    return text;
}

Row score_row(const Json& row) {
    const Json& base = row.at("base");
    const Json& other = row.at("other");
    const Json& flips = row.at("flips");
    return {cell(row.at("name")),
            cell(row.at("metric")),
            cell(row.at("documents")),
            with_interval(base.at("score"), base.at("low"), base.at("high")),
            with_interval(other.at("score"), other.at("low"), other.at("high")),
            with_interval(row.at("difference"), row.at("difference_low"), row.at("difference_high"), true),
            verdict(row),
            flips.is_null() ? "-" : cell(flips.at("lost")),
            flips.is_null() ? "-" : cell(flips.at("gained"))};
}

std::string table(const std::vector<Row>& rows) {
    std::vector<std::size_t> widths(rows.front().size(), 3);
    for (const Row& row : rows) {
        for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], tmpl::count_characters(row[c]));
    }
    std::string out;
    for (std::size_t r = 0; r < rows.size(); ++r) {
        for (std::size_t c = 0; c < widths.size(); ++c) {
            out += fmt::format("| {}{} ", rows[r][c], std::string(widths[c] - tmpl::count_characters(rows[r][c]), ' '));
        }
        out += "|\n";
        if (r > 0) continue;
        for (const std::size_t width : widths) out += fmt::format("|{}", std::string(width + 2, '-'));
        out += "|\n";
    }
    return out;
}

std::string retention_text(const Json& kept, std::string_view kind, double level) {
    if (kept.is_null()) return fmt::format("- {}: no task on which A is above chance\n", kind);
    return fmt::format("- {}: {} of A's score above chance is left, {:g} % interval [{}, {}], {} task{}\n", kind,
                       number(kept.at("value")), 100 * level, number(kept.at("low")), number(kept.at("high")),
                       kept.at("tasks").get<std::int64_t>(), kept.at("tasks") == 1 ? "" : "s");
}

std::string perplexity_text(const Json& object) {
    std::vector<Row> rows = {{"", "perplexity", "± stderr", "KL mean", "KL p99", "same top token"}};
    for (const char* side : {"a", "b"}) {
        const Json& found = object.at(side).at("perplexity");
        if (found.is_null()) continue;
        const Json kl = found.at("kl").is_object() ? found.at("kl") : Json::object();
        rows.push_back({side[0] == 'a' ? "A" : "B", number(found.at("perplexity")), number(found.at("stderr")),
                        number(kl.value("mean", Json())), number(kl.value("p99", Json())),
                        number(kl.value("same_top1", Json()))});
    }
    return rows.size() == 1 ? "" : "\n" + table(rows);
}

}  // namespace

std::string comparison_text(const Json& object) {
    std::string out = "# Comparison\n\n";
    for (const char* side : {"a", "b"}) {
        out += fmt::format("- {}: {}{}\n", side[0] == 'a' ? "A, the base" : "B",
                           printable(object.at(side).at("model").get<std::string>()),
                           fmt::format(" ({})", printable(object.at(side).at("file").get<std::string>(), 400)));
    }
    std::vector<Row> rows = {{"task", "metric", "documents", "A", "B", "B - A", "difference is", "lost", "gained"}};
    for (const Json& row : object.at("tasks")) rows.push_back(score_row(row));
    const double level = object.at("level").get<double>();
    out += "\n" + table(rows);
    out += fmt::format(
        "\nIn brackets: {:g} % intervals of a paired bootstrap over documents, {} resamples. Lost: right in "
        "A, wrong in B; gained: the reverse.\n",
        100 * level, object.at("resamples").get<std::int64_t>());
    out += "\nRetention:\n\n" + retention_text(object.at("choice_retention"), "multiple choice", level) +
           retention_text(object.at("generation_retention"), "generation", level);
    return out + perplexity_text(object);
}

}  // namespace dwubit

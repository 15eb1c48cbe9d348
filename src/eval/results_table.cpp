// The table that lm-evaluation-harness prints, in Markdown.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "eval/results.h"
#include "tasks/python_value.h"
#include "template/python_text.h"

namespace dwubit {
namespace {

constexpr std::size_t kColumns = 9;
constexpr std::size_t kNarrowest = 3;
constexpr std::size_t kMostRows = 100'000;  // groups may hold each other in more ways than a table has room for
constexpr std::string_view kErrorEnd = "_stderr";
constexpr std::array<std::size_t, 4> kNumberColumns = {1, 3, 6, 8};  // Version, n-shot, Value, Stderr

using Row = std::array<std::string, kColumns>;

std::string text_of(const OrderedJson& value) {
    auto text = python_text(value);
    return text.ok() ? std::move(text).value() : dump_json(value);
}

std::string shown(const OrderedJson& value) {
    return value.is_number_float() ? fmt::format("{:.4f}", value.get<double>()) : text_of(value);
}

bool is_number(std::string_view text) {
    double value = 0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
    return end.ec == std::errc() && end.ptr == text.data() + text.size();
}

// Groups before what they hold, each with how deep it lies; then what lies in none.
std::vector<std::pair<std::string, std::size_t>> in_order(const OrderedJson& results, const OrderedJson& members) {
    std::vector<std::pair<std::string, std::size_t>> order;
    std::set<std::string> seen;
    std::set<std::string> path;
    std::set<std::string> children;
    std::set<std::string> roots;
    for (const auto& [group, list] : members.items()) {
        roots.insert(group);
        for (const OrderedJson& member : list) children.insert(member.get<std::string>());
    }
    const auto visit = [&](const auto& self, const std::string& name, std::size_t depth) -> void {
        if (order.size() >= kMostRows || !path.insert(name).second) return;
        seen.insert(name);
        if (results.contains(name)) order.emplace_back(name, depth);
        std::set<std::string> inner;
        if (members.contains(name)) {
            for (const OrderedJson& member : members.at(name)) inner.insert(member.get<std::string>());
        }
        for (const std::string& member : inner) self(self, member, depth + 1);
        path.erase(name);
    };
    for (const std::string& root : roots) {
        if (!children.contains(root)) visit(visit, root, 0);
    }
    std::set<std::string> rest;
    for (const auto& [name, value] : results.items()) {
        if (!seen.contains(name)) rest.insert(name);
    }
    for (const std::string& name : rest) order.emplace_back(name, 0);
    return order;
}

void add_rows(const OrderedJson& results, const std::string& name, const OrderedJson& scores, std::size_t depth,
              std::vector<Row>& rows) {
    const OrderedJson directions =
        results.value("higher_is_better", OrderedJson::object()).value(name, OrderedJson::object());
    std::string title = (depth > 0 ? std::string(depth, ' ') + "- " : "") + scores.value("alias", name);
    std::string version = text_of(results.at("versions").value(name, OrderedJson("    N/A")));
    const std::string shots = text_of(results.value("n-shot", OrderedJson::object()).value(name, OrderedJson(" ")));
    std::map<std::string, OrderedJson> ordered;
    for (const auto& [key, value] : scores.items()) ordered.emplace(key, value);
    for (const auto& [key, value] : ordered) {
        const std::size_t comma = key.find(',');
        if (comma == std::string::npos) continue;
        const std::string metric = key.substr(0, comma);
        const std::string filter = key.substr(comma + 1);
        if (metric.ends_with(kErrorEnd)) continue;
        const OrderedJson direction = directions.value(metric, OrderedJson());
        const std::string arrow = direction.is_boolean() ? (direction.get<bool>() ? "↑" : "↓") : "";
        const auto error = ordered.find(fmt::format("{}{},{}", metric, kErrorEnd, filter));
        const std::string error_text = error == ordered.end()      ? ""
                                       : error->second.is_number() ? shown(error->second)
                                                                   : "   N/A";
        rows.push_back(
            {title, version, filter, shots, metric, arrow, shown(value), error_text.empty() ? "" : "±", error_text});
        title.clear();
        version.clear();
    }
}

// Numbers of one column get as many decimals as the one that needs most.
void trim_decimals(std::vector<Row>& rows, std::size_t column) {
    std::size_t most = 0;
    for (const Row& row : rows) {
        const std::string& cell = row[column];
        if (cell.empty() || cell == " ") continue;
        if (!is_number(cell)) return;
        const std::size_t point = cell.find('.');
        if (point == std::string::npos) continue;
        const std::size_t last = cell.find_last_not_of('0');
        most = std::max(most, std::max(last - point, std::size_t{1}));
    }
    for (Row& row : rows) {
        const std::size_t point = row[column].find('.');
        if (point != std::string::npos) row[column].resize(point + 1 + most, '0');
    }
}

std::string escaped(std::string text) {
    for (std::size_t at = text.find('|'); at != std::string::npos; at = text.find('|', at + 2)) text.insert(at, "\\");
    return text;
}

std::string markdown(const Row& header, std::vector<Row> rows) {
    std::array<std::size_t, kColumns> widths{};
    std::array<bool, kColumns> right{};
    for (const std::size_t column : kNumberColumns) {
        trim_decimals(rows, column);
        right[column] = std::all_of(rows.begin(), rows.end(), [&](const Row& row) {
            return row[column].empty() || row[column] == " " || is_number(row[column]);
        });
    }
    for (Row& row : rows) std::transform(row.begin(), row.end(), row.begin(), escaped);
    for (std::size_t c = 0; c < kColumns; ++c) {
        widths[c] = std::max(kNarrowest, tmpl::count_characters(header[c]));
        for (const Row& row : rows) widths[c] = std::max(widths[c], tmpl::count_characters(row[c]));
    }
    std::string out = "|";
    std::string line = "|";
    for (std::size_t c = 0; c < kColumns; ++c) {
        const std::size_t spare = widths[c] - tmpl::count_characters(header[c]);
        out += std::string(spare / 2, ' ') + header[c] + std::string(spare - spare / 2, ' ') + "|";
        line += std::string(widths[c] - (right[c] ? 1 : 0), '-') + (right[c] ? ":|" : "|");
    }
    out += "\n" + line + "\n";
    for (const Row& row : rows) {
        out += "|";
        for (std::size_t c = 0; c < kColumns; ++c) {
            const std::string spare(widths[c] - tmpl::count_characters(row[c]), ' ');
            const bool number_column =
                std::find(kNumberColumns.begin(), kNumberColumns.end(), c) != kNumberColumns.end();
            out += number_column && is_number(row[c]) ? spare + row[c] : row[c] + spare;
            out += "|";
        }
        out += "\n";
    }
    return out;
}

}  // namespace

std::string results_table(const OrderedJson& results, ResultsTable which) {
    const bool groups = which == ResultsTable::kGroups;
    const auto scores = results.find(groups ? "groups" : "results");
    if (scores == results.end() || scores->empty()) return "";
    std::vector<Row> rows;
    for (const auto& [name, depth] : in_order(*scores, results.value("group_subtasks", OrderedJson::object()))) {
        add_rows(results, name, scores->at(name), depth, rows);
    }
    return markdown({groups ? "Groups" : "Tasks", "Version", "Filter", "n-shot", "Metric", "", "Value", "", "Stderr"},
                    rows);
}

}  // namespace dwubit

#include <fmt/format.h>

#include <algorithm>

#include "report/escape.h"
#include "report/pages.h"

namespace dwubit::report {
namespace {

std::string row_text(const std::vector<std::string>& cells) {
    std::string text = "|";
    for (const std::string& cell : cells) text += " " + cell + " |";
    return text + "\n";
}

std::string two_lines(const std::string& text, const std::string& note) {
    if (note.empty()) return markdown(text);
    return markdown(text) + "<br>" + markdown(note);
}

// Longer than any run of backticks inside.
std::string fence_for(const std::string& text) {
    std::size_t longest = 0;
    std::size_t run = 0;
    for (const char c : text) {
        run = c == '`' ? run + 1 : 0;
        longest = std::max(longest, run);
    }
    return std::string(std::max<std::size_t>(3, longest + 1), '`');
}

struct Writer {
    std::string out;

    void operator()(const Heading& heading) { out += "### " + markdown(heading.text) + "\n\n"; }
    void operator()(const Paragraph& paragraph) { out += markdown(paragraph.text) + "\n\n"; }
    void operator()(const List& list) {
        for (const std::string& item : list.items) out += "- " + markdown(item) + "\n";
        out += "\n";
    }
    void operator()(const Table& table) {
        std::vector<std::string> header;
        std::vector<std::string> rule;
        for (const Column& column : table.columns) {
            header.push_back(two_lines(column.title, column.note));
            rule.emplace_back(column.number ? "---:" : "---");
        }
        out += row_text(header) + row_text(rule);
        for (const auto& row : table.rows) {
            std::vector<std::string> cells;
            for (const Cell& cell : row) cells.push_back(two_lines(cell.text, cell.note));
            out += row_text(cells);
        }
        out += "\n";
    }
    void operator()(const Chart& chart) {
        out += fmt::format("![{}]({}{}.svg)\n\n{}\n\n", markdown(chart.title), kChartFolder, chart.name,
                           markdown(chart.caption));
    }
    void operator()(const Code& code) {
        const std::string fence = fence_for(code.text);
        out += fmt::format("{}:\n\n{}\n{}\n{}\n\n", markdown(code.summary), fence, code.text, fence);
    }
};

}  // namespace

std::string markdown_page(const Document& document) {
    Writer writer;
    writer.out = fmt::format("# {}\n\n{}\n\n", markdown(document.title), markdown(document.subtitle));
    for (const Section& section : document.sections) {
        if (section.blocks.empty()) continue;
        writer.out += "## " + markdown(section.heading) + "\n\n";
        for (const Block& block : section.blocks) std::visit(writer, block);
    }
    writer.out.pop_back();
    return writer.out;
}

}  // namespace dwubit::report
